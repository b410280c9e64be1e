"""Digital signatures of DICOM files, made with a member's key and verified against an authority (PS3.15 annex C)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eci_annotate.dicom.digital_signature import FoundSignature, Signatory, add_signature, signatures_in
from eci_annotate.errors import EciError, NotFound, Tampered
from eci_annotate.workflow.trust.certificates import check_certificate, common_name, der_of, pem_of, public_pem
from eci_annotate.workflow.trust.rsa_keys import PrivateKey, check_bytes

SignatureAdder = Callable[[bytes], bytes]
_TIME = "%Y%m%d%H%M%S.%f%z"


@dataclass(frozen=True)
class SignatureCheck:
    """What was found of one digital signature: who signed, when and why; whether it holds, and what differs."""

    signer: str
    at: str
    purpose: str
    passed: bool
    detail: str = ""


def signature_adder(key: PrivateKey, certificate: str, when: datetime) -> SignatureAdder:
    """Return what adds the signature of a member (key and certificate in PEM) to a DICOM file."""
    signatory = Signatory(der_of(certificate), key.sign_bytes)
    return lambda content: add_signature(content, signatory, when)


def digital_signatures(file: str | Path, trust: str | Path | None = None) -> list[SignatureCheck]:
    """Verify the digital signatures inside a DICOM file; what eci_annotate signs has one, over all of its content.

    Parameters
    ----------
    file
        The DICOM file.
    trust
        File with the certificate (PEM) of the authority that is trusted; without one the signers' certificates are
        not judged, and each result says so.

    Returns
    -------
    list of SignatureCheck
        Signer, time, purpose, whether it holds (`passed`) and what differs (`detail`); empty for an unsigned file.

    Raises
    ------
    NotFound
        One of the files does not exist.
    DamagedFile
        The file, or a signature in it, cannot be read.

    References
    ----------
    DICOM PS3.15 annex C.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import eci_annotate as eci
    >>> unsigned = eci.write_phantom(mkdtemp())[0]
    >>> eci.digital_signatures(unsigned)
    []
    """
    anchors = () if trust is None else (_read(Path(trust)).decode(errors="replace"),)
    return signature_checks(_read(Path(file)), anchors)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("The file cannot be read.", "Check its path.") from error


def signature_checks(content: bytes, anchors: Iterable[str] = ()) -> list[SignatureCheck]:
    """Verify the digital signatures of a DICOM file; none are found in a file that was not signed.

    Parameters
    ----------
    content
        The file.
    anchors
        Certificates (PEM) of the authorities that are trusted; without any, certificates are not judged, and say so.

    Raises
    ------
    DamagedFile
        The file, or a signature in it, cannot be read.
    """
    trusted = tuple(anchors)
    return [_checked(each, trusted) for each in signatures_in(content)]


def check_signed_whole(content: bytes) -> str:
    """Raise unless every digital signature of a file holds and covers all of it; returns a remark if it has none.

    The seal names the file's digest, and the version's signature the seal: whom to trust is judged there.
    """
    found = signature_checks(content)
    for each in found:
        if not each.passed:
            raise Tampered(each.detail, "Get the file again from its archive.")
    return "" if found else "The file has no digital signature: an earlier release wrote it."


def _checked(found: FoundSignature, anchors: tuple[str, ...]) -> SignatureCheck:
    name = ""
    try:
        certificate = pem_of(found.certificate)
        name = common_name(certificate)
        check_bytes(public_pem(certificate), found.content, found.signature, found.algorithm)
        if found.uncovered:
            raise Tampered(f"The signature does not cover {', '.join(found.uncovered)}.")
        if anchors:
            check_certificate(certificate, anchors, _time(found.at))
    except EciError as error:
        return SignatureCheck(name, found.at, found.purpose, False, error.what)
    detail = "" if anchors else "No authority was given: the certificate was not checked."
    return SignatureCheck(name, found.at, found.purpose, True, detail)


def _time(at: str) -> datetime:
    """Parse a DT as PS3.5 6.2 allows it; without a zone it counts as UTC."""
    try:
        date, sign, zone = at.partition("+") if "+" in at else at.partition("-")
        whole, _, fraction = date.strip().partition(".")
        text = f"{whole:0<14}"[:14] + f".{(fraction or '0')[:6]}" + (sign + zone.strip() if sign else "+0000")
        return datetime.strptime(text, _TIME).astimezone(UTC)
    except ValueError as error:
        raise Tampered("The time of the signature cannot be read.") from error
