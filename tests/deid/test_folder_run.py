"""Folders and the command: names from pseudonyms, the same bytes again, damaged files cost only themselves."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
import yaml
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from typer.testing import CliRunner

from eci_annotate.cli import app
from eci_annotate.deid.folder_run import FolderRun, Mappings
from eci_annotate.deid.id_tables import write_mappings
from eci_annotate.deid.policy import Dates, Policy, Treatment
from eci_annotate.deid.policy_file import policy_from, read_policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser, create_key
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadPolicy, NoImages, Refused
from tests.deid.planted import KEY, image, leaks, plant_elsewhere, saved


def quietly(what: str, done: int, of: int) -> None:
    return None


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "Kanarie Åsa"
    (folder / "sub").mkdir(parents=True)
    for number in range(3):
        dataset = image(random.Random(number))
        plant_elsewhere(dataset, random.Random(number))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.33.3.{number}"
        dataset.save_as(folder / "sub" / f"Kanarie{number}.dcm", enforce_file_format=True)
    content = (folder / "sub" / "Kanarie0.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(content[:-9])
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (folder / "damaged.dcm").write_bytes(saved(dataset)[:-200])
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    (folder / "notes.txt").write_text("Kanarie")
    dataset.BurnedInAnnotation = "YES"
    dataset.save_as(folder / "burned.dcm", enforce_file_format=True)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_is_repeatable_and_leaks_nothing(source: Path, tmp_path: Path) -> None:
    reports = [FolderRun(Policy(), Pseudonymiser(KEY), tmp_path / n).over(source, quietly) for n in ("a", "b", "b")]
    first, second = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert first == second and len(first) == 3
    assert leaks(b"".join(first.values())) == [] and leaks("".join(first)) == []
    for report in reports:
        assert (report.written, report.ignored, report.set_aside) == (3, 1, 3)
        assert report.causes == {Cause.UNREADABLE: 1, Cause.INCOMPLETE: 1, Cause.BURNED_IN: 1}
        assert leaks(str(report)) == [] and report.actions["pseudonym set", "PatientID"] == 6
    other = FolderRun(Policy(), Pseudonymiser(bytes(32)), tmp_path / "c").over(source, quietly)
    assert other.written == 3 and not set(files_of(tmp_path / "c")) & set(first)


def test_names_are_those_in_the_files(source: Path, tmp_path: Path) -> None:
    FolderRun(Policy(), Pseudonymiser(KEY), tmp_path / "out").over(source, quietly)
    for path in (tmp_path / "out").rglob("*.dcm"):
        dataset = dcmread(path)
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, f"{dataset.SOPInstanceUID}.dcm")
        assert path.relative_to(tmp_path / "out").parts == uids


def test_another_file_with_the_same_uid_is_set_aside(source: Path, tmp_path: Path) -> None:
    path = source / "sub" / "Kanarie1.dcm"
    dataset = dcmread(path)
    dataset.SeriesNumber = 77
    dataset.save_as(source / "sub" / "twin.dcm")
    report = FolderRun(Policy(), Pseudonymiser(KEY), tmp_path / "out").over(source, quietly)
    assert report.causes[Cause.DUPLICATE] == 1 and report.written == 3


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    with pytest.raises(NoImages):
        FolderRun(Policy(), Pseudonymiser(KEY), None).over(tmp_path / "in", quietly)


POLICY = """
site: KAU
dates: shift
descriptors: clean
words: [gallstone]
retain: {device: true, safe_private: true, private: [{creator: ACME, group: "0019", elements: ["0C"]}]}
burned_in:
- {manufacturer: ACME, model: X1, rows: 480, columns: 640, rectangles: [[0, 0, 639, 40]], verified: true}
quarantine: {modalities: [US], unknown_objects: accept}
"""


def test_a_policy_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    policy = read_policy(path)
    assert (policy.site, policy.dates, policy.descriptors) == ("KAU", Dates.SHIFT, Treatment.CLEAN)
    assert policy.retain_device and not policy.retain_uids and policy.risky_modalities == ("US",)
    assert policy.burned_in[0].rectangles == ((0, 0, 639, 40),) and policy.private[-1].elements == {0x0C}
    statement = policy.conformance_statement()
    for text in ("site KAU", "113105", "113107", "113109", "113111", "1 rules blank"):
        assert text in statement
    assert "113110" not in statement and "113106" not in statement


@pytest.mark.parametrize("wrong", ["dates: never", "retain: {everything: true}", "site: [", "- a", "words: ['a b']"])
def test_a_wrong_policy_is_refused(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(wrong)
    with pytest.raises(BadPolicy):
        read_policy(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("retain: {}\ndates: keep\nretain: {uids: true}", "line 3: the key retain is given twice"),
        ("site: KAU\n\tdates: keep", "line 2: "),
    ],
)
def test_a_mistake_in_yaml_is_named_by_its_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(BadPolicy, match=why):
        read_policy(tmp_path / "policy.yaml")


def test_an_empty_policy_is_the_default() -> None:
    assert policy_from({}) == Policy() == policy_from(yaml.safe_load("{}"))


def test_the_command(source: Path, tmp_path: Path) -> None:
    key, policy, out = tmp_path / "site.key", tmp_path / "policy.yaml", tmp_path / "out"
    create_key(key)
    policy.write_text(POLICY)
    command = ["deidentify", str(source), str(out), "--policy", str(policy), "--key", str(key)]
    done = CliRunner().invoke(app, [*command, "--dry-run"])
    assert done.exit_code == 0 and "3 files would be written, 3 set aside" in done.output and not out.exists()
    done = CliRunner().invoke(app, [*command, "--mappings", str(tmp_path / "maps")])
    assert done.exit_code == 0 and len(files_of(out)) == 3 and leaks(done.output) == []
    patients = tmp_path / "maps" / "patients.csv"
    assert patients.stat().st_mode & 0o777 == 0o600
    rows = [*csv.DictReader(patients.open(encoding="utf-8"))]
    assert rows == [
        {"id_old": "KanariePID77", "id_new": Pseudonymiser.from_file(key).patient_id("KanariePID77"), "issuer_old": ""}
    ]
    inside = CliRunner().invoke(app, [*command, "--mappings", str(out / "maps")])
    assert isinstance(inside.exception, Refused)
    within = CliRunner().invoke(app, [command[0], command[1], str(source / "out"), *command[3:]])
    assert isinstance(within.exception, Refused) and not (source / "out").exists()
    done = CliRunner().invoke(app, [*command, "--refused", str(tmp_path / "refused.csv")])
    rows = [*csv.DictReader((tmp_path / "refused.csv").open(encoding="utf-8"))]
    assert {Path(row["file"]).exists() for row in rows} == {True} and len({row["file"] for row in rows}) == 3


def test_one_id_of_two_issuers_has_two_rows(tmp_path: Path) -> None:
    mappings = Mappings()
    for number, issuer in enumerate(("", "KanarieIssuer")):
        dataset = image(random.Random(number))
        dataset.IssuerOfPatientID, dataset.SOPInstanceUID = issuer, f"1.2.33.{number}"
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        FolderRun(Policy(), Pseudonymiser(KEY), None, mappings).over(tmp_path / f"{number}.dcm", quietly)
    path, _ = write_mappings(mappings, tmp_path / "maps")
    rows = [*csv.DictReader(path.open(encoding="utf-8"))]
    assert [row["issuer_old"] for row in sorted(rows, key=lambda row: row["issuer_old"])] == ["", "KanarieIssuer"]


def test_mappings_show_no_values() -> None:
    assert leaks(repr(Mappings({"x": ("KanariePID77", "")}, {"1.2.33.1": "y"}))) == []
