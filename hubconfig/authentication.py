"""Authentication by configuration: accounts in the hub's database, OpenID Connect, or LTI 1.3."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from settings import Settings, secret

from eci_annotate.errors import Refused


def _need(chosen: Mapping[str, Any], kind: str, *names: str) -> list[Any]:
    if missing := [name for name in names if not chosen.get(name)]:
        raise Refused(f"{kind} misses: {', '.join(missing)}.", f"Set them below '{kind}:' in the hub's settings.")
    return [chosen[name] for name in names]


def native(c: Any, settings: Settings) -> None:
    """Set accounts created by an administrator (`eci-annotate hub account`), or approved where signup is enabled."""
    from eci_annotate.userservers.accounts import Native

    c.JupyterHub.authenticator_class = Native
    c.Native.enable_signup = settings.signup


def oidc(c: Any, settings: Settings) -> None:
    """Set OpenID Connect: Keycloak, Entra ID, Shibboleth with OIDC …; the secret is ECI_HUB_OIDC_CLIENT_SECRET."""
    from oauthenticator.generic import GenericOAuthenticator

    client, authorize, token, userinfo = _need(
        settings.oidc, "oidc", "client_id", "authorize_url", "token_url", "userdata_url"
    )
    c.JupyterHub.authenticator_class = GenericOAuthenticator
    mine = c.GenericOAuthenticator
    mine.client_id, mine.client_secret = client, secret("oidc_client_secret")
    mine.authorize_url, mine.token_url, mine.userdata_url = authorize, token, userinfo
    mine.oauth_callback_url = f"{settings.public}/hub/oauth_callback"
    mine.username_claim = settings.oidc.get("username_claim", "preferred_username")
    mine.scope = settings.oidc.get("scope", ["openid", "profile"])
    mine.allow_all = True  # the institution decides who may log in; project membership, what they may do
    if claim := settings.oidc.get("groups_claim"):
        mine.manage_groups, mine.auth_state_groups_key = True, f"oauth_user.{claim}"


def lti(c: Any, settings: Settings) -> None:
    """Set LTI 1.3: Moodle, Canvas … for workshops. No secret: the platform signs, we store its public keys' address."""
    from ltiauthenticator.lti13.auth import LTI13Authenticator

    issuer, clients, authorize, keys = _need(
        settings.lti, "lti", "issuer", "client_ids", "authorize_url", "jwks_endpoint"
    )
    c.JupyterHub.authenticator_class = LTI13Authenticator
    mine = c.LTI13Authenticator
    mine.issuer, mine.client_id = issuer, set(clients)
    mine.authorize_url, mine.jwks_endpoint = authorize, keys
    mine.username_key = settings.lti.get("username_key", "sub")
    mine.allow_all = True


KINDS: Mapping[str, Callable[[Any, Settings], None]] = {"native": native, "oidc": oidc, "lti": lti}


def configure(c: Any, settings: Settings) -> None:
    """Set the authenticator."""
    if settings.authenticator not in KINDS:
        raise Refused(f"There is no authenticator {settings.authenticator!r}.", f"Choose one of {', '.join(KINDS)}.")
    KINDS[settings.authenticator](c, settings)
    c.Authenticator.admin_users = set(settings.admins)
    c.Authenticator.delete_invalid_users = False
