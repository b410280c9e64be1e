"""Frames that lie at the same positions go into stacks by whatever tells them apart; what nothing tells is refused."""

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

import eci_annotate as eci
from eci_annotate.dicom.images.attributes import other_values
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.errors import MixedSeries
from tests.dicom.series_maker import make_series
from tests.dicom.test_stacks import multi_frame

PLACES, ROWS, COLUMNS = 6, 5, 4
SHUFFLED = np.random.default_rng(3).permutation(2 * PLACES)


def macro(sequence, **elements):
    """Put elements into a functional group."""

    def edit(group, first):
        item = Dataset()
        for keyword, (one, other) in elements.items():
            setattr(item, keyword, one if first else other)
        setattr(group, sequence, [item])

    return edit


def content(**elements):
    """Put elements into the frame content, which is there."""

    def edit(group, first):
        for keyword, (one, other) in elements.items():
            setattr(group.FrameContentSequence[0], keyword, one if first else other)

    return edit


DIFFERENT = {
    "frame type": (
        macro("MRImageFrameTypeSequence", FrameType=(["DERIVED", "PRIMARY", "X", "ADC"], ["ORIGINAL", "PRIMARY", "X"])),
        "adc",
    ),
    "component": (macro("MRImageFrameTypeSequence", ComplexImageComponent=("PHASE", "MAGNITUDE")), "phase"),
    "flip angle": (macro("MRTimingAndRelatedParametersSequence", FlipAngle=(5.0, 15.0)), "flip angle 5"),
    "energy": (macro("CTXRayDetailsSequence", KVP=(80.0, 140.0)), "80 kV"),
    "label": (macro("MRArterialSpinLabelingSequence", ASLContext=("LABEL", "CONTROL")), "label"),
    "respiration": (
        macro("RespiratorySynchronizationSequence", NominalRespiratoryTriggerDelayTime=(10.0, 900.0)),
        "respiration 10 ms",
    ),
    "an element of no table": (macro("MRFOVGeometrySequence", PercentSampling=(50.0, 100.0)), "percent sampling 50"),
    "free text": (content(FrameLabel=("Mrs Smith", "Mrs Jones")), "frame label 2 of 2"),
    "dimension": (content(DimensionIndexValues=([1, 1], [2, 1])), "dimension 1 1"),
}


def enhanced(path: Path, edit, order=SHUFFLED) -> None:
    """Write a multi-frame MR of two images at each place: image n of the first holds n, of the second 100 + n."""
    dataset, meta, shared = Dataset(), FileMetaDataset(), Dataset()
    dataset.file_meta = meta
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, EnhancedMRImageStorage
    dataset.SOPClassUID, dataset.Modality, dataset.InstanceNumber = EnhancedMRImageStorage, "MR", 1
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "X", "NONE"]
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = ROWS, COLUMNS, len(order)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    macro("PixelMeasuresSequence", PixelSpacing=([1, 1],) * 2, SliceThickness=(2, 2))(shared, True)
    macro("PlaneOrientationSequence", ImageOrientationPatient=([1, 0, 0, 0, 1, 0],) * 2)(shared, True)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [Dataset() for _ in order]
    for group, n in zip(dataset.PerFrameFunctionalGroupsSequence, order, strict=True):
        macro("PlanePositionSequence", ImagePositionPatient=([0, 0, 2 * int(n % PLACES)],) * 2)(group, True)
        macro("FrameContentSequence")(group, True)
        edit(group, n < PLACES)
    values = [np.full((ROWS, COLUMNS), n % PLACES + 100 * (n >= PLACES), np.uint16) for n in order]
    dataset.PixelData = np.stack(values).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def held(volume) -> list[int]:
    return volume.values[:, 0, 0].tolist()


@pytest.mark.parametrize("name", DIFFERENT)
def test_frames_of_two_stacks_in_any_order_are_told_apart(tmp_path, name):
    edit, title = DIFFERENT[name]
    enhanced(tmp_path / "enhanced" / "one.dcm", edit)
    stacks = eci.load_stacks(tmp_path / "enhanced")
    assert sorted(map(held, stacks)) == [list(range(PLACES)), list(range(100, 100 + PLACES))]
    assert title in [each.attrs["stack"] for each in stacks]
    assert not any("Smith" in each.attrs["stack"] for each in stacks)


def test_order_counts_only_where_it_is_one(tmp_path):
    def nothing(group, first):
        """Both are alike."""

    for name, order in (("rounds", range(2 * PLACES)), ("places", [n for k in range(PLACES) for n in (k, k + PLACES)])):
        enhanced(tmp_path / name / "one.dcm", nothing, np.array(order))
        assert sorted(map(held, eci.load_stacks(tmp_path / name)))[0] == list(range(PLACES))
    enhanced(tmp_path / "shuffled" / "one.dcm", nothing)
    with pytest.raises(MixedSeries, match="which belong together"):
        eci.load_stacks(tmp_path / "shuffled")


def test_two_attributes_that_disagree_decide_nothing(tmp_path):
    def edit(group, first):
        macro("MRFOVGeometrySequence", PercentSampling=(50.0, 100.0))(group, first)
        place = int(group.PlanePositionSequence[0].ImagePositionPatient[2]) // 2
        macro("MRModifierSequence", ParallelReductionFactorInPlane=(1.0, 2.0))(group, first ^ (place % 2 == 0))

    enhanced(tmp_path / "both" / "one.dcm", edit)
    with pytest.raises(MixedSeries, match="which belong together"):
        eci.load_stacks(tmp_path / "both")


@pytest.mark.parametrize(("keyword", "values"), [("FlipAngle", (5, 15)), ("ContrastBolusAgent", ("none", "some"))])
def test_slices_of_single_files_too(tmp_path, keyword, values):
    def edit(dataset, k):
        n = int(SHUFFLED[k])
        dataset.ImagePositionPatient = [0, 0, 2 * (n % PLACES)]
        setattr(dataset, keyword, values[n >= PLACES])
        dataset.PixelData = np.full(
            (dataset.Rows, dataset.Columns), n % PLACES + 100 * (n >= PLACES), np.int16
        ).tobytes()
        for other in ("AcquisitionTime", "ContentTime"):
            dataset.pop(other, None)

    make_series(tmp_path, 2 * PLACES, edit=edit)
    stacks = eci.load_stacks(tmp_path)
    assert sorted(map(held, stacks)) == [list(range(PLACES)), list(range(100, 100 + PLACES))]


def test_a_malformed_or_deferred_element_tells_nothing_apart():
    raw = [
        RawDataElement(Tag("DiffusionBValue"), "FD", 3, b"few", 0, False, True),
        RawDataElement(Tag("KVP"), "DS", 10, b"Mrs Smith ", 0, False, True),
        RawDataElement(Tag("PixelData"), "OW", 400, None, 0, False, True),
        RawDataElement(Tag("ScanOptions"), "CS", 2, b"AX", 0, False, True),
    ]
    frame = Frame(Dataset({each.tag: each for each in raw}), 0, {}, lambda: np.zeros((1, 1)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom's quote values
        assert list(other_values(frame)) == ["KVP", "ScanOptions"]


@pytest.mark.parametrize("order", [(1, 0), (0, 1)])
def test_the_times_of_frames_count_before_that_of_their_file(tmp_path, order):
    """The later phase comes first in the file, whose own time is that of the whole."""

    def edit(dataset):
        dataset.AcquisitionDateTime = "20200102101010"
        for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            del group.MRDiffusionSequence
            content = Dataset()
            content.FrameAcquisitionDateTime = f"2020010210{10 + order[n % 2]}10"
            group.FrameContentSequence = [content]

    multi_frame(tmp_path / "a.dcm", (0, 1))
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    edit(dataset)
    dataset.save_as(tmp_path / "a.dcm")
    stacks = eci.load_stacks(tmp_path / "a.dcm")
    assert [v.attrs["stack"] for v in stacks] == ["phase 1 of 2", "phase 2 of 2"]
    first = order.index(0)
    assert [v.values[0, 0, 0] for v in stacks] == [2 * 100 * (b + 1) + b for b in (first, 1 - first)]


def private_b(block: int, creator: str, number: int = 0x39, group: int = 0x43):
    """Two images at each position, b 0 and b 1000 in a private element."""

    def edit(dataset, k):
        placed(dataset, k)
        dataset.add_new(group << 16 | block, "LO", creator)
        dataset.add_new(group << 16 | block << 8 | number, "IS", 1000 * (k % 2))

    return edit


def placed(dataset, k):
    dataset.InstanceNumber, dataset.ImagePositionPatient = k + 1, [0, 0, 2.5 * (k // 2)]


def canon(dataset, k):
    placed(dataset, k)
    dataset.Manufacturer, dataset.DiffusionBValue = "CANON_MEC", 1500.0
    dataset.ImageComments = f"b=1500({('0.445,0.000,0.895', '1.000,0.000,0.000')[k % 2]})"


def zones(dataset, k):
    """Taken one second after the other, in two time zones."""
    placed(dataset, k)
    dataset.AcquisitionDateTime = ("20200102000003.0+0100", "20200101230004.0+0000")[k % 2]


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        (private_b(0x10, "GEMS_PARM_01"), ["b 0", "b 1000"]),
        (private_b(0x11, "GEMS_PARM_01"), ["b 0", "b 1000"]),
        (private_b(0x12, "SIEMENS MR HEADER", 0x0C, 0x19), ["b 0", "b 1000"]),
        (private_b(0x10, "ACME IMAGING", 0x0C, 0x19), ["repetition 1 of 2", "repetition 2 of 2"]),
        (canon, ["direction 1 of 2", "direction 2 of 2"]),
        (zones, ["phase 1 of 2", "phase 2 of 2"]),
    ],
)
def test_private_elements_are_those_of_their_creator(tmp_path, edit, names):
    make_series(tmp_path, 8, edit=edit)
    stacks = eci.load_stacks(tmp_path)
    assert [v.attrs["stack"] for v in stacks] == names
    assert stacks[0].values[:, 0, 0].tolist() == [0, 2, 4, 6]
