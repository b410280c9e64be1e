"""X.509: an authority issues certificates that bind public keys to signers (RFC 5280, DICOM PS3.15 C).

A repository is its own authority unless an institution's is trusted; verification always uses an anchor
that the verifier chose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID

from eci_annotate.errors import Tampered, Untrusted
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.trust.rsa_keys import PrivateKey

_YEARS_AUTHORITY, _YEARS_SIGNER = 30, 10
PublicKey = rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True)
class Authority:
    """An issuer of certificates: its own certificate (PEM) and key."""

    certificate: str
    key: PrivateKey

    @classmethod
    def found(cls, name: str, now: datetime) -> Authority:
        """Create a new self-signed authority."""
        key = PrivateKey.generate()
        end = now + timedelta(days=365 * _YEARS_AUTHORITY)
        built = _builder(name, name, key.rsa.public_key(), now, end)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        return cls(_pem(built.sign(key.rsa, hashes.SHA256())), key)

    def issue(self, name: str, public: PublicKey, now: datetime) -> str:
        """Return a certificate (PEM) that binds this public key to `name`."""
        issuer = load(self.certificate)
        end = min(now + timedelta(days=365 * _YEARS_SIGNER), issuer.not_valid_after_utc)
        built = _builder(name, _common_name(issuer), public, now, end)
        built = built.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        return _pem(built.sign(self.key.rsa, hashes.SHA256()))


def _builder(name: str, issuer: str, public: PublicKey, now: datetime, end: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(end)
    )


_PARTS = "subject", "issuer", "not_valid_before_utc", "not_valid_after_utc", "version"  # parsed when they are read


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _common_name(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def load(pem: str) -> x509.Certificate:
    """Return the certificate of a PEM text; raises Untrusted if it is not a certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        for part in _PARTS:
            getattr(certificate, part)
        certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "Give a file that begins with BEGIN CERTIFICATE."
        raise Untrusted("This is no X.509 certificate in PEM.", remedy) from error
    return certificate


def check_spelling(pem: str) -> None:
    """Raise Untrusted unless the text is exactly how this package writes the certificate."""
    if spelled(pem) != pem:
        raise Untrusted("A certificate is not written as it was issued.", "Take another copy of it.")


def spelled(pem: str) -> str:
    """Return a certificate as this package writes it: the first one of the text, without surrounding text."""
    return _pem(load(pem))


def public_pem(certificate: str) -> str:
    """Return the public key (PEM) of a certificate."""
    key = load(certificate).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def der_of(pem: str) -> bytes:
    """Return a certificate (PEM) in DER, as DICOM files hold it."""
    return load(pem).public_bytes(serialization.Encoding.DER)


def pem_of(der: bytes) -> str:
    """Return a certificate (DER) in PEM; raises Untrusted if it is not a certificate."""
    try:
        return _pem(x509.load_der_x509_certificate(der))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Untrusted("This is no X.509 certificate.", "Get the file again from its archive.") from error


def common_name(certificate: str) -> str:
    """Return the name that a certificate (PEM) certifies; empty if it names nobody."""
    found = load(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def mark_of(certificate: str) -> str:
    """Return the SHA-256 of a certificate (DER) in hexadecimal, for comparison by eye."""
    return digest(load(certificate).public_bytes(serialization.Encoding.DER))


def check_certificate(certificate: str, anchors: Iterable[str], at: datetime) -> None:
    """Raise Untrusted unless one of the `anchors` (PEM) issued the certificate and it was valid `at` that time."""
    held = load(certificate)
    if not held.not_valid_before_utc <= at.astimezone(UTC) <= held.not_valid_after_utc:
        raise Untrusted("A certificate was not valid when it signed.", "Ask the project's owner for a new one.")
    if not any(_issued(load(anchor), held) for anchor in anchors):
        what = "A certificate was issued by another authority than the trusted one."
        raise Untrusted(what, "Compare the authority's fingerprint with what its institution tells you.")


def _issued(anchor: x509.Certificate, held: x509.Certificate) -> bool:
    try:
        if not anchor.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        held.verify_directly_issued_by(anchor)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return True


def check_signed(certificate: str, content: bytes, signature: bytes) -> None:
    """Raise Tampered unless the Ed25519 `signature` over `content` is by the certificate's key."""
    try:
        cast(ed25519.Ed25519PublicKey, load(certificate).public_key()).verify(signature, content)
    except (InvalidSignature, AttributeError, TypeError) as error:
        raise Tampered("A checkpoint's signature does not match it.", "Take another copy of it.") from error
