"""Keys that a service holds: members whom a hub knows have no key file; their signing keys never leave the service.

They are encrypted by the service's secret (mode 0600), and used only for what the person confirmed on its page.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from eci_annotate.errors import NoIdentity, Refused, Untrusted
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.keys.signing_keys import check_certified, open_authority
from eci_annotate.repository.local.command_handler import do_project
from eci_annotate.repository.local.context import Context
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Project, check_name
from eci_annotate.workflow.subject.commands import AddMember, EnrolCertificate
from eci_annotate.workflow.trust.certificates import Authority, check_certificate, public_pem, spelled
from eci_annotate.workflow.trust.key_encryption import SERVICE, protect, unprotect
from eci_annotate.workflow.trust.rsa_keys import Credential, PrivateKey


def enable_service(layout: Layout, credential: Credential, secret: str = "") -> None:
    """Let a service certify members and hold their signing keys; for who founded the repository."""
    authority = open_authority(layout, credential, secret)
    with locked(layout.service_secret.with_name("service.lock")):
        if not layout.service_secret.exists():
            write_atomic(layout.service_secret, secrets.token_hex(32).encode(), mode=0o600)
    content = protect(authority.key.to_pem(), service_secret(layout), SERVICE)
    write_atomic(layout.service_authority, content, mode=0o600)


def service_secret(layout: Layout) -> bytes:
    """The service's secret; Refused when no service was enabled."""
    try:
        return layout.service_secret.read_bytes()
    except OSError as error:
        remedy = "Its founder runs: eci-annotate member admit FOLDER"
        raise Refused("No service is allowed to act for this repository.", remedy) from error


def service_authority(layout: Layout) -> Authority:
    """The repository's authority, as the service's secret opens it."""
    pem = unprotect(layout.service_authority.read_bytes(), service_secret(layout))
    return Authority(layout.authority.read_text(), PrivateKey.from_kept(pem))


def service_signing_key(layout: Layout, member: str) -> PrivateKey:
    """The signing key that the service holds for a member."""
    try:
        content = layout.service_file(member).read_bytes()
    except OSError as error:
        remedy = "Ask the owner: eci-annotate member admit FOLDER NAME"
        raise NoIdentity("The service holds no signing key of yours.", remedy) from error
    return PrivateKey.from_kept(unprotect(content, service_secret(layout)))


def _key_of(layout: Layout, member: str) -> PrivateKey:
    """The member's key; a new one when there is none."""
    with locked(layout.service_secret.with_name("service.lock")):
        if not layout.service_file(check_name(member)).exists():
            _keep(layout, member, PrivateKey.generate())
    return service_signing_key(layout, member)


def _keep(layout: Layout, member: str, key: PrivateKey) -> None:
    content = protect(key.to_pem(), service_secret(layout), SERVICE)
    write_atomic(layout.service_file(check_name(member)), content, mode=0o600)


def admit(context: Context, actor: Actor, project: str, member: str) -> None:
    """Let a member sign through the service too: a key that it holds, certified in the project unless it is.

    In the place of a key that was revoked there a new one is made.
    """
    state = context.streams.projects()[project]
    held = _key_of(context.layout, member)
    if held.fingerprint in state.members[member].revoked:
        rotate_for(context, actor, [project], member)
    elif not _is_certified(state, member, held, context.clock()):
        do_project(context, EnrolCertificate(project, member, _issued(context, member, held)), actor)


def _is_certified(state: Project, member: str, key: PrivateKey, now: datetime) -> bool:
    certificate = state.members[member].certificate
    try:
        check_certificate(certificate, state.authorities, now)
    except Untrusted:
        return False
    return public_pem(certificate) == key.public


def rotate_for(context: Context, actor: Actor, projects: Sequence[str], member: str) -> PrivateKey:
    """Make a new signing key that the service holds for a member; what the old one signed still verifies."""
    key = PrivateKey.generate()
    adopt_for(context, actor, projects, member, _issued(context, member, key), key)
    return key


def adopt_for(
    context: Context, actor: Actor, projects: Sequence[str], member: str, certificate: str, key: PrivateKey
) -> None:
    """Let a member sign through the service with a certified key, such as an institution's, from now on.

    Parameters
    ----------
    actor
        Who may enrol the member's certificate; the workflow decides.
    certificate
        The member's, in PEM; each project must trust the authority that issued it (`TrustAuthority`).
    key
        The certificate's private key (RSA); the service keeps it encrypted by its secret.

    Raises
    ------
    Refused
        The key is none of the certificate's, or no service was enabled.
    Untrusted
        A project does not trust the authority, or the certificate is not valid now.
    """
    check_certified(certificate, key)
    service_secret(context.layout)  # refused before anything is enrolled
    for project in projects:
        do_project(context, EnrolCertificate(project, member, spelled(certificate)), actor)
    with locked(context.layout.service_secret.with_name("service.lock")):
        _keep(context.layout, member, key)


def _issued(context: Context, member: str, key: PrivateKey) -> str:
    return service_authority(context.layout).issue(member, key.rsa.public_key(), context.clock())


def add_hub_member(
    context: Context,
    actor: Actor,
    project: str,
    member: str,
    *,
    roles: tuple[str, ...],
    site: str,
    sites: tuple[str, ...] = (),
    signs: bool = True,
) -> None:
    """Add somebody whom the hub knows by this name; there is no key file.

    Parameters
    ----------
    actor
        Who adds the member; the workflow decides whether they may.
    sites
        The sites whose subjects they work on; ``*``: all, nothing: the own.
    signs
        Whether a key to sign with is made and certified now; `admit` does it later.
    """
    certificate = _issued(context, member, _key_of(context.layout, member)) if signs else ""
    do_project(context, AddMember(project, member, site, roles, "", sites, certificate), actor)
