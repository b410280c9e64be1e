"""Headers that are read without pydicom equal what pydicom reads, in whole, odd and damaged files."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom.stored import room
from eci_annotate.dicom.stored.plain_header import plain_header
from tests.counts import examples
from tests.dicom.mutations import mutated
from tests.dicom.series_maker import make_series

DEFER = 4096
MUTATIONS = examples(400, 20_000)


def require_equal(path: Path) -> bool:
    """Require that both ways read the same; False if the file is left to pydicom."""
    ours = plain_header(path, DEFER)
    if ours is None:
        return False
    theirs = pydicom.dcmread(path, defer_size=DEFER)
    assert list(ours._dict) == list(theirs._dict)
    for tag, element in ours._dict.items():
        other = theirs._dict[tag]
        if isinstance(element, RawDataElement) and isinstance(other, RawDataElement):
            assert tuple(element) == tuple(other), tag
        else:
            assert ours[tag] == theirs[tag], tag
    assert list(ours.file_meta._dict) == list(theirs.file_meta._dict)
    assert all(ours.file_meta[tag] == theirs.file_meta[tag] for tag in list(theirs.file_meta.keys()))
    left_out = {"_dict", "file_meta"}
    mine, other_state = ({k: v for k, v in each.__dict__.items() if k not in left_out} for each in (ours, theirs))
    assert mine == other_state
    return True


@pytest.fixture
def image(tmp_path) -> Dataset:
    return pydicom.dcmread(make_series(tmp_path / "made", modality="CT", n=2)[0])


def written(path: Path, dataset: Dataset, syntax: str) -> Path:
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return path


def test_the_data_sets_of_the_tests(shared_data):
    found = [require_equal(path) for path in sorted(shared_data.rglob("*.dcm"))]
    assert sum(found) > 0.9 * len(found)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_long_private_elements_and_character_sets(tmp_path, image, syntax, undefined):
    inner = Dataset()
    inner.PatientName = "Ж^Я"
    inner.is_undefined_length_sequence_item = undefined
    image.SpecificCharacterSet = "ISO_IR 144"
    image.ReferencedPatientSequence = [inner]
    image["ReferencedPatientSequence"].is_undefined_length = undefined
    image.PatientID = ""
    image.private_block(0x0029, "MAKER", create=True).add_new(0x10, "OB", bytes(DEFER + 2))
    image.private_block(0x0029, "MAKER").add_new(0x20, "OB", bytes(DEFER))
    for number in range(8):  # more than is read at once
        image.private_block(0x0031, "MAKER", create=True).add_new(0x10 + number, "OB", bytes(DEFER - 2 * number))
    path = written(tmp_path / "x.dcm", image, syntax)
    assert require_equal(path)
    found = plain_header(path, DEFER)
    assert found is not None and found.ReferencedPatientSequence[0].PatientName == "Ж^Я"


def test_what_is_unusual_is_left_to_pydicom(tmp_path, image):
    path = written(tmp_path / "x.dcm", image, ExplicitVRLittleEndian)
    content = path.read_bytes()
    rows = content.index(b"\x28\x00\x10\x00US\x02\x00")
    odd = {
        "twice": content[:rows] + content[rows : rows + 10] * 2 + content[rows + 10 :],
        "unknown VR": content[: rows + 4] + b"ZZ" + content[rows + 6 :],
        "more behind the pixels": content + bytes(7),
        "cut short": content[:-1],
        "only the file meta information": content[: 144 + int.from_bytes(content[140:144], "little")],
        "big endian": content.replace(ExplicitVRLittleEndian.encode(), ExplicitVRBigEndian.encode(), 1),
        "no prefix": content[132:],
        "nothing": b"",
    }
    for name, changed in odd.items():
        path.write_bytes(changed)
        assert plain_header(path, DEFER) is None, name


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
def test_damaged_files(tmp_path, image, syntax):
    if syntax == RLELossless:
        image.compress(RLELossless)
    path = written(tmp_path / "x.dcm", image, syntax)
    content, usual = path.read_bytes(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(MUTATIONS):
            path.write_bytes(mutated(content, seed))
            usual += require_equal(path)
    assert MUTATIONS // 10 < usual < MUTATIONS


def test_every_byte_of_a_header(tmp_path, image):
    """Another value in any one place."""
    path = written(tmp_path / "x.dcm", image, ExplicitVRLittleEndian)
    content, usual = path.read_bytes(), 0
    end = content.index(b"\xe0\x7f\x10\x00") + 12
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for at in range(128, end):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
            usual += require_equal(path)
    assert usual > 100


def test_room_for_other_files_than_the_first(tmp_path, monkeypatch):
    """Memory is made ready for as many slices as files; a folder also holds others, and other sizes."""
    monkeypatch.setattr(room, "LEAST_BYTES", 0)
    paths = make_series(tmp_path / "s", modality="CT")
    alone = eci.load_series(tmp_path / "s")
    assert [alone.values[k, 0, 0] for k in range(6)] == list(range(6))
    report = pydicom.dcmread(paths[0])
    del report.PixelData, report.Rows
    report.SOPClassUID, report.Modality = "1.2.840.10008.5.1.4.1.1.88.11", "SR"
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    report.save_as(tmp_path / "s" / "zz.dcm")
    assert np.array_equal(eci.load_series(tmp_path / "s").values, alone.values)


def test_no_more_room_than_the_files_have(tmp_path, image, monkeypatch):
    monkeypatch.setattr(room, "LEAST_BYTES", 0)
    small = tmp_path / "small"
    small.write_bytes(b"x")
    expected = room.Room()
    expected.expect(image, [written(tmp_path / "x.dcm", image, ExplicitVRLittleEndian), *[small] * 1000])
    assert expected._array is None and expected.take((2, 3, 4)).shape == (2, 3, 4)


def test_a_file_that_is_missing_is_named_though_room_is_made_first(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "LEAST_BYTES", 0)
    paths = make_series(tmp_path, 2, modality="CT")
    with pytest.raises(errors.NoImages, match="File 3 does not exist"):
        eci.load_series([*paths, tmp_path / "missing.dcm"])
