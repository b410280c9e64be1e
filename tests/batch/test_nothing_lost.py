"""Nothing is lost without a word, nothing stays half done, and no refusal outlives its cause."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from pydicom import dcmread

from eci_annotate.batch.cohort_files import write_refused_files
from eci_annotate.batch.cohort_scan import NAME_IN_USE
from eci_annotate.batch.prepare import CHANGED
from eci_annotate.batch.prepare_series import prepare_series
from eci_annotate.batch.series_header import series_header
from eci_annotate.deid.folder_run import FolderRun
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.errors import BadRequest, NoImages
from eci_annotate.imaging.replace_file import replace_file
from tests.batch.cohort_world import DATA, images, prepared, prepared_here, sidecar, site_key, tree
from tests.batch.test_prepare import without_reports
from tests.dicom.series_maker import make_series


def named(folder: Path, name: str, **options) -> None:
    """A series of a patient with this ID."""
    make_series(folder, 3, edit=lambda dataset, k: setattr(dataset, "PatientID", name), **options)


def test_linked_folders_and_broken_links_are_reported(tmp_path):
    named(tmp_path / "elsewhere", "B")
    named(tmp_path / "in" / "a", "A")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "broken.dcm").symlink_to(tmp_path / "gone")
    (tmp_path / "in" / "file.dcm").symlink_to(tmp_path / "elsewhere" / "s000.dcm")
    os.mkfifo(tmp_path / "in" / "pipe")
    report = prepared(tmp_path / "in", tmp_path / "out", key=None)
    assert (report.count("taken"), report.unreadable) == (2, 2)
    write_refused_files(report.refused_files, tmp_path / "refused.csv")
    with (tmp_path / "refused.csv").open(encoding="utf-8") as file:
        why = {Path(row["file"]).name: row["why"] for row in csv.DictReader(file)}
    assert why == {"linked": "The folder is linked or cannot be read.", "broken.dcm": "The file cannot be read."}
    run = FolderRun(Policy(), Pseudonymiser.from_file(site_key(tmp_path)), None)
    assert run.over(tmp_path / "in", lambda *_: None).set_aside == 2
    shutil.rmtree(tmp_path / "in" / "a")
    with pytest.raises(NoImages):
        prepared(tmp_path / "in" / "a", tmp_path / "none", key=None)


def test_a_refusal_by_a_secret_that_a_worker_cannot_read_is_tried_again(tmp_path, monkeypatch):
    named(tmp_path / "in", "A")
    key, out = site_key(tmp_path), tmp_path / "out"
    monkeypatch.setattr("eci_annotate.batch.prepare_series.series_header", _without_secret(key))
    (record,) = prepared_here(tmp_path / "in", out)
    assert "secret cannot be read" in record.why and not record.lasting
    monkeypatch.undo()
    assert prepared(tmp_path / "in", out, key=key).count("taken") == 1


def _without_secret(key):
    def read(files, options, keep):
        hidden = key.rename(key.with_suffix(".hidden"))
        try:
            return series_header(files, options, keep)
        finally:
            hidden.rename(key)

    return read


def test_a_file_that_is_away_for_a_moment_is_tried_again(tmp_path, monkeypatch):
    named(tmp_path / "in", "A")

    def read(files, options, keep):
        files[1].rename(files[1].with_suffix(".away"))
        try:
            return series_header(files, options, keep)
        finally:
            files[1].with_suffix(".away").rename(files[1])

    monkeypatch.setattr("eci_annotate.batch.prepare_series.series_header", read)
    (record,) = prepared_here(tmp_path / "in", tmp_path / "out")
    assert record.why and not record.lasting
    monkeypatch.undo()
    assert prepared(tmp_path / "in", tmp_path / "out").count("taken") == 1


def test_equal_names_of_folders_are_refused_between_runs_and_only_while_both_exist(tmp_path):
    named(tmp_path / "one", "A_1")
    named(tmp_path / "two", "A1")
    out = tmp_path / "out"
    assert prepared(tmp_path / "one", out, key=None).count("taken") == 1
    before = tree(out / "sub-A1")
    report = prepared(tmp_path / "two", out, key=None)
    assert [record.why for _, record in report.rows] == [NAME_IN_USE] and tree(out / "sub-A1") == before
    shutil.copytree(tmp_path / "one", tmp_path / "both" / "one")
    shutil.copytree(tmp_path / "two", tmp_path / "both" / "two")
    other = tmp_path / "other"
    assert prepared(tmp_path / "both", other, key=None).count("refused") == 2
    shutil.rmtree(tmp_path / "both" / "two")
    assert prepared(tmp_path / "both", other, key=None).count("taken") == 1


def test_what_an_interrupted_run_left_goes_even_if_its_source_went(tmp_path):
    named(tmp_path / "in" / "a", "A")
    named(tmp_path / "in" / "b", "B")
    out, whole = tmp_path / "out", tmp_path / "whole"
    prepared(tmp_path / "in", out, key=None, keep_dicom=True)
    (record,) = (
        p for p in (out / ".eci-prepare" / "series").glob("*") if json.loads(p.read_text())["subject"] == "sub-B"
    )
    about = json.loads(record.read_text())
    record.unlink()  # as if the run had been killed before it was written
    (out / ".eci-prepare" / "begun.json").write_text(json.dumps([[about["series"], about["subject"]]]))
    (out / ".eci-prepare" / "parts" / "x").mkdir(parents=True)
    shutil.rmtree(tmp_path / "in" / "b")
    prepared(tmp_path / "in", out, key=None, keep_dicom=True)
    prepared(tmp_path / "in", whole, key=None, keep_dicom=True)
    assert without_reports(out) == without_reports(whole)
    assert not (out / "sub-B").exists() and not (out / "sourcedata" / "sub-B").exists()


def test_a_series_whose_files_are_other_ones_now_is_noted(tmp_path):
    named(tmp_path / "in", "A")
    prepared(tmp_path / "in", tmp_path / "out", key=None)
    (tmp_path / "in" / "s002.dcm").unlink()
    for notes in ((CHANGED,), ()):
        ((_, record),) = prepared(tmp_path / "in", tmp_path / "out", key=None).rows
        assert record.notes == notes


def test_images_without_records_are_left_alone(tmp_path):
    """The target was copied without its hidden folder: its images cannot be made again from another source."""
    named(tmp_path / "one", "A")
    named(tmp_path / "two", "B")
    out = tmp_path / "out"
    prepared(tmp_path / "one", out, key=None)
    before = tree(out / "sub-A")
    shutil.rmtree(out / ".eci-prepare")
    prepared(tmp_path / "two", out, key=None)
    assert len(before) == 3 and tree(out / "sub-A") == before
    assert not (out / ".eci-prepare" / "begun.json").exists()


def test_a_subject_whose_only_series_is_refused_later_leaves_nothing(tmp_path):
    named(tmp_path / "in" / "a", "A")
    named(tmp_path / "in" / "b", "B")
    out = tmp_path / "out"
    prepared(tmp_path / "in", out, key=None)
    assert (out / "sub-B" / "sub-B_sessions.tsv").exists()
    path = tmp_path / "in" / "b" / "s001.dcm"
    dataset = dcmread(path)
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(path)
    assert prepared(tmp_path / "in", out, key=None).count("refused") == 1
    assert not (out / "sub-B").exists() and len(images(out)) == 1


def test_a_write_that_fails_leaves_no_half_series(tmp_path, monkeypatch):
    """A series of two stacks, of which only the first fits on the disk."""

    def edit(dataset, k):
        dataset.AcquisitionNumber, dataset.EchoTime = k // 3, 10 * (k // 3 + 1)
        dataset.ImagePositionPatient = [0, 0, 2.5 * (k % 3)]

    make_series(tmp_path / "in", 6, edit=edit)

    def full(path, content, left=[2]):  # noqa: B006
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return replace_file(path, content)

    monkeypatch.setattr("eci_annotate.batch.prepare_series.replace_file", full)
    monkeypatch.setattr("eci_annotate.batch.prepare.run_locally", _here)
    report = prepared(tmp_path / "in", tmp_path / "out")
    assert report.count("refused") == 1 and images(tmp_path / "out") == []
    monkeypatch.undo()
    report = prepared(tmp_path / "in", tmp_path / "out")
    assert report.count("taken") == 1 and len(images(tmp_path / "out")) == 2


def _here(jobs, options, digest, workers):
    return (prepare_series(job, options, digest) for job in jobs)


def test_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "file", b"1")
        replace_file(tmp_path / "file", b"2")
    finally:
        os.umask(before)
    assert (tmp_path / "file").read_bytes() == b"2" and (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_address_that_is_none_is_refused_by_name(tmp_path):
    named(tmp_path / "in", "A")
    with pytest.raises(BadRequest, match="address of a scheduler"):
        prepared(tmp_path / "in", tmp_path / "out", scheduler="cluster")


def test_ages_are_years_and_sidecars_are_json(tmp_path):
    def edit(dataset, k):
        dataset.PatientAge, dataset.InPlanePhaseEncodingDirection = "018M", "COL"
        dataset.EchoTime, dataset.MagneticFieldStrength = 4.5, float("nan")

    make_series(tmp_path / "in", 3, edit=edit)
    prepared(tmp_path / "in", tmp_path / "out", key=None)
    assert (tmp_path / "out" / "participants.tsv").read_text().splitlines()[1].split("\t")[1] == "1.5"
    (image,) = images(tmp_path / "out")
    about = json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text(), parse_constant=pytest.fail)
    assert about["EchoTime"] == 0.0045 and about["PhaseEncodingAxis"] == "j" and "MagneticFieldStrength" not in about


def test_multi_frame_files_state_what_their_functional_groups_say(tmp_path):
    source = DATA / "mr_multivendor_dicom2nifti" / "philips_enhanced_anatomical_001_implicit"
    prepared_here(source, tmp_path / "out")
    (image,) = images(tmp_path / "out")
    about = sidecar(image)
    dataset = dcmread(next(source.glob("*")))
    timing = dataset.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence[0]
    assert about["RepetitionTime"] == pytest.approx(timing.RepetitionTime / 1000)
    assert about["FlipAngle"] == timing.FlipAngle and about["PhaseEncodingAxis"] in "ij"
    echo = dataset.PerFrameFunctionalGroupsSequence[0].MREchoSequence[0].EffectiveEchoTime
    assert about["EchoTime"] == pytest.approx(echo / 1000)
