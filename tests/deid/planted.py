"""Datasets with canaries: values that must not be found again in anything that leaves de-identification."""

from __future__ import annotations

import random
import re
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from eci_annotate.deid.profile import rows

KEY = bytes(range(32))
STUDY, SERIES, INSTANCE, FRAME = "1.2.33.1", "1.2.33.2", "1.2.33.3", "1.2.33.4"
DATE = "20190317"
TEXTS = ("LO", "SH", "ST", "LT", "UT", "UC", "PN", "CS", "AE", "UR")


def canary(number: int) -> str:
    return f"Kanarie{number:06d}"


def value_of(vr: str, number: int) -> Any:
    """A value of a representation that can be found again as bytes."""
    if vr in TEXTS:
        return canary(number)[:16] if vr in ("CS", "AE", "SH") else canary(number)
    found: dict[str, Any] = {
        "DA": DATE,
        "DT": f"{DATE}101500.123456+0100",
        "TM": "101501.654321",
        "UI": f"1.2.77.{number}.999",
        "AS": "093Y",
        "DS": "77.7777",
        "IS": "777777",
        "US": 30583,
        "OB": canary(number).encode() + b"\0",
        "UN": canary(number).encode() + b"\0",
    }
    return found[vr]


def image(rng: random.Random, *, implicit: bool = False) -> Dataset:
    """A small CT image with identity at all usual places."""
    dataset = Dataset()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, INSTANCE
    meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "KanarieAET"
    dataset.file_meta, dataset.preamble = meta, b"Kanarie preamble".ljust(128, b"K")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, INSTANCE
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.PatientName, dataset.PatientID = "Kanariefågel^Åsa=金糸雀^花子=かなりあ", "KanariePID77"
    dataset.StudyDate, dataset.StudyTime, dataset.Modality = DATE, "101500", "CT"
    dataset.AccessionNumber, dataset.Manufacturer, dataset.ImageType = "KanAcc991", "ACME", ["ORIGINAL", "PRIMARY"]
    dataset.ImageComments = "Åsa Kanariefågel, född 1931"
    _pixels(dataset, rng)
    return dataset


def _pixels(dataset: Dataset, rng: random.Random) -> None:
    dataset.Rows = dataset.Columns = 16
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = np.array([rng.randrange(4096) for _ in range(256)], "<u2").tobytes()


def plant_every_row(dataset: Dataset) -> dict[int, str]:
    """Plant a canary in every row of the table that takes one; return tag and name."""
    planted: dict[int, str] = {}
    for number, row in enumerate(rows()):
        if "X" in row.tag or row.tag.startswith(("0000", "0002", "0004")) or row.tag == "00420011":
            continue
        tag = int(row.tag, 16)
        if tag in dataset:
            continue
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
        if vr == "SQ":
            item = Dataset()
            item.PatientComments, item.ReferencedSOPInstanceUID = canary(number), f"1.2.77.{number}.999"
            dataset.add(DataElement(tag, "SQ", Sequence([item])))
        else:
            dataset.add_new(tag, vr, value_of(vr, number))
        planted[tag] = row.name
    return planted


def plant_elsewhere(dataset: Dataset, rng: random.Random) -> None:
    """Private elements, overlays, curves, nested sequences, references, unknown elements."""
    block = dataset.private_block(0x0029, "KANARIE CO", create=True)
    block.add_new(1, "LO", "Kanarie private")
    inner = Dataset()
    inner.PatientName, inner.PatientID = "Kanarie^Inner", "KanarieInner5"
    inner.ContentDate, inner.AcquisitionDateTime = DATE, f"{DATE}0815+0100"
    inner.private_block(0x0031, "KANARIE IN", create=True).add_new(1, "UN", b"Kanarie inner private")
    outer = Dataset()
    outer.ReferencedSOPInstanceUID, outer.ReferencedSOPClassUID = INSTANCE, CTImageStorage
    outer.PurposeOfReferenceCodeSequence = [inner]
    dataset.SourceImageSequence = [outer]
    dataset.add_new(0x60003000, "OW", b"Kanarie overlay ")
    dataset.add_new(0x60000022, "LO", "Kanarie overlay text")
    dataset.add_new(0x50003000, "OW", b"Kanarie curve!! ")
    dataset.add_new(0x00191234 + 0x10000 * 2 * rng.randrange(4), "UN", b"Kanarie orphan")
    dataset.add_new(0x00280FFE, "UN", b"Kanarie unknown ")
    dataset.SeriesNumber = 3
    dataset.ProtocolName = "Kanariefågel"
    dataset.PositionReferenceIndicator = "for KANARIEFÅGEL"  # in no row of the table


def saved(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def reread(dataset: Dataset) -> Dataset:
    return dcmread(BytesIO(saved(dataset)))


NEEDLES = (
    *(
        "kanarie",
        "åsa",
        "金糸雀",
        "花子",
        "かなりあ",
        "kanacc991",
        DATE,
        "1.2.33.",
        "1.2.77.",
        "777777",
        "77.7777",
        "093y",
        "1931",
    ),
)


def leaks(content: bytes | str) -> list[str]:
    """Which needles are in some bytes or text; short ones count at the begin of a word, not in keys and UIDs."""
    raw = content.encode() if isinstance(content, str) else content
    return [needle for needle in NEEDLES if found_in(raw, needle.encode()) or found_in(raw.lower(), needle.encode())]


def found_in(raw: bytes, needle: bytes) -> bool:
    return needle in raw if len(needle) > 4 else re.search(rb"(?<![0-9A-Za-z+/.])" + needle, raw) is not None
