"""Signed versions are exported as DICOM SEG, NIfTI and .seg.nrrd, with the same voxels, also by the command."""

import json
import sys
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from eci_annotate import cli, errors
from eci_annotate.dicom.images.series import load_stacks
from eci_annotate.dicom.seg.read import read_segmentation
from eci_annotate.dicom.seg.write import write_segmentation
from eci_annotate.imaging.annotations import Mask
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed
from eci_annotate.repository.verify_export import is_export
from tests.dicom.peers import dciodvfy_errors
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local

STEM = f"{S}_annotate_v0001"


def sign(repo: Repository, labels: tuple[str, ...] = ("lesion 1",)) -> Signed:
    """Boxes at one place, which overlap, one for each label."""
    task = repo.start(S, "annotate", project=P)
    for n, label in enumerate(labels):
        task.save(lines(task, label, uid=f"u{n + 1}"))
    lesion = ANSWERS["lesions"][0]
    task.answer({**ANSWERS, "lesions": [{**lesion, "label": label} for label in dict.fromkeys(labels)]})
    return task.sign(MEANING)


def test_each_format_holds_the_signed_voxels(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    (box,) = signed.annotations()
    volume = repo.volume(box.series_uid)
    voxels = box.mask_on(volume).values
    assert voxels.any()
    (seg,) = signed.export(tmp_path, format="seg")
    (mask,) = read_segmentation(seg)
    assert (mask.label, mask.uid, mask.series_uid) == (box.label, box.uid, box.series_uid)
    assert np.array_equal(mask.mask_on(volume).values, voxels)
    nifti, table = signed.export(tmp_path, format="nifti")
    assert np.array_equal(np.asarray(nibabel.load(nifti).dataobj).transpose() == 1, voxels)
    assert json.loads(table.read_text())["labels"][0]["uid"] == box.uid
    (nrrd,) = signed.export(tmp_path, format="nrrd")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(nrrd))) == 1, voxels)
    names = [f"{STEM}_{end}" for end in ("nifti_1.json", "nifti_1.nii.gz", "nrrd_1.seg.nrrd", "seg_1.dcm")]
    assert sorted(path.name for path in tmp_path.glob(f"{STEM}*")) == names
    assert not is_export(tmp_path), "what was converted is not taken for what was signed"
    noted = local(repo).trail.audit(AuditQuery(project=P, subject=S))["detail"].tolist()
    for kind in ("seg", "nifti", "nrrd"):
        assert f"annotate version 1 as {kind}" in noted


def test_a_segmentation_names_the_pseudonym_and_the_images(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    (path,) = signed.export(tmp_path, format="seg")
    seg = pydicom.dcmread(path)
    volume = repo.volume(signed.annotations()[0].series_uid)
    assert seg.PatientID == S and str(seg.PatientName) == S and seg.PatientIdentityRemoved == "YES"
    assert seg.StudyInstanceUID == repo.studies(S)[0].study_uid
    (series,) = seg.ReferencedSeriesSequence
    uids = [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedInstanceSequence]
    assert uids == volume.instance_uid.values.tolist()
    sources = [f.DerivationImageSequence[0].SourceImageSequence[0] for f in seg.PerFrameFunctionalGroupsSequence]
    assert {str(source.ReferencedSOPInstanceUID) for source in sources} <= set(uids)
    assert str(seg.ContentCreatorName) == "anna" and seg.ContentDate == signed.at.strftime("%Y%m%d")


@pytest.mark.needs_debian
def test_dciodvfy_finds_no_error_in_an_exported_segmentation(repo: Repository, tmp_path: Path) -> None:
    assert dciodvfy_errors(sign(repo).export(tmp_path, format="seg")[0]) == []


def test_the_same_export_has_the_same_bytes(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    for kind in ("seg", "nifti", "nrrd", "tid1500"):
        one, two = (signed.export(tmp_path / place, format=kind) for place in ("one", "two"))
        assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_overlaps_and_equal_labels_keep_their_rule(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo, ("lesion 1", "lesion 1"))
    with pytest.raises(errors.BadSegmentation, match="Annotations 1 and 2 overlap"):
        signed.export(tmp_path / "out", format="nifti")
    assert not (tmp_path / "out").exists()
    with pytest.warns(UserWarning, match="'lesion 1' lies under others"):
        nifti, table = signed.export(tmp_path / "out", format="nifti", overlap="priority")
    assert [row["voxels"] > 0 for row in json.loads(table.read_text())["labels"]] == [True, False]
    assert set(np.unique(np.asarray(nibabel.load(nifti).dataobj))) == {0, 1}
    assert [row["name"] for row in json.loads(table.read_text())["labels"]] == ["lesion 1", "lesion 1 (2)"]
    (seg,) = signed.export(tmp_path / "out", format="seg")
    assert [mask.label for mask in read_segmentation(seg)] == ["lesion 1", "lesion 1"]
    (nrrd,) = signed.export(tmp_path / "out", format="nrrd")
    assert sitk.ReadImage(str(nrrd)).GetNumberOfComponentsPerPixel() == 2


def test_unknown_formats_and_rules_are_refused_by_name(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    with pytest.raises(errors.BadRequest, match="rtstruct, seg, nifti, nrrd"):
        signed.export(tmp_path / "out", format="stl")
    with pytest.raises(errors.BadSegmentation, match="priority"):
        signed.export(tmp_path / "out", format="nifti", overlap="union")
    assert not (tmp_path / "out").exists()


def test_the_repository_and_the_command_export_what_counts(
    repo: Repository, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(repo)
    for kind, count in (("rtstruct", 9), ("seg", 1), ("nifti", 2), ("nrrd", 1), ("tid1500", 2)):
        written = repo.export(tmp_path / "api", task="annotate", format=kind)
        assert len(written) == count and {path.parent for path in written} == {tmp_path / "api" / S}
        words = ["eci-annotate", "export", str(folder), str(tmp_path / "cli"), "--format", kind]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as done:
            cli.main()
        assert done.value.code == 0 and "anna" in capsys.readouterr().out
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / place / S).iterdir()} for place in ("api", "cli"))
    assert one == two and len(one) == 15


def test_a_segmentation_in_a_study_is_listed_and_disturbs_nothing(made: Path, tmp_path: Path) -> None:
    source = made.parent / "dicom"
    (volume,) = load_stacks(source)
    lesion = Mask.from_volume(volume > 100, label="by another program")
    write_segmentation([lesion], source, tmp_path / "dicom" / "seg.dcm")
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    repo = open(tmp_path / "repository")
    import_folders(local(repo), [source, tmp_path / "dicom"], project=P, site="KAU")
    series = [each for study in repo.studies(S) for each in study.series]
    assert sorted(each.modality for each in series) == ["CT", "SEG"]
    signed = sign(repo)
    assert len(signed.export(tmp_path / "out")) == 9 and repo.verify().passed
    assert [mask.label for mask in read_segmentation(signed.export(tmp_path / "out", format="seg")[0])] == ["lesion 1"]
