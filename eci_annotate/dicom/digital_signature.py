"""Digital signatures inside DICOM files (PS3.15 annex C, PS3.3 C.12.1.1.3): added here, and read for verification.

The key stays outside: signing and verifying are done by the caller, over the bytes that this module makes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import convert_raw_data_element
from pydicom.filewriter import correct_ambiguous_vr_element
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRLittleEndian

from eci_annotate.dicom.element_bytes import encoded_value, items_of
from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import DamagedFile

PURPOSES = {"author": ("1", "Author's signature"), "review": ("13", "Review signature")}  # CID 7007
_MAC_PARAMETERS, _PADDING, _PIXELS, _UNDEFINED = 0x4FFE0001, 0xFFFCFFFC, 0x7FE00010, 0xFFFFFFFF
# of the signature itself all is signed but the certificate, the signature and the time stamp of an authority
_NOT_SIGNED = {0x04000115, 0x04000120, 0x04000305, 0x04000310}
_LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SV", "UC", "UN", "UR", "UT", "UV"}
_MOST_SHORT = 0xFFFE
_ITEM, _END = struct.pack("<HH", 0xFFFE, 0xE000), struct.pack("<HH", 0xFFFE, 0xE0DD)


@dataclass(frozen=True)
class Signatory:
    """Who signs: the certificate (X.509, DER) and what signs bytes with its key (RSA, PKCS #1 v1.5, SHA-256)."""

    certificate: bytes
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class FoundSignature:
    """A digital signature of a file, and the bytes that it is over.

    Attributes
    ----------
    certificate, signature, content
        Certificate (DER), signature, and what must have been signed.
    algorithm
        Name of the digest, such as ``SHA256``.
    at
        Time of the signature as written in the file; it is signed too.
    purpose
        Why it was signed, such as ``Author's signature``; may be empty.
    uncovered
        Tags of the file's elements that the signature does not cover, as ``(gggg,eeee)``.
    """

    certificate: bytes
    signature: bytes
    content: bytes
    algorithm: str
    at: str
    purpose: str
    uncovered: tuple[str, ...]


def add_signature(content: bytes, signatory: Signatory, when: datetime, purpose: str = "author") -> bytes:
    """Return a DICOM file with a digital signature over all its elements.

    Parameters
    ----------
    content
        A file without compressed pixel data.
    signatory
        Certificate and key.
    when
        Time of the signature, with a time zone.
    purpose
        ``author`` or ``review``.

    References
    ----------
    DICOM PS3.15 annex C.1 (Creator RSA Digital Signature) and PS3.3 section C.12.1.1.3.

    Notes
    -----
    A value of more than 65,534 bytes has no explicit form of its VR and counts as UN, with its length in four bytes.
    """
    dataset = dcmread(BytesIO(content))
    tags = _signable(dataset)
    item = _unsigned(when, purpose, content, signatory.certificate)
    signature = signatory.sign(_mac_content(dataset, tags, item))
    item.Signature = signature + b"\0" * (len(signature) % 2)
    made = dcmread(BytesIO(content))
    made.MACParametersSequence = [_parameters(tags)]
    made.DigitalSignaturesSequence = [item]
    out = BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def signatures_in(content: bytes) -> list[FoundSignature]:
    """Return the digital signatures of a DICOM file, without a judgement about them.

    Raises
    ------
    DamagedFile
        The file, or a signature in it, cannot be read.
    """
    try:
        dataset = dcmread(BytesIO(content))
        parameters = {int(each.MACIDNumber): each for each in dataset.get("MACParametersSequence") or ()}
        signable = _signable(dataset)
        return [
            _found(dataset, signable, item, parameters[int(item.MACIDNumber)])
            for item in dataset.get("DigitalSignaturesSequence") or ()
        ]
    except Exception as error:  # pydicom raises many kinds for malformed files
        raise DamagedFile("A digital signature of the file cannot be read.", "Get the file again.") from error


def _found(dataset: Dataset, signable: list[BaseTag], item: Dataset, parameters: Dataset) -> FoundSignature:
    if parameters.MACCalculationTransferSyntaxUID != ExplicitVRLittleEndian:
        raise ValueError(parameters.MACCalculationTransferSyntaxUID)
    listed = parameters.DataElementsSigned
    tags = sorted(Tag(each) for each in ([listed] if isinstance(listed, BaseTag) else listed))
    purpose = item.get("DigitalSignaturePurposeCodeSequence") or ()
    return FoundSignature(
        certificate=_der(item.CertificateOfSigner),
        signature=bytes(item.Signature),
        content=_mac_content(dataset, [tag for tag in tags if tag in dataset], item),
        algorithm=str(parameters.MACAlgorithm),
        at=str(item.DigitalSignatureDateTime),
        purpose=str(purpose[0].CodeMeaning) if purpose else "",
        uncovered=tuple(str(tag) for tag in signable if tag not in set(tags)),
    )


def _unsigned(when: datetime, purpose: str, content: bytes, certificate: bytes) -> Dataset:
    code, meaning = PURPOSES[purpose]
    digests = (hashlib.sha256(each).hexdigest() for each in (content, certificate))
    why = Dataset()
    why.CodeValue, why.CodingSchemeDesignator, why.CodeMeaning = code, "ASTM-sigpurpose", meaning
    item = Dataset()
    item.MACIDNumber = 1
    item.DigitalSignatureUID = uid_from("digital signature", when.isoformat(), *digests)
    item.DigitalSignatureDateTime = when.strftime("%Y%m%d%H%M%S.%f%z")
    item.CertificateType = "X509_1993_SIG"
    item.CertificateOfSigner = certificate + b"\0" * (len(certificate) % 2)
    item.DigitalSignaturePurposeCodeSequence = [why]
    return item


def _parameters(tags: list[BaseTag]) -> Dataset:
    item = Dataset()
    item.MACIDNumber = 1
    item.MACCalculationTransferSyntaxUID = ExplicitVRLittleEndian
    item.MACAlgorithm = "SHA256"
    item.DataElementsSigned = list(tags)
    return item


def _signable(dataset: Dataset) -> list[BaseTag]:
    """Return the tags that a signature may cover (PS3.15 C.1, PS3.3 C.12.1.1.3.1.1)."""
    tags = (tag for tag in sorted(dataset.keys()) if tag.group >= 0x0008 and tag.element != 0)
    return [tag for tag in tags if tag.group != 0xFFFA and tag not in (_MAC_PARAMETERS, _PADDING)]


def _mac_content(dataset: Dataset, tags: list[BaseTag], item: Dataset) -> bytes:
    """Return what is signed: the elements named, then those of the signature itself, in explicit VR little endian."""
    own = [tag for tag in sorted(item.keys()) if tag not in _NOT_SIGNED]
    return b"".join([*_elements(dataset, tags), *_elements(item, own)])


def _elements(dataset: Dataset, tags: list[BaseTag]) -> Iterator[bytes]:
    for tag in tags:
        element = dataset.get_item(tag)
        vr = _vr(dataset, element)
        items = items_of(dataset, tag, element) if vr == "SQ" else None
        if items is None:
            yield _element(tag, vr, _value(dataset, element))
            continue
        yield struct.pack("<HH", tag.group, tag.element) + b"SQ\0\0"
        for each in items:
            yield _ITEM
            yield from _elements(each, [t for t in sorted(each.keys()) if t.element != 0])
        yield _END


def _element(tag: BaseTag, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag.group, tag.element)
    if vr not in _LONG and len(value) <= _MOST_SHORT:
        return head + vr.encode() + struct.pack("<H", len(value)) + value
    return head + (vr if vr in _LONG else "UN").encode() + b"\0\0" + struct.pack("<I", len(value)) + value


def _vr(dataset: Dataset, element: Any) -> str:
    """Return the VR of an element as its file states it, or as the dictionary does where the file states none."""
    vr = str(element.VR) if element.VR else dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else "UN"
    if " or " not in vr:
        return vr
    parsed = element if isinstance(element, DataElement) else convert_raw_data_element(element, ds=dataset)
    return str(correct_ambiguous_vr_element(parsed, dataset, True).VR)


def _value(dataset: Dataset, element: Any) -> bytes:
    parsed = isinstance(element, DataElement)
    if element.tag == _PIXELS and (element.is_undefined_length if parsed else element.length == _UNDEFINED):
        raise ValueError("compressed pixel data")
    if parsed:
        return encoded_value(element, dataset)
    if not element.is_little_endian:
        return encoded_value(convert_raw_data_element(element, ds=dataset), dataset)
    return element.value or b""


def _der(value: bytes) -> bytes:
    """Return a certificate without the byte that makes its length even."""
    if len(value) < 4 or value[0] != 0x30 or not value[1] & 0x80:
        return bytes(value)
    count = value[1] & 0x7F
    return bytes(value[: 2 + count + int.from_bytes(value[2 : 2 + count], "big")])
