"""Objects that refer to each other still do, and annotations land on the same voxels; no new errors of form."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

import eci_annotate as eci
from eci_annotate.deid.folder_run import FolderRun
from eci_annotate.deid.policy import Policy, Treatment
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from tests.deid.planted import KEY

CLEAN = Policy(descriptors=Treatment.CLEAN, structured_content=Treatment.CLEAN)


def run(source: Path, target: Path, policy: Policy = CLEAN) -> list[Path]:
    FolderRun(policy, Pseudonymiser(KEY), target).over(source, lambda what, done, of: None)
    return sorted(target.rglob("*.dcm"))


def of_modality(paths: list[Path], modality: str) -> list[Path]:
    return [path for path in paths if dcmread(path, stop_before_pixels=True).Modality == modality]


@pytest.mark.parametrize("policy", [Policy(), CLEAN])
def test_a_structure_set_lands_on_the_same_voxels(shared_data: Path, tmp_path: Path, policy: Policy) -> None:
    source = shared_data / "rtstruct_mim_sts008" / "CT"
    before_files = sorted(source.rglob("*.dcm"))
    after_files = run(source, tmp_path, policy)
    assert len(after_files) == len(before_files)
    masks = []
    for files in (before_files, after_files):
        volume = eci.load_series(of_modality(files, "CT"))
        annotations = eci.read_rtstruct(of_modality(files, "RTSTRUCT")[0])
        masks.append(np.stack([np.asarray(each.mask_on(volume)) for each in annotations]))
    assert masks[0].any() and (masks[0] == masks[1]).all()


def test_our_own_annotations_need_clean_descriptors(tmp_path: Path) -> None:
    source = tmp_path / "in"
    eci.write_phantom(source, "tiny")
    images = sorted(source.rglob("*.dcm"))
    volume = eci.load_series(images)
    drawn = np.zeros(volume.shape, bool)
    drawn[1:3, 4:9, 3:8] = True
    mask = eci.Mask.from_volume(volume.copy(data=drawn), label="Lesion 1, Zvanberg", uid="2.25.1")
    path = eci.write_rtstruct([mask], images, source / "rs.dcm")[0]
    strict = FolderRun(Policy(), Pseudonymiser(KEY), tmp_path / "strict")
    report = strict.over(source, lambda what, done, of: None)
    assert report.causes == {Cause.OWN_ANNOTATIONS: 1} and report.written == len(images)
    files = run(source, tmp_path / "out")
    assert path.exists() and len(files) == len(images) + 1
    found = eci.read_rtstruct(of_modality(files, "RTSTRUCT")[0])[0]
    again = eci.load_series([each for each in files if each not in of_modality(files, "RTSTRUCT")])
    assert found.label == "Lesion 1" and (np.asarray(found.mask_on(again)) == drawn).all()


def references(dataset: Dataset) -> set[str]:
    return {each.value for each in dataset.iterall() if each.keyword == "ReferencedSOPInstanceUID"}


def test_a_segmentation_still_names_its_images(shared_data: Path, tmp_path: Path) -> None:
    files = run(shared_data / "liver_seg_dcmqi", tmp_path)
    images = {str(dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in files}
    source = [dcmread(path) for path in sorted((shared_data / "liver_seg_dcmqi").rglob("*.dcm"))]
    inside = {each.SOPInstanceUID for each in source}
    expected = {Pseudonymiser(KEY).uid(uid) for each in source for uid in references(each) if uid in inside}
    found = {uid for path in of_modality(files, "SEG") for uid in references(dcmread(path))}
    assert len(expected) >= 3 and expected <= found and expected <= images
    segmentations = [each for each in source if each.Modality == "SEG"]
    for before in segmentations:
        uid = Pseudonymiser(KEY).uid(before.SOPInstanceUID)
        after = next(d for d in map(dcmread, of_modality(files, "SEG")) if uid == d.SOPInstanceUID)
        assert after.PixelData == before.PixelData
        assert after.FrameOfReferenceUID == Pseudonymiser(KEY).uid(before.FrameOfReferenceUID)


def kinds_of(errors: list[str]) -> set[str]:
    """Errors without the values they quote."""
    return {re.sub(r"<[^>]*>", "", error) for error in errors}


@pytest.mark.needs_debian
def test_dciodvfy_finds_no_new_errors(shared_data: Path, tmp_path: Path) -> None:
    from tests.dicom.peers import dciodvfy_errors

    names = (
        "liver_seg_dcmqi",
        "mammo_ffdm_siemens_overlay",
        "mr_multivendor_dicom2nifti",
        "rtstruct_mim_phantom_rtutils",
    )
    checked = 0
    for name in names:
        target = tmp_path / name
        run(shared_data / name, target, Policy())
        for path in sorted((shared_data / name).rglob("*.dcm"))[:12]:
            dataset = dcmread(path, stop_before_pixels=True)
            made = [*target.rglob(f"{Pseudonymiser(KEY).uid(dataset.SOPInstanceUID)}.dcm")]
            if made and dataset.get("PatientID"):
                checked += 1
                found, known = (kinds_of(dciodvfy_errors(each)) for each in (made[0], path))
                assert found <= known, path.name
    assert checked > 20
