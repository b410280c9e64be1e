"""The patient's words and numbers are found in every representation: replaced, emptied, or the object is set aside."""

from __future__ import annotations

import random
import re
import struct
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from eci_annotate.deid.deidentify import deidentify
from eci_annotate.deid.policy import Policy, Treatment
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.deid.residue import still_identifies
from tests.deid.planted import KEY, image, saved

NAMES = Pseudonymiser(KEY)
NUMBER = "77310405"
NEEDLE = re.compile(rb"kanarienvogel|77310405|k\0a\0n\0a\0r\0i\0e\0n", re.IGNORECASE)
BYTES = b"Kanarienvogel 77310405  "
VALUES = {
    "CS": "KANARIENVOGEL", "AE": "KANARIENVOGEL", "SH": "Kanarienvogel", "PN": "Kanarienvogel^X", "DS": NUMBER,
    "IS": NUMBER, "UI": f"1.2.840.10008.{NUMBER}", "LO": "of Kanarienvogel", "LT": "of Kanarienvogel",
    "ST": "of Kanarienvogel", "UC": "of Kanarienvogel", "UT": "of Kanarienvogel", "UR": "http://kanarienvogel",
}  # fmt: skip
BINARY = ("AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV")
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SV", "UV"}  # of 4 bytes' length
READ_FIRST = {0x00080005, 0x00080016, 0x00080018, 0x00100010, 0x00100020, 0x00280100}
POLICIES = [
    Policy(),
    Policy(descriptors=Treatment.CLEAN, structured_content=Treatment.CLEAN, keep_graphics=True),
    Policy(retain_device=True, retain_institution=True, retain_characteristics=True),
]


def bird() -> Dataset:
    dataset = image(random.Random(1))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Kanarienvogel^Hans", NUMBER, "19310405"
    return dataset


def tags_of(vr: str) -> list[int]:
    """Some attributes of the dictionary with a representation."""
    found = [tag for tag, entry in DicomDictionary.items() if entry[0].split(" or ")[-1] == vr]
    usable = [tag for tag in sorted(found) if 0x00040000 < tag < 0x7FE00000 and tag not in READ_FIRST]
    return random.Random(vr).sample(usable, min(len(usable), 12))


def planted(tag: int, vr: str) -> bytes:
    """A file with the patient's words in one element, as written by somebody who does not care for representations."""
    dataset = bird()
    if vr not in BINARY:
        dataset[tag] = DataElement(tag, vr, VALUES[vr])
        return saved(dataset)
    dataset[tag] = DataElement(tag, "OB", BYTES)
    name, size = struct.pack("<HH", tag >> 16, tag & 0xFFFF), len(BYTES)
    head = vr.encode() + (struct.pack("<HI", 0, size) if vr in LONG else struct.pack("<H", size))
    content = saved(dataset)
    return content.replace(name + b"OB\0\0" + struct.pack("<I", size), name + head)


@pytest.mark.parametrize("vr", [*VALUES, *BINARY])
def test_no_representation_hides_the_patient(vr: str) -> None:
    for number, tag in enumerate(tags_of(vr)):
        made = deidentify(dcmread(BytesIO(planted(tag, vr))), POLICIES[number % 3], NAMES)
        if made.dataset is None:
            assert made.causes[0] in (Cause.WORDS, Cause.BURNED_IN, Cause.DOCUMENT), f"{tag:08X}"
        else:
            assert not NEEDLE.search(saved(made.dataset)), f"{tag:08X}"


def test_what_readers_need_stays_and_codes_do_not_name_the_patient() -> None:
    dataset = bird()
    dataset.PatientName, dataset.PatientID = "Axial^Mono", "2022"
    dataset.ImageType, dataset.SpecificCharacterSet = ["ORIGINAL", "PRIMARY", "AXIAL"], ["", "ISO 2022 IR 87"]
    dataset.InstanceNumber, dataset.WindowWidth = 2022, 2022
    dataset.StudyID, dataset.PatientOrientation, dataset.ScanOptions = "BRAIN", ["L", "P"], "BRAIN"
    dataset.OperatorsName = "Stu"
    dataset.RedPaletteColorLookupTableData = bytes(byte for value in range(256) for byte in (value, 0))
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "AXIAL", "99LOCAL", "Liver"
    dataset.AnatomicRegionSequence, dataset.BodyPartExamined = [code], "AXIAL"
    made = deidentify(dataset, Policy(), NAMES).dataset
    assert made is not None and list(made.ImageType) == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert made.InstanceNumber == made.WindowWidth == 2022 and made.SpecificCharacterSet == ["", "ISO 2022 IR 87"]
    assert made.ScanOptions == "BRAIN" and len(made.RedPaletteColorLookupTableData) == 512
    region = made.AnatomicRegionSequence[0]
    assert (region.CodeValue, region.CodeMeaning, made.BodyPartExamined) == ("REMOVED", "Liver", "REMOVED")


def test_overlays_that_are_kept_name_nobody() -> None:
    dataset = bird()
    dataset.add_new(0x60000040, "CS", "KANARIENVOGEL")
    dataset.add_new(0x60003000, "OW", b"\0\1\2\3")
    made = deidentify(dataset, Policy(keep_graphics=True), NAMES).dataset
    assert made is not None and made[0x60000040].value == "REMOVED" and 0x60003000 in made
    dataset[0x60003000].value = BYTES
    assert deidentify(dataset, Policy(keep_graphics=True), NAMES).causes == (Cause.WORDS,)


def test_a_person_may_let_words_through() -> None:
    dataset = bird()
    dataset.RescaleType = dataset.PixelIntensityRelationship = "KANARIENVOGEL"
    assert deidentify(dataset, Policy(), NAMES).causes == (Cause.WORDS,)
    made = deidentify(dataset, Policy(), NAMES, accepted=[Cause.WORDS]).dataset
    assert made is not None and made.PixelIntensityRelationship == "KANARIENVOGEL"


def test_numbers_and_names_of_items_are_found_elsewhere() -> None:
    dataset, other = bird(), Dataset()
    other.PatientID, other.IssuerOfPatientID = "KK-9981234", "elsewhere"
    request = Dataset()
    request.AccessionNumber = "R2468013"
    dataset.OtherPatientIDsSequence, dataset.RequestAttributesSequence = [other], [request]
    dataset.PositionReferenceIndicator, dataset.FilterType = "see KK9981234", "R2468013"
    made = deidentify(dataset, Policy(), NAMES).dataset
    assert made is not None and made.PositionReferenceIndicator == made.FilterType == "REMOVED"


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize(
    ("head", "marker", "content", "held"),
    [
        (b"\xff\xd8", 0xFE, b"taken of Kanarienvogel, Hans", True),
        (b"\xff\xd8", 0xE1, b"Exif\0\0" + "Kanarienvogel".encode("utf-16-le"), True),
        (b"\xff\x4f", 0x64, b"\0\1ID 77310405", True),
        (b"\xff\xd8", 0xFE, b"Lavc58.54.100", False),
    ],
)
def test_comments_in_compressed_pixels_are_searched(head: bytes, marker: int, content: bytes, held: bool) -> None:
    frame = head + segment(0xDB, bytes(65)) + segment(marker, content) + b"\xff\xda" + bytes(40)
    dataset = bird()
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made = deidentify(dcmread(BytesIO(saved(dataset))), Policy(), NAMES)
    assert made.causes == ((Cause.WORDS,) if held else ())


def test_words_behind_the_pixels_are_found() -> None:
    dataset = bird()
    dataset.PixelData += b"  Kanarienvogel "
    assert deidentify(dcmread(BytesIO(saved(dataset))), Policy(), NAMES).causes == (Cause.WORDS,)


def test_a_transfer_syntax_holds_no_number() -> None:
    content = saved(bird()).replace(b"1.2.840.10008.1.2.1\0", b"1.2.3.77310405".ljust(20, b"\0"))
    assert deidentify(dcmread(BytesIO(content)), Policy(), NAMES).causes == (Cause.UNREADABLE,)
    assert "TransferSyntaxUID" in still_identifies(dcmread(BytesIO(content)), Policy())


def test_a_placeholder_makes_no_subject_of_several_people() -> None:
    dataset = bird()
    for text in ("UNKNOWN", "anonymous", "0", "none", "?", "---"):
        dataset.PatientID = text
        assert deidentify(dataset, Policy(), NAMES).causes == (Cause.NOBODY,), text
    first = deidentify(dataset, Policy(), NAMES, accepted=[Cause.NOBODY]).dataset
    dataset.StudyInstanceUID = "1.2.33.99"
    second = deidentify(dataset, Policy(), NAMES, accepted=[Cause.NOBODY]).dataset
    assert first is not None and second is not None and first.PatientID != second.PatientID
    given = deidentify(dataset, Policy(), NAMES, subject="ECI_KAU_S0001")
    assert given.causes == ()
