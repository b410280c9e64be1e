"""One command for a cohort: complete, again without work, after a kill, with bad files, and without the patients."""

import csv
import gzip
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom import dcmread

from eci_annotate.batch.cohort_files import RefusedFile, write_refused_files
from eci_annotate.batch.cohort_scan import scan_cohort
from eci_annotate.batch.local_processes import run_locally
from eci_annotate.batch.prepare_options import PrepareOptions
from eci_annotate.batch.prepare_series import _moment
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import BadRequest, NoImages
from tests.batch.cohort_world import DATA, images, prepared, sidecar, site_key, tree
from tests.dicom.series_maker import make_series
from tests.patience import until

PROGRAM = Path(sys.executable).parent / "eci-annotate"
SECRETS = ("DOE", "JANE", "19570404", "4711-0815")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Six patients with one small series each; their names are known."""
    folder = tmp_path_factory.mktemp("cohort")
    for n in range(6):

        def edit(dataset, k, n=n):
            dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "DOE^JANE", f"4711-0815-{n}", "19570404"
            del dataset.PatientIdentityRemoved

        make_series(folder / f"DOE_{n}" / "scan", 4, edit=edit, value=10 * n)
    return folder


def command(source, target, *options):
    return subprocess.run([PROGRAM, "prepare", source, target, *options], capture_output=True, text=True, check=False)


def without_reports(folder):
    return {name: content for name, content in tree(folder).items() if not name.startswith("report.")}


def test_the_command_prepares_a_cohort_and_does_nothing_again(cohort, tmp_path):
    key, out = site_key(tmp_path), tmp_path / "out"
    done = command(cohort, out, "--key", key, "--workers", "2", "--keep-dicom")
    assert done.returncode == 0, done.stderr
    assert len(images(out)) == 6 and "6 images of 6 subjects" in done.stdout
    assert len([*(out / "sourcedata").rglob("*.dcm")]) == 24
    report = json.loads((out / "report.json").read_text())
    assert report["series"] == {"taken": 6, "already there": 0, "refused": 0}
    with (out / "report.csv").open() as stream:
        assert [row["outcome"] for row in csv.DictReader(stream)] == ["taken"] * 6
    people = (out / "participants.tsv").read_text().splitlines()
    assert people[0] == "participant_id\tage\tsex" and len(people) == 7
    about = json.loads((out / "dataset_description.json").read_text())
    assert about["BIDSVersion"] and about["DatasetType"] == "raw"
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and "report." not in p.name}
    again = command(cohort, out, "--key", key, "--keep-dicom")
    assert again.returncode == 0 and "Preparing series" not in again.stderr
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and "report." not in p.name}
    assert json.loads((out / "report.json").read_text())["series"]["already there"] == 6


def test_nothing_that_is_written_or_printed_names_a_patient(cohort, tmp_path):
    key, out = site_key(tmp_path), tmp_path / "out"
    done = command(cohort, out, "--key", key, "--keep-dicom")
    refused = command(cohort, tmp_path / "other", "--deidentified")
    assert refused.returncode == 0 and "6" in refused.stdout and not images(tmp_path / "other")
    texts = [done.stdout, done.stderr, refused.stdout, refused.stderr]
    for folder in (out, tmp_path / "other"):
        for name, content in tree(folder).items():
            texts.append(name)
            texts.append((gzip.decompress(content) if name.endswith(".gz") else content).decode("latin-1"))
    assert len(texts) > 40
    assert [secret for secret in SECRETS for text in texts if secret in text] == []
    uids = {str(dcmread(path).SeriesInstanceUID) for path in cohort.rglob("*.dcm")}
    assert [uid for uid in uids for text in texts if uid in text] == []


def test_after_a_kill_the_next_run_finishes_what_was_begun(cohort, tmp_path):
    key = site_key(tmp_path)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert command(cohort, whole, "--key", key, "--keep-dicom").returncode == 0
    begun = subprocess.Popen(
        [PROGRAM, "prepare", cohort, cut, "--key", key, "--keep-dicom", "--workers", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    records = cut / ".eci-prepare" / "series"
    until(lambda: len([*records.glob("*.json")]) >= 2, pause_s=0.005)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    finished = len([*records.glob("*.json")])
    assert 2 <= finished < 6
    assert (cut / ".eci-prepare" / "begun.json").exists(), "a later run knows what was begun"
    (cut / "sub-X").mkdir()
    (cut / "sub-X" / ".writing-left").write_bytes(b"half")
    report = prepared(cohort, cut, key=key, keep_dicom=True)
    assert (report.count("already there"), report.count("taken")) == (finished, 6 - finished)
    assert without_reports(cut) == without_reports(whole)


def test_what_changed_is_prepared_again_and_nothing_else(cohort, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(cohort, source)
    prepared(source, out)
    lost = images(out)[0]
    lost.unlink()
    (source / "DOE_3" / "scan" / "s003.dcm").unlink()
    report = prepared(source, out)
    assert (report.count("taken"), report.count("already there")) in {(2, 4), (1, 5)} and lost.exists()
    fresh = tmp_path / "fresh"
    prepared(source, fresh)
    assert without_reports(fresh) == without_reports(out)


def test_a_bad_series_costs_only_itself(cohort, tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(cohort, source)
    broken = source / "DOE_1" / "scan" / "s001.dcm"
    broken.write_bytes(broken.read_bytes()[:-700])
    (source / "notes.txt").write_text("no image")
    (source / "junk.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 50)
    other = dcmread(source / "DOE_2" / "scan" / "s000.dcm")
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(source / "DOE_2" / "scan" / "copy.dcm")
    shutil.copy(source / "DOE_4" / "scan" / "s000.dcm", source / "DOE_4" / "scan" / "copy.dcm")
    burned = dcmread(source / "DOE_5" / "scan" / "s002.dcm")
    burned.BurnedInAnnotation = "YES"
    burned.save_as(source / "DOE_5" / "scan" / "s002.dcm")
    report = prepared(source, out, workers=2, keep_dicom=True)
    assert (report.count("taken"), report.count("refused")) == (3, 3)
    assert (report.unreadable, report.ignored) == (1, 1)
    whys = sorted(record.why for _, record in report.rows if record.why)
    assert "1 of 4 files: is incomplete" in whys[0] or "1 of 4 files: is incomplete" in whys[1]
    assert any("pixels may identify" in why for why in whys) and any("same SOP Instance UID" in why for why in whys)
    assert [r.notes for _, r in report.rows if r.notes] == [("1 copies of files were left out.",)]
    assert len(images(out)) == 3 and len([*out.rglob("*.dcm")]) == 12
    write_refused_files(report.refused_files, tmp_path / "refused.csv")
    with (tmp_path / "refused.csv").open(encoding="utf-8") as file:
        named = {str(Path(line["file"]).relative_to(source)): line["why"] for line in csv.DictReader(file)}
    assert (tmp_path / "refused.csv").stat().st_mode & 0o077 == 0 and "DOE" not in repr(report)
    assert named.pop("junk.dcm") == "The file cannot be read." and set(named.values()) == set(whys)
    assert {Path(name).parts[0] for name in named} == {"DOE_1", "DOE_2", "DOE_5"} and "DOE_1/scan/s001.dcm" in named


def test_a_refused_file_is_listed_whatever_its_name(tmp_path):
    name = os.fsdecode(b"/in/M\xfcller.dcm")  # as an old system wrote it: not in UTF-8
    write_refused_files([RefusedFile(Path(name), "1.2", "It is damaged.")], tmp_path / "refused.csv")
    assert b"/in/M\xfcller.dcm,1.2,It is damaged." in (tmp_path / "refused.csv").read_bytes()


def test_a_worker_that_dies_loses_nothing(cohort, tmp_path):
    options = PrepareOptions(tmp_path / "out", site_key(tmp_path))
    jobs = scan_cohort(cohort, options.pseudonymiser(), lambda *_: None).jobs
    killed = []

    def kill_one():
        until(lambda: killed.extend(each.pid for each in multiprocessing.active_children()) or killed, pause_s=0.002)
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    records = [*run_locally(jobs, options, options.digest(), 2)]
    killer.join()
    assert killed and len(records) == 6
    assert [record.why for record in records] == [""] * 6 and len(images(tmp_path / "out")) == 6


def test_burned_in_rectangles_are_blanked_in_the_image_too(tmp_path):
    def edit(dataset, k):
        dataset.Manufacturer, dataset.ManufacturerModelName, dataset.BurnedInAnnotation = "ACME", "X1", "YES"

    make_series(tmp_path / "in", 3, value=500, edit=edit)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "burned_in:\n- {manufacturer: ACME, model: X1, rows: 32, columns: 40,\n"
        "   rectangles: [[0, 0, 39, 4]], verified: true}\n"
    )
    import nibabel

    prepared(tmp_path / "in", tmp_path / "out", policy=policy)
    values = nibabel.load(images(tmp_path / "out")[0]).get_fdata()
    assert not values[:, :5].any() and (values[:, 5:] >= 500).all()


def test_a_deidentified_source_keeps_its_pseudonyms(tmp_path):
    write_phantom(tmp_path / "in", "tiny")
    report = prepared(tmp_path / "in", tmp_path / "out", key=None)
    ((_, record),) = report.rows
    first = dcmread(next((tmp_path / "in").glob("*.dcm")))
    assert record.series == first.SeriesInstanceUID
    assert record.subject == "sub-" + "".join(c for c in first.PatientID if c.isalnum())
    assert sidecar(images(tmp_path / "out")[0])["Units"] == "HU"


def test_ids_that_give_one_name_of_a_folder_are_refused(tmp_path):
    for n, name in enumerate(("A_1", "A1")):
        make_series(tmp_path / "in" / str(n), 3, edit=lambda d, k, name=name: setattr(d, "PatientID", name))
    report = prepared(tmp_path / "in", tmp_path / "out", key=None)
    assert report.count("refused") == 2 and "name of a folder" in report.rows[0][1].why


def test_objects_without_images_are_kept_as_dicom_or_refused(tmp_path):
    folder = DATA / "rtstruct_mim_sts008"
    kept = prepared(folder, tmp_path / "kept", keep_dicom=True, workers=2)
    assert kept.count("taken") == 6 and len(images(tmp_path / "kept")) == 3
    assert prepared(folder, tmp_path / "only", workers=2).count("refused") == 3


def test_what_makes_no_sense_is_refused(cohort, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoImages):
        prepared(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(BadRequest, match="within each other"):
        prepared(cohort, cohort / "out", key=site_key(tmp_path))
    done = command(cohort, tmp_path / "out")
    assert done.returncode == 1 and "--key" in done.stderr and "--deidentified" in done.stderr


@pytest.mark.parametrize(
    ("time", "expected"),
    [("123456.5", "2024-01-02T12:34:56"), ("1234", "2024-01-02T12:34:00"), ("12345", "2024-01-02T00:00:00")],
)
def test_times_are_read_whole_or_not_at_all(time, expected):
    assert _moment("20240102", time) == expected
