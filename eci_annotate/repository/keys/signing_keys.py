"""Signing keys of an embedded repository: made, certified, kept encrypted, opened for one signature at a time.

A key is opened by the signer's own secret; without one it is opened by the credential alone, and every seal says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from eci_annotate.errors import BadSecret, NoIdentity, Refused
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.trust.certificates import Authority, public_pem
from eci_annotate.workflow.trust.key_encryption import CREDENTIAL, SECRET, factor_of, protect, unprotect
from eci_annotate.workflow.trust.rsa_keys import Credential, PrivateKey

SECRET_VARIABLE = "ECI_ANNOTATE_SECRET"
SHORTEST, LEAST_BITS = 6, 2048


@dataclass(frozen=True)
class Signer:
    """An opened signing key, what opened it, and (on a hub) the digest of the draft that the person confirmed."""

    key: PrivateKey
    factor: str
    content: str = ""


def found_authority(layout: Layout, credential: Credential, secret: str, now: datetime) -> Authority:
    """Make the repository's own authority."""
    authority = Authority.found(f"eci_annotate repository {layout.identity[:12]}", now)
    content = authority.key.to_pem()
    write_atomic(layout.authority_key, _protected(content, credential, secret), mode=0o600)
    write_atomic(layout.authority, authority.certificate.encode())
    return authority


def open_authority(layout: Layout, credential: Credential, secret: str) -> Authority:
    """The repository's authority, for who founded it; Refused for everybody else."""
    try:
        content = _opened(layout.authority_key.read_bytes(), credential, secret)
    except (OSError, BadSecret) as error:
        if secret or isinstance(error, OSError):
            raise Refused("The repository's authority cannot be opened.", "Ask the person who created it.") from error
        raise
    return Authority(layout.authority.read_text(), PrivateKey.from_kept(content))


def make_signing_key(layout: Layout, member: str, credential: Credential, secret: str = "") -> PrivateKey:
    """A new signing key, kept encrypted; the old one, if any, is gone."""
    key = PrivateKey.generate()
    keep_signing_key(layout, member, key, credential, secret)
    return key


def check_certified(certificate: str, key: PrivateKey) -> None:
    """Refused for a key that is none of the certificate's, or too short to sign with."""
    if public_pem(certificate) != key.public:
        raise Refused(
            "The key does not belong to the certificate.", "Give the private key that belongs to the certificate."
        )
    if key.rsa.key_size < LEAST_BITS:
        raise Refused(f"The key has {key.rsa.key_size} bits.", f"Use a certified key of at least {LEAST_BITS} bits.")


def keep_signing_key(layout: Layout, member: str, key: PrivateKey, credential: Credential, secret: str = "") -> None:
    """Keep a key as the member's signing key, encrypted; the old one, if any, is gone."""
    if secret and len(secret) < SHORTEST:
        raise Refused("The secret is too short.", f"Use at least {SHORTEST} characters.")
    write_atomic(layout.signing_file(member), _protected(key.to_pem(), credential, secret), mode=0o600)


def change_secret(layout: Layout, member: str, credential: Credential, old: str, new: str) -> None:
    """Encrypt the signing key by another secret; an empty one leaves it to the credential."""
    keep_signing_key(layout, member, open_signing_key(layout, member, credential, old).key, credential, new)


def open_signing_key(layout: Layout, member: str, credential: Credential, secret: str = "") -> Signer:
    """The member's signing key.

    Parameters
    ----------
    secret
        The signer's own; without it the environment's ECI_ANNOTATE_SECRET is taken.

    Raises
    ------
    BadSecret
        It is needed and was not given, or is another one.
    NoIdentity
        The member has no signing key here.
    """
    try:
        content = layout.signing_file(member).read_bytes()
    except OSError as error:
        raise NoIdentity("There is no signing key of yours here.", "Ask who founded it to add you.") from error
    return Signer(PrivateKey.from_kept(_opened(content, credential, secret)), factor_of(content))


def needs_secret(layout: Layout, member: str) -> bool:
    """Whether the member's signing key asks for a secret of its own."""
    path = layout.signing_file(member)
    return path.exists() and factor_of(path.read_bytes()) == SECRET


def _protected(content: bytes, credential: Credential, secret: str) -> bytes:
    if secret:
        return protect(content, secret.encode(), SECRET)
    return protect(content, credential.unlocking, CREDENTIAL)


def _opened(content: bytes, credential: Credential, secret: str) -> bytes:
    if factor_of(content) == CREDENTIAL:
        return unprotect(content, credential.unlocking)
    secret = secret or os.environ.get(SECRET_VARIABLE, "")
    if not secret:
        raise BadSecret("Signing needs your secret.", "Give it: sign(..., secret='...').")
    return unprotect(content, secret.encode())
