"""Encrypted private keys: AES-256-GCM under a key that scrypt derives from a secret. Nothing here exposes a key.

A member's own secret is short, so deriving a key from it is made expensive; a credential or a service's secret is
long, so that its derivation may be cheap.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from eci_annotate.errors import BadSecret, Tampered
from eci_annotate.workflow.codec import canonical, parse

SECRET, CREDENTIAL, SERVICE = "secret", "credential", "service"
_COST = {SECRET: 2**16, CREDENTIAL: 2**4, SERVICE: 2**4}


def protect(content: bytes, key: bytes, factor: str) -> bytes:
    """Return `content` as a file that only `key` opens; `factor` records the kind of that key."""
    salt, nonce = os.urandom(16), os.urandom(12)
    closed = AESGCM(_derived(key, salt, factor)).encrypt(nonce, content, factor.encode())
    parts = {"salt": salt, "nonce": nonce, "content": closed}
    return canonical({"protection": 1, "factor": factor, **{k: b64encode(v).decode() for k, v in parts.items()}})


def factor_of(protected: bytes) -> str:
    """Return what opens a protected file: ``secret``, ``credential`` or ``service``."""
    return str(parse(protected, "A protected key")["factor"])


def unprotect(protected: bytes, key: bytes) -> bytes:
    """Return the content of a protected file.

    Raises
    ------
    BadSecret
        If another secret is needed to open it.
    """
    try:
        head = parse(protected, "A protected key")
        salt, nonce, closed = (b64decode(head[name]) for name in ("salt", "nonce", "content"))
        factor = str(head["factor"])
        return AESGCM(_derived(key, salt, factor)).decrypt(nonce, closed, factor.encode())
    except InvalidTag:
        raise BadSecret("This secret does not open the signing key.", "Give the secret that you chose.") from None
    except (KeyError, ValueError, TypeError) as error:
        raise Tampered("A protected key is damaged.", "Restore it from a backup.") from error


def _derived(key: bytes, salt: bytes, factor: str) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST[factor], r=8, p=1).derive(key)
