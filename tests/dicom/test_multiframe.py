"""Multi-frame files whose modality states the places of frames in its own way: volumes, or frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedUSVolumeStorage, NuclearMedicineImageStorage

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.imaging.volume import grid_of, like
from tests.dicom.series_maker import SHAPE, make_series

COUNT, FIRST = 5, np.array([-30.0, 12.5, 55.0])
AXIAL = (1, 0, 0, 0, 1, 0)
OBLIQUE = (0.8, 0.6, 0, 0, 0, -1)  # its normal is (-0.6, 0.8, 0)


def reconstruction(folder: Path, step_mm: float, cosines: Any = AXIAL, **header: Any) -> Path:
    """Write a RECON TOMO whose frame n holds the value n; None deletes an element."""

    def edit(dataset: Dataset, _: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = NuclearMedicineImageStorage
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
        detector = Dataset()
        detector.ImagePositionPatient, detector.ImageOrientationPatient = FIRST.tolist(), list(cosines)
        dataset.DetectorInformationSequence, dataset.NumberOfDetectors = [detector], 1
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        dataset.NumberOfFrames = dataset.NumberOfSlices = COUNT
        dataset.FrameIncrementPointer, dataset.SliceVector = 0x00540080, [*range(1, COUNT + 1)]
        dataset.SpacingBetweenSlices, dataset.SliceThickness = step_mm, abs(step_mm)
        dataset.PixelData = np.repeat(np.arange(1, COUNT + 1, dtype="<i2"), SHAPE[0] * SHAPE[1]).tobytes()
        for keyword, value in header.items():
            setattr(dataset, keyword, value)
            if value is None:
                delattr(dataset, keyword)

    return make_series(folder, 1, modality="NM", edit=edit)[0]


@pytest.mark.parametrize("cosines", [AXIAL, OBLIQUE])
@pytest.mark.parametrize("step_mm", [4.0, -4.0])
def test_reconstructed_slices_lie_where_their_detector_item_and_spacing_say(
    tmp_path: Path, step_mm: float, cosines: tuple[float, ...]
) -> None:
    path = reconstruction(tmp_path, step_mm, cosines)
    volume = eci.load_series(tmp_path)
    grid, normal = grid_of(volume), np.cross(cosines[:3], cosines[3:])
    for k, number in enumerate(volume.frame_number.values):
        assert (volume.values[k] == number).all()
        assert np.allclose(grid.reference_from_image([k, 0, 0]), FIRST + (number - 1) * step_mm * normal, atol=1e-6)
    assert "kind" not in volume.attrs
    assert [stack.shape for stack in eci.load_stacks(path)] == [volume.shape]
    peer = sitk.ReadImage(str(path))
    for k, j, i in ((0, 0, 0), (COUNT - 1, 3, 7)):
        at = peer.TransformPhysicalPointToIndex(grid.reference_from_image([k, j, i]).tolist())
        assert peer.GetPixel(at) == volume.values[k, j, i]


def detector(**values: Any) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient, item.ImageOrientationPatient = FIRST.tolist(), list(AXIAL)
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


ELSEWHERE = {"ImagePositionPatient": [1, 2, 3]}


@pytest.mark.parametrize(
    "header",
    [
        {"SpacingBetweenSlices": None},
        {"SpacingBetweenSlices": 0},
        {"FrameIncrementPointer": 0x00540010},
        {"SliceVector": [1, 2, 3, 5, 4]},
        {"SliceVector": None},
        {"NumberOfSlices": COUNT + 1},
        {"EnergyWindowVector": [1, 1, 1, 2, 2]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"]},
        {"ImagePositionPatient": [0, 0, 0]},
        {"DetectorInformationSequence": None},
        {"DetectorInformationSequence": [Dataset()]},
        {"DetectorInformationSequence": [detector(), detector(**ELSEWHERE)]},
        {"DetectorInformationSequence": [detector(ImageOrientationPatient=[1, 0, 0, 1, 0, 0])]},
        {"DetectorInformationSequence": [detector(ImagePositionPatient=[1, 2])]},
    ],
    ids=lambda header: " ".join(f"{key} {str(value)[:20]}" for key, value in header.items()),
)
def test_a_reconstruction_whose_places_are_not_stated_stays_frame_by_frame(tmp_path: Path, header: Any) -> None:
    reconstruction(tmp_path, 4.0, **header)
    (stack,) = eci.load_stacks(tmp_path)
    assert stack.attrs["kind"] == "projection" and (stack.values[:, 0, 0] == range(1, COUNT + 1)).all()
    with pytest.raises(errors.UnsupportedImages):
        eci.load_series(tmp_path)


def test_of_several_detectors_that_of_the_frames_counts(tmp_path: Path) -> None:
    items = [detector(**ELSEWHERE), detector()]
    reconstruction(tmp_path, 4.0, DetectorInformationSequence=items, DetectorVector=[2] * COUNT)
    assert np.allclose(grid_of(eci.load_series(tmp_path)).origin_lps, FIRST)


@pytest.mark.parametrize(
    ("first", "names"), [(0, ["repetition 1 of 2", "repetition 2 of 2"]), (4, ["image 1 of 2", "image 2 of 2"])]
)
def test_each_of_several_reconstructions_is_a_stack(tmp_path: Path, first: float, names: list[str]) -> None:
    path = reconstruction(tmp_path, 4.0)
    dataset = dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset.InstanceNumber = 2
    dataset.DetectorInformationSequence[0].ImagePositionPatient = (FIRST + [0, 0, first]).tolist()
    dataset.save_as(tmp_path / "b.dcm")
    stacks = eci.load_stacks(tmp_path)
    assert [stack.attrs["stack"] for stack in stacks] == names and not any("kind" in stack.attrs for stack in stacks)
    assert all((stack.values[:, 0, 0] == range(1, COUNT + 1)).all() for stack in stacks)


def test_an_annotation_on_reconstructed_slices_is_read_back_from_a_structure_set(tmp_path: Path) -> None:
    reconstruction(tmp_path / "nm", -4.0)
    volume = eci.load_series(tmp_path / "nm")
    values = np.zeros(volume.shape, bool)
    values[1:4, 5:15, 6:20] = True
    eci.write_rtstruct([eci.Mask.from_volume(like(volume, values), label="A")], tmp_path / "nm", tmp_path / "rs.dcm")
    images = dcmread(tmp_path / "rs.dcm").ROIContourSequence[0].ContourSequence
    assert {each.ContourImageSequence[0].ReferencedFrameNumber for each in images} == {2, 3, 4}
    assert (eci.read_rtstruct(tmp_path / "rs.dcm")[0].mask_on(volume).values == values).all()


def one(**values: Any) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def ultrasound(folder: Path, *, in_patient: bool, kinds: int = 1) -> None:
    """Write an Enhanced US Volume; frame n lies at n mm of its own z axis, and at -2 n mm in the patient."""

    def edit(dataset: Dataset, _: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedUSVolumeStorage
        dataset.VolumeFrameOfReferenceUID, dataset.VolumeToTransducerRelationship = "1.2.3", "FIXED"
        dataset.UltrasoundAcquisitionGeometry = "PATIENT" if in_patient else "APEX"
        shared = one(PixelMeasuresSequence=one(PixelSpacing=[0.9, 0.7], SliceThickness=1))[0]
        shared.PlaneOrientationVolumeSequence = one(ImageOrientationVolume=list(AXIAL))
        if in_patient:
            shared.PlaneOrientationSequence = one(ImageOrientationPatient=[0, 1, 0, 1, 0, 0])
        dataset.SharedFunctionalGroupsSequence, groups = [shared], []
        for n in range(COUNT):
            for kind in ("TISSUE_INTENSITY", "FLOW_VELOCITY")[:kinds]:
                group = one(PlanePositionVolumeSequence=one(ImagePositionVolume=[0, 0, n]))[0]
                group.ImageDataTypeSequence = one(DataType=kind)
                if in_patient:
                    group.PlanePositionSequence = one(ImagePositionPatient=[1, 2, -2 * n])
                groups.append(group)
        dataset.PerFrameFunctionalGroupsSequence, dataset.NumberOfFrames = groups, len(groups)
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
            delattr(dataset, keyword)
        dataset.PixelData = np.repeat(np.arange(1, len(groups) + 1, dtype="<i2"), SHAPE[0] * SHAPE[1]).tobytes()

    make_series(folder, 1, modality="US", edit=edit)


def test_an_ultrasound_volume_outside_the_patient_is_shown_frame_by_frame_with_its_spacing(tmp_path: Path) -> None:
    ultrasound(tmp_path, in_patient=False)
    (stack,) = eci.load_stacks(tmp_path)
    assert stack.attrs["kind"] == "projection" and stack.attrs["spacing_from"] == "PixelSpacing"
    assert (stack.values[:, 0, 0] == range(1, COUNT + 1)).all() and grid_of(stack).spacing_mm == (1.0, 0.9, 0.7)
    assert "sides" not in stack.attrs
    with pytest.raises(errors.UnsupportedImages, match="none in the patient"):
        eci.load_series(tmp_path)


def test_an_ultrasound_volume_in_the_patient_lies_where_its_patient_positions_say(tmp_path: Path) -> None:
    ultrasound(tmp_path, in_patient=True)
    volume = eci.load_series(tmp_path)
    grid = grid_of(volume)
    for k, number in enumerate(volume.frame_number.values):
        assert (volume.values[k] == number).all()
        assert np.allclose(grid.reference_from_image([k, 0, 0]), [1, 2, -2 * (number - 1)])


def test_tissue_and_flow_of_an_ultrasound_volume_are_stacks_of_their_own(tmp_path: Path) -> None:
    ultrasound(tmp_path, in_patient=True, kinds=2)
    found = {stack.attrs["stack"]: sorted(stack.values[:, 0, 0].tolist()) for stack in eci.load_stacks(tmp_path)}
    assert found == {"tissue_intensity": [1, 3, 5, 7, 9], "flow_velocity": [2, 4, 6, 8, 10]}
