"""One digest for one content: no encoding changes it, any other value does."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from eci_annotate.dicom.header_digest import header_digest
from eci_annotate.errors import DamagedFile


@pytest.fixture
def image(phantoms: dict[str, Path]) -> Dataset:
    """A slice with sequences in sequences and private elements of several kinds."""
    dataset = pydicom.dcmread(sorted(phantoms["tiny"].iterdir())[0])
    code, step = Dataset(), Dataset()  # `code` is in a sequence of a sequence, and in a private one
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-62000", "SRT", "Liver"
    step.ScheduledProcedureStepID, step.ScheduledProtocolCodeSequence = "7", Sequence([code, Dataset()])
    dataset.RequestAttributesSequence = Sequence([step])
    dataset.PatientComments = "as received"
    block = dataset.private_block(0x0019, "ECI TEST", create=True)
    block.add_new(1, "DS", "1.5")
    block.add_new(2, "US", 32)
    block.add_new(3, "SQ", Sequence([code]))
    return dataset


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian, undefined: bool = False) -> bytes:
    """The file of a dataset in a transfer syntax."""
    copy = pydicom.dcmread(BytesIO(_plain(dataset)))
    for element in copy.iterall():
        element.is_undefined_length = undefined and element.VR == "SQ"
    if syntax == RLELossless:
        copy.compress(RLELossless, generate_instance_uid=False)
    elif syntax == ExplicitVRBigEndian:
        copy.PixelData = b"".join(copy.PixelData[n : n + 2][::-1] for n in range(0, len(copy.PixelData), 2))
    copy.file_meta.TransferSyntaxUID = syntax
    stream = BytesIO()
    fresh = Dataset()  # without the encoding that it was read in
    fresh.update(copy)
    fresh.file_meta = copy.file_meta
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    fresh.save_as(stream, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return stream.getvalue()


def _plain(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_no_encoding_changes_it(image: Dataset, syntax: str, undefined: bool) -> None:
    other = written(image, syntax, undefined)
    assert other != _plain(image) and header_digest(other) == header_digest(_plain(image))


def test_any_other_value_changes_it(image: Dataset) -> None:
    known = {header_digest(_plain(image))}
    item = image.RequestAttributesSequence[0]
    changes = [
        lambda: setattr(image, "PixelSpacing", [1.0, 2.0]),
        lambda: setattr(image, "RescaleIntercept", "151"),
        lambda: setattr(image, "PatientComments", "as received."),
        lambda: setattr(image[0x0019, 0x1001], "value", "1.6"),
        lambda: setattr(image[0x0019, 0x1002], "value", 0),
        lambda: setattr(image[0x0019, 0x1003].value[0], "CodeMeaning", "Spleen"),
        lambda: setattr(item, "ScheduledProcedureStepID", "8"),
        lambda: item.ScheduledProtocolCodeSequence.pop(),
        lambda: delattr(image, "PatientComments"),
        lambda: setattr(image, "NumberOfFrames", 1),
    ]
    for number, change in enumerate(changes):
        change()
        now = header_digest(_plain(image))
        assert now not in known, number
        known.add(now)


def test_pixels_have_a_digest_of_their_own(image: Dataset) -> None:
    before = header_digest(_plain(image))
    image.PixelData = bytes(len(image.PixelData))
    assert header_digest(_plain(image)) == before


def test_what_is_no_dicom_is_refused() -> None:
    with pytest.raises(DamagedFile):
        header_digest(b"no dicom at all")
