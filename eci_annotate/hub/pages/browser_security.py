"""Protection against scripts of other pages: headers on every response, and checks on every browser request.

A page is always a top-level document that a user navigated to; a form always comes from our own origin, with a token
that is bound to the session and to the subject of the form.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eci_annotate.errors import Refused
from eci_annotate.hub.core.settings import Settings

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; form-action 'self'; "
    "connect-src 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"permissions-policy", b"publickey-credentials-get=(self), publickey-credentials-create=(self)"),
)


class Headers:
    """Adds `HEADERS` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in HEADERS if pair[0] not in have)]
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


def check_navigation(request: Request, settings: Settings) -> None:
    """Raise Refused unless a user's browser navigates to this page as a top-level document."""
    head = request.headers
    if "service-worker-navigation-preload" in head or head.get("service-worker"):
        raise Refused("This page is not for service workers.", "Open it in its own window.")
    mode, dest, site = (head.get(f"sec-fetch-{name}") for name in ("mode", "dest", "site"))
    if (mode, dest) != ("navigate", "document"):
        raise Refused("This page opens only in its own window.", "Use a current browser and open the page directly.")
    if request.method == "POST" and (site != "same-origin" or head.get("origin") != origin_of(request, settings)):
        raise Refused("This form came from another page.", "Reload the page and submit its form again.")


def origin_of(request: Request, settings: Settings) -> str:
    """Return the origin of our pages: from the settings, else from the request."""
    if settings.origin:
        return settings.origin
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    return f"{scheme}://{request.headers.get('host', '')}"


def form_token(session: str, *about: str) -> str:
    """Return the token that proves a form to be ours, for this session, and about this."""
    return hmac.digest(session.encode(), "\n".join(about).encode(), "sha256").hex()


def check_form(session: str, given: str, *about: str) -> None:
    """Raise Refused unless `given` is the token of such a form."""
    if not hmac.compare_digest(given.encode(), form_token(session, *about).encode()):
        raise Refused("This form is unknown or has expired.", "Reload the page.")
