"""Credentials of hospitals' proxies: issued, listed and revoked by a project's owner. Only digests of secrets are kept.

Each credential is a member of the project (a data manager of one site) whose signing key the service holds.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from eci_annotate.deid.policy import Policy
from eci_annotate.deid.policy_file import policy_from
from eci_annotate.errors import NoIdentity, NotFound, Refused
from eci_annotate.repository.keys.held_identity import HeldIdentity
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.keys.service_keys import add_hub_member
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.actor import Assurance, Permission, Role
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json
from eci_annotate.workflow.project_checks import check_site
from eci_annotate.workflow.subject.commands import ChangeMember

TOKEN, PREFIX, ROLE = "eci-site", "site.", Role.DATA_MANAGER
_ID = re.compile(r"site\.[A-Za-z0-9_-]{1,32}\.[0-9a-f]{8}")


@dataclass(frozen=True)
class SiteCredential:
    """A credential: which project and site it sends for, the digest of its secret, and who issued and revoked it.

    `policy` is the site's de-identification policy as agreed, against which arriving files are checked; `lenient`: they
    are checked like other imports instead, for files that no proxy of ours de-identified.
    """

    id: str
    project: str
    site: str
    digest: str = field(repr=False)
    at: datetime
    by: str
    policy: dict[str, Any] = field(default_factory=dict, repr=False)
    revoked: str = ""
    lenient: bool = False

    def agreed(self) -> Policy:
        """Return what files of this site may contain."""
        return policy_from(self.policy)


def issue(
    backend: LocalBackend,
    project: str,
    site: str,
    policy: Mapping[str, Any] | None = None,
    *,
    lenient: bool = False,
) -> tuple[str, str]:
    """Issue a credential, for an owner of the project; returns its ID and its token, which cannot be shown again.

    Parameters
    ----------
    backend
        The repository, for an owner.
    project, site
        Where its uploads go.
    policy
        Content of the site's policy file; by default the strictest one.
    lenient
        Check arriving files like other imports, not by a policy.

    Raises
    ------
    Refused
        The actor does not own the project, nobody works on subjects of the site, or no service is enabled.
    """
    require_owner(backend, project, "Issue a site's credential", "the credentials of sites")
    check_site(backend.context.streams.projects()[project], site)
    policy_from(dict(policy or {}))
    name, secret = f"{PREFIX}{site}.{secrets.token_hex(4)}", secrets.token_urlsafe(32)
    add_hub_member(backend.context, backend.account.actor, project, name, roles=(ROLE,), site=site, sites=(site,))
    now, who = backend.context.clock(), backend.account.actor.name
    _keep(
        backend.context.layout,
        SiteCredential(name, project, site, _digest(secret), now, who, policy=dict(policy or {}), lenient=lenient),
    )
    backend.trail.note("site-issued.1", project, "", name)
    return name, f"{TOKEN}.{name}.{secret}"


def site_credentials(backend: LocalBackend) -> list[SiteCredential]:
    """Return the credentials of the projects that the actor owns, oldest first."""
    owned = {name for name in backend.account.actor.roles if backend.account.actor.may(Permission.ADMINISTER, name)}
    found = (_load(path) for path in _folder(backend.context.layout).glob("*.json"))
    return sorted((each for each in found if each.project in owned), key=lambda each: each.at)


def revoke(backend: LocalBackend, name: str) -> None:
    """Revoke a credential, for an owner of its project; its uploads are refused from now on."""
    found = next((each for each in site_credentials(backend) if each.id == name), None)
    if found is None:
        raise NotFound("Site credential not found.", "See: eci-annotate site list FOLDER")
    if found.revoked:
        return
    _keep(backend.context.layout, replace(found, revoked=backend.context.clock().isoformat()))
    backend.do(ChangeMember(found.project, found.id, (), ()))
    backend.trail.note("site-revoked.1", found.project, "", found.id)


def credential_of(layout: Layout, token: str) -> SiteCredential | None:
    """Return the valid credential of a token; None for any other."""
    kind, _, rest = token.partition(".")
    name, _, secret = rest.rpartition(".")
    path = _folder(layout) / f"{name}.json"
    if kind != TOKEN or not _ID.fullmatch(name) or not path.exists():
        return None
    found = _load(path)
    return found if hmac.compare_digest(found.digest, _digest(secret)) and not found.revoked else None


def credential_named(layout: Layout, name: str) -> SiteCredential:
    """Return a credential by its ID; raises NotFound if there is none, or it was revoked."""
    path = _folder(layout) / f"{name}.json"
    found = _load(path) if _ID.fullmatch(name) and path.exists() else None
    if found is None or found.revoked:
        raise NotFound("Site credential not found, or revoked.", "Ask the project's owner for a new one.")
    return found


def site_identity(layout: Layout, name: str) -> HeldIdentity:
    """Return the identity of a site's credential, acting at the service that holds its signing key."""
    lost = NoIdentity("The site's credential was revoked.", "Ask the project's owner for a new one.")
    return HeldIdentity(layout, name, Assurance.SITE, "uploads", lost)


def require_owner(backend: LocalBackend, project: str, doing: str, what: str) -> None:
    """Raise Refused, and record it, unless the actor owns the project and may so manage `what`."""
    with backend.refusals(doing, project):
        if not backend.account.actor.may(Permission.ADMINISTER, project):
            raise Refused(f"You may not manage {what}.", "Ask the project's owner.")


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _folder(layout: Layout) -> Path:
    return layout.root / "sites" / "credentials"


def _load(path: Path) -> SiteCredential:
    return from_json(SiteCredential, parse(path.read_bytes(), "A site's credential"))


def _keep(layout: Layout, found: SiteCredential) -> None:
    write_atomic(_folder(layout) / f"{found.id}.json", canonical(to_json(found)), mode=0o600)
