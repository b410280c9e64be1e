"""A signer gets a new key, certified in each project; the old one stays for what it signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.keys.service_keys import service_authority
from eci_annotate.repository.keys.signing_keys import (
    check_certified,
    keep_signing_key,
    make_signing_key,
    open_authority,
)
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.workflow.subject.commands import EnrolCertificate
from eci_annotate.workflow.trust.certificates import Authority, public_pem, spelled
from eci_annotate.workflow.trust.rsa_keys import Credential, PrivateKey, fingerprint


def rotate(backend: LocalBackend, credential: Credential, projects: Sequence[str], secret: str = "") -> Iterator[str]:
    """Make a new signing key for the actor; its fingerprint, once for each project.

    Parameters
    ----------
    credential
        The actor's; it opens the new key where there is no `secret`.
    projects
        Where the key is to count.
    """
    context, name = backend.context, backend.account.actor.name
    authority = _authority(backend, credential)
    key = make_signing_key(context.layout, name, credential, secret)
    certificate = authority.issue(name, key.rsa.public_key(), context.clock())
    yield from _enrolled(backend, projects, certificate, key)


def adopt(
    backend: LocalBackend,
    credential: Credential,
    projects: Sequence[str],
    certificate: str,
    key: PrivateKey,
    secret: str = "",
) -> Iterator[str]:
    """Sign from now on with a key that an institution certified; its fingerprint, once for each project.

    Parameters
    ----------
    certificate
        The actor's, in PEM; each project must trust the authority that issued it (`TrustAuthority`).
    key
        The certificate's private key (RSA); it is kept encrypted, as every signing key.

    Raises
    ------
    Refused
        The key is none of the certificate's.
    Untrusted
        A project does not trust the authority, or the certificate is not valid now.
    """
    check_certified(certificate, key)
    yield from _enrolled(backend, projects, spelled(certificate), key)
    keep_signing_key(backend.context.layout, backend.account.actor.name, key, credential, secret)


def _enrolled(backend: LocalBackend, projects: Sequence[str], certificate: str, key: PrivateKey) -> Iterator[str]:
    for project in projects:
        backend.do(EnrolCertificate(project, backend.account.actor.name, certificate))
        yield key.fingerprint


def _authority(backend: LocalBackend, credential: Credential) -> Authority:
    """The repository's authority, as its founder or the service's secret opens it."""
    try:
        return open_authority(backend.context.layout, credential, "")
    except Refused:
        return service_authority(backend.context.layout)


def fingerprint_of(backend: LocalBackend, project: str, member: str, begin: str) -> str:
    """The whole fingerprint of a member's key that begins like this; NotFound when there is not exactly one."""
    members = [each for each in backend.account.members(project) if each.name == member]
    marks = {fingerprint(public_pem(pem)) for each in members for pem, _ in each.certificates}
    found = [mark for mark in marks if mark.startswith(begin.lower())]
    if len(found) != 1:
        raise NotFound("No single key matches this fingerprint.", "See: eci-annotate key show FOLDER")
    return found[0]
