"""RSA-3072 with PKCS #1 v1.5 and SHA-256 (allowed by DICOM PS3.15 C.2): sign a seal, verify it, identify a key.

A private key leaves this module only as PEM for its owner's file.
"""

from __future__ import annotations

from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from eci_annotate.errors import NoIdentity, Tampered
from eci_annotate.workflow.codec import digest

_CONTEXT = b"eci-annotate signature 1\n"


class PrivateKey:
    """A member's own key; it signs seals and never exposes itself."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"PrivateKey({self.fingerprint[:12]})"

    @classmethod
    def generate(cls, bits: int = 3072) -> PrivateKey:
        """Generate a new key."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: str = "") -> PrivateKey:
        """Load the key of a PEM file, optionally protected by a passphrase; raises NoIdentity if it is not a key."""
        try:
            key = serialization.load_pem_private_key(pem, password=passphrase.encode() or None)
        except (ValueError, TypeError) as error:
            raise NoIdentity("The credential is no private key in PEM.", "Give the member's key file.") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise NoIdentity("The credential is no RSA key.", "Give the member's key file.")
        return cls(key)

    @classmethod
    def from_kept(cls, pem: bytes) -> PrivateKey:
        """Load a key that `to_pem` wrote and authenticated encryption kept: its numbers are not checked again.

        The check takes a tenth of a second, more than the rest of a signature.
        """
        key = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        return cls(cast(rsa.RSAPrivateKey, key))

    def to_pem(self) -> bytes:
        """Return PKCS #8, not encrypted: write it with mode 0600 only."""
        none = serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)

    @property
    def rsa(self) -> rsa.RSAPrivateKey:
        """The key itself, for issuing certificates."""
        return self._key

    @property
    def public(self) -> str:
        """The public half, in PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half."""
        return fingerprint(self.public)

    def sign(self, seal: str) -> str:
        """Signature over a seal, in hexadecimal."""
        return self._key.sign(_CONTEXT + seal.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()

    def sign_bytes(self, content: bytes) -> bytes:
        """Signature over the content of a DICOM file; content that could stand for a seal is not signed."""
        if content.startswith(_CONTEXT):
            raise Tampered("The content to sign looks like a seal.", "Sign the DICOM file again.")
        return self._key.sign(content, padding.PKCS1v15(), hashes.SHA256())


class Credential:
    """The credential that identifies a member: an Ed25519 key (or RSA from earlier repositories). It signs nothing."""

    def __init__(self, key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"Credential({self.fingerprint[:12]})"

    @classmethod
    def generate(cls) -> Credential:
        """Generate a new credential."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> Credential:
        """Load the credential of a PEM file; raises NoIdentity if it is not one."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise NoIdentity("The credential is no private key in PEM.", "Give the member's key file.") from error
        if not isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
            raise NoIdentity("The credential is a key of another kind.", "Give the member's key file.")
        return cls(key)

    def to_pem(self) -> bytes:
        """Return PKCS #8, not encrypted: write it with mode 0600 only."""
        none = serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)

    @property
    def public(self) -> str:
        """The public half, in PEM."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half."""
        return fingerprint(self.public)

    @property
    def unlocking(self) -> bytes:
        """Return the key that opens a signing key without a secret of its own."""
        form = serialization.PrivateFormat.PKCS8
        content = self._key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
        return digest(b"eci-annotate unlocking 1\n" + content).encode()


def fingerprint(public: str) -> str:
    """Return the SHA-256 of a public key (PEM) as 64 hexadecimal digits."""
    key = _load_public(public)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return digest(key.public_bytes(serialization.Encoding.DER, form))


def check_signature(public: str, seal: str, signature: str) -> None:
    """Raise Tampered unless `signature` over `seal` is by this key."""
    try:
        content = _CONTEXT + seal.encode()
        if signature != signature.lower():
            raise ValueError("not as it was written")
        _load_public(public).verify(bytes.fromhex(signature), content, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise Tampered("A signature does not match its seal.", "Restore the version from a backup.") from error


_DIGESTS = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}


def check_bytes(public: str, content: bytes, signature: bytes, algorithm: str = "SHA256") -> None:
    """Raise Tampered unless `signature` over `content` is by this key; older digests than SHA-256 prove nothing."""
    if algorithm not in _DIGESTS:
        raise Tampered("A digital signature uses a digest that is no longer safe.", "Ask for a new signature.")
    try:
        _load_public(public).verify(signature, content, padding.PKCS1v15(), _DIGESTS[algorithm])
    except (InvalidSignature, ValueError, AttributeError, TypeError) as error:
        what = "The file was changed since it was signed, or its digital signature was."
        raise Tampered(what, "Get the file again from its archive.") from error


def _load_public(public: str) -> rsa.RSAPublicKey:
    try:
        return cast(rsa.RSAPublicKey, serialization.load_pem_public_key(public.encode()))
    except ValueError as error:
        raise Tampered("A member's public key is damaged.", "Restore it from a backup.") from error
