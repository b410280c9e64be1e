"""Keyed pseudonyms: same value and secret, same pseudonym; without the secret nobody can link them.

HMAC with SHA-512/256 (FIPS 180-4), one domain per use. The secret is in no `repr`, error or pickle.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from pydicom.uid import UID_dictionary

from eci_annotate.errors import BadSiteKey, NoKeyedDigest

DIGEST = "sha512_256"
KEY_BYTES = 32
_ANSWER = "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"  # SHA-512/256 of "abc"
_SHIFTS = 521  # weeks: ten years
_OURS = re.compile(r"2\.25\.[1-9][0-9]{30,38}")


class Domain(StrEnum):
    """What a pseudonym is for; the same value differs between domains."""

    PATIENT = "pid"
    UID = "uid"
    DATE_SHIFT = "dateshift"
    KEY_ID = "key-id"
    LINK_TABLE = "link-table"


def probe(digest: str = DIGEST) -> None:
    """Compare the digest with a known answer; raises NoKeyedDigest if it is missing or differs."""
    import hashlib

    remedy = "Use a Python built with OpenSSL 3 that offers sha512_256."
    try:
        answer = hashlib.new(digest, b"abc").hexdigest()
    except ValueError:
        raise NoKeyedDigest("This Python cannot compute SHA-512/256.", remedy) from None
    if answer != _ANSWER:
        raise NoKeyedDigest("This Python computes SHA-512/256 wrongly.", remedy)


class Pseudonymiser:
    """Maps patient IDs, UIDs and dates by a site's secret.

    Parameters
    ----------
    key
        The site's secret: 32 random bytes; see `create_key` and `Pseudonymiser.from_file`.

    Raises
    ------
    BadSiteKey
        If the secret has another length.
    NoKeyedDigest
        If this Python cannot compute SHA-512/256.

    Examples
    --------
    >>> from eci_annotate.deid.pseudonymiser import Pseudonymiser
    >>> Pseudonymiser(bytes(32)).uid("1.2.3") == Pseudonymiser(bytes(32)).uid("1.2.3")
    True
    """

    __slots__ = ("__key",)

    def __init__(self, key: bytes) -> None:
        probe()
        if len(key) != KEY_BYTES:
            raise BadSiteKey("The site's secret has not 32 bytes.", "Create one with create_key.")
        self.__key = bytes(key)

    @classmethod
    def from_file(cls, path: Path, fingerprint: str = "") -> Pseudonymiser:
        """Return the pseudonymiser of a key file that only its owner may read; with `fingerprint`, of that secret."""
        try:
            with path.open("rb") as stream:
                mode, key = os.fstat(stream.fileno()).st_mode, stream.read(KEY_BYTES + 1)
        except OSError:
            raise BadSiteKey("The file of the site's secret cannot be read.", "Check its path and owner.") from None
        if os.name == "posix" and mode & 0o077:
            raise BadSiteKey("Others may read the file of the site's secret.", "Set its mode to 0600.")
        found = cls(key)
        if fingerprint not in ("", found.fingerprint):
            raise BadSiteKey("The file of the site's secret has changed.", "Restore it, or start the program again.")
        return found

    def __repr__(self) -> str:
        return f"Pseudonymiser(fingerprint={self.fingerprint!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a pseudonymiser is not pickled: it holds a secret")

    @property
    def fingerprint(self) -> str:
        """Names the secret without telling it: 16 hexadecimal digits."""
        return self.digest(Domain.KEY_ID, "")[:8].hex()

    def digest(self, domain: Domain, value: str) -> bytes:
        """Return 32 bytes for a value; spaces around it do not count."""
        message = domain.encode() + b"\0" + value.strip(" \0").encode("utf-8", "surrogateescape")
        return hmac.digest(self.__key, message, DIGEST)

    def uid(self, uid: str) -> str:
        """Return the UID in place of one: `2.25.` and a version-8 UUID; DICOM's own UIDs are kept (PS3.5 B.2)."""
        uid = uid.strip(" \0")
        if not uid or is_dicom_uid(uid):
            return uid
        number = int.from_bytes(self.digest(Domain.UID, uid)[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76
        return f"2.25.{number & ~(3 << 62) | 2 << 62}"

    def patient_id(self, patient_id: str, issuer: str = "") -> str:
        """Return the pseudonym of a patient: 16 characters (80 bits) in base 32."""
        return base64.b32encode(self.digest(Domain.PATIENT, _identity(patient_id, issuer))[:10]).decode()

    def shift_days(self, patient_id: str, issuer: str = "") -> int:
        """Return by how many days the patient's dates are moved: one to 521 weeks into the past."""
        number = int.from_bytes(self.digest(Domain.DATE_SHIFT, _identity(patient_id, issuer)), "big")
        return -7 * (1 + number % _SHIFTS)


def _identity(patient_id: str, issuer: str) -> str:
    return f"{issuer.strip()}\x1f{patient_id.strip()}" if issuer.strip() else patient_id


def is_dicom_uid(uid: str) -> bool:
    """Whether a UID is one of DICOM's own, such as those of SOP classes; others may hold numbers of patients."""
    return uid in UID_dictionary


def is_pseudonymous_uid(uid: str) -> bool:
    """Whether a UID has the form that `Pseudonymiser.uid` gives."""
    if not _OURS.fullmatch(uid):
        return False
    number = int(uid[5:])
    return number < 1 << 128 and number >> 76 & 0xF == 8 and number >> 62 & 3 == 2


def create_key(path: Path) -> Pseudonymiser:
    """Write a new secret into a new file of mode 0600; raises BadSiteKey if the file exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadSiteKey(
            "The key file exists already.", "Give a new path; a lost secret cannot be made again."
        ) from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(secrets.token_bytes(KEY_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    return Pseudonymiser.from_file(path)
