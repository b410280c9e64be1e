"""Files that may identify a patient need a decision, and what we write names the pseudonym alone."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from eci_annotate.decoder import direct_reader
from eci_annotate.decoder.identity_check import ResidueRisk, identity_of
from eci_annotate.dicom.images.headers import scan
from eci_annotate.dicom.patient_identity import IdentityRisk
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import NotFound, Refused
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.admin.held_files import delete_held, held_sets
from eci_annotate.repository.admin.import_dicom import import_folders, release_held
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import AcceptIdentified, Enrol
from tests.repository.repository_world import ANSWERS, MEANING, P, as_member, lines, local
from tests.service.matrix_world import Q, other_project
from tests.test_cli import run

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def put(**values: str) -> Callable[[pydicom.Dataset], None]:
    return lambda dataset: [setattr(dataset, key, value) for key, value in values.items()]  # type: ignore[return-value]


RISKS: dict[IdentityRisk | ResidueRisk, Callable[[pydicom.Dataset], None]] = {
    IdentityRisk.NOT_REMOVED: lambda dataset: delattr(dataset, "PatientIdentityRemoved"),
    IdentityRisk.BURNED_IN: put(BurnedInAnnotation="YES"),
    IdentityRisk.CAPTURE: put(SOPClassUID=CAPTURE),
    ResidueRisk.NAMES: put(ReferringPhysicianName="Kanarie^Åsa"),
}


def patient(folder: Path, name: str, act: Callable[[pydicom.Dataset], None]) -> Path:
    """A study of another patient, changed."""
    uids = {key: new_uid() for key in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
    for path in write_phantom(folder, "tiny"):
        dataset = pydicom.dcmread(path)
        dataset.PatientID, dataset.SOPInstanceUID = name, new_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        put(**uids)(dataset)
        act(dataset)
        dataset.save_as(path)
    return folder


@pytest.mark.parametrize("risk", RISKS)
def test_what_may_identify_a_patient_is_held_back(repo: Repository, tmp_path: Path, risk: IdentityRisk) -> None:
    backend = local(repo)
    bad, good = patient(tmp_path / "bad", "19540312-1234", RISKS[risk]), patient(tmp_path / "good", "p2", put())
    before = {each.subject for each in repo.backend.subjects(P).views}
    done = import_folders(backend, [bad, good], project=P, site="KAU")
    assert done.held == {str(risk): 8} and done.identified == 0 and len(done.subjects) == 1
    archived = list(backend.context.layout.archive.rglob("*.dcm"))
    assert not any(pydicom.dcmread(path, stop_before_pixels=True).PatientID == "19540312-1234" for path in archived)
    (kept,) = held_sets(backend)
    assert (kept.files, kept.by, kept.site) == (8, "anna", "KAU")
    assert import_folders(backend, [bad], project=P, site="KAU").held and len(held_sets(backend)) == 1
    held = backend.context.layout.root / "held" / kept.id
    assert held.stat().st_mode & 0o777 == 0o700 and all(f.stat().st_mode & 0o777 == 0o600 for f in held.iterdir())
    after = {each.subject for each in repo.backend.subjects(P).views}
    assert after - before == set(done.subjects)


def test_an_owner_releases_or_deletes_and_the_trail_says_so(
    repo: Repository, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = patient(tmp_path / "bad", "p1", RISKS[IdentityRisk.NOT_REMOVED])
    import_folders(local(repo), [bad], project=P, site="KAU")
    (kept,) = held_sets(local(repo))
    with pytest.raises(Refused, match="files that were held back"):
        delete_held(local(as_member(monkeypatch, folder, "ben")), kept.id)
    repo = as_member(monkeypatch, folder, "anna")
    with pytest.raises(Refused, match="needs a reason"):
        release_held(local(repo), kept.id, " ")
    done = release_held(local(repo), kept.id, "checked by hand")
    assert done.identified == 8 and len(done.subjects) == 1 and held_sets(local(repo)) == []
    other = patient(tmp_path / "other", "p2", RISKS[IdentityRisk.BURNED_IN])
    import_folders(local(repo), [other], project=P, site="KAU")
    (kept,) = held_sets(local(repo))
    delete_held(local(repo), kept.id)
    with pytest.raises(NotFound):
        delete_held(local(repo), kept.id)
    table = local(repo).trail.audit(AuditQuery(what="held"))
    assert [*table["what"]] == ["held.1", "held-released.1", "held.1", "held-deleted.1"]


def test_a_project_may_accept_them_by_an_owners_decision(repo: Repository, tmp_path: Path) -> None:
    bad = patient(tmp_path / "bad", "p1", RISKS[IdentityRisk.NOT_REMOVED])
    with pytest.raises(Refused, match="needs a reason"):
        repo.backend.do(AcceptIdentified(P, True, ""))
    repo.backend.do(AcceptIdentified(P, True, "ethics approval 2026-01"))
    assert import_folders(local(repo), [bad], project=P, site="KAU").identified == 8
    repo.backend.do(AcceptIdentified(P, False, "study closed"))
    more = patient(tmp_path / "more", "p2", RISKS[IdentityRisk.NOT_REMOVED])
    assert import_folders(local(repo), [more], project=P, site="KAU").held


def test_the_commands_hold_list_and_accept(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = patient(tmp_path / "bad", "p1", RISKS[IdentityRisk.NOT_REMOVED])
    assert "No files are held back." in run(capsys, "held", "list", folder)[1]
    code, told, _ = run(capsys, "import", folder, bad)
    assert code == 0 and "Held back" in told and "ECI_KAU_S0002" not in told
    assert run(capsys, "held", "list", folder)[1].count("KAU") == 1
    code, told, _ = run(capsys, "import", folder, bad, "--accept-identified")
    assert code == 0 and "ECI_KAU_S0002" in told


def test_what_we_write_names_the_pseudonym_alone(repo: Repository, tmp_path: Path) -> None:
    secret = {"PatientName": "Zwitscherling^K", "PatientID": "CANARY1", "PatientBirthDate": "19230405"}
    secret |= {"AccessionNumber": "ACC1", "StudyID": "STUDY1", "StudyDescription": "Stieglitz", "StudyDate": "20200101"}
    secret |= {"ReferringPhysicianName": "Vogel^V", "IssuerOfPatientID": "FINK"}
    bad = patient(tmp_path / "bad", "x", put(**secret, PatientIdentityRemoved="NO"))
    done = import_folders(local(repo), [bad], project=P, site="KAU", accept_identified=True)
    (subject,) = done.subjects
    assert "Stieglitz" not in repr(repo.studies(subject))
    task = repo.start(subject, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    for path in task.sign(MEANING).export(tmp_path / "out"):
        content = path.read_bytes()
        assert not [value for value in secret.values() if value.encode() in content], path.name
        if path.suffix == ".dcm":
            made = pydicom.dcmread(BytesIO(content))
            assert (made.PatientName, made.PatientID, made.PatientIdentityRemoved) == (subject, subject, "YES")


# -- sites and odd patients ------------------------------------------------------------------
@pytest.mark.parametrize("site", ["kau", "/../../PWNED", "*", "<b>", ".."])
def test_a_site_is_one_of_the_project(repo: Repository, folder: Path, tmp_path: Path, site: str) -> None:
    before = {path for path in folder.parent.rglob("*") if path.is_dir()}
    good = patient(tmp_path.parent / f"{tmp_path.name}-good", "p1", put())
    with pytest.raises(Refused):
        import_folders(local(repo), [good], project=P, site=site)
    case = repo.backend.account.use_case(P)
    with pytest.raises(Refused):
        repo.backend.do(Enrol(P, "ECI_X_S0001", "/../x", case.digest, ()))
    with pytest.raises(Refused):
        repo.backend.do(Enrol(P, "../../x", "KAU", case.digest, ()))
    assert {path for path in folder.parent.rglob("*") if path.is_dir()} <= before | {folder / "access"}


def test_one_odd_patient_does_not_end_the_import(repo: Repository, tmp_path: Path) -> None:
    folders = [patient(tmp_path / f"p{n}", f"p{n}", put()) for n in range(3)]
    for path in folders[0].iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PixelSpacing = [0, 0]
        dataset.save_as(path)
    done = import_folders(local(repo), folders, project=P, site="KAU")
    assert len([count for count in done.subjects.values() if count]) >= 2
    assert repo.verify().passed


def test_a_bomb_is_skipped_before_it_is_unpacked(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = patient(tmp_path / "good", "p1", put()), patient(tmp_path / "bad", "p2", put())
    paths = sorted(bad.iterdir())
    for number, path in enumerate(paths):
        dataset = pydicom.dcmread(path)
        if number % 2:
            dataset.Rows = dataset.Columns = 65_535
            dataset.save_as(path)
            continue
        dataset.TextValue = "0" * 6_000_000
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=False, little_endian=True)
        assert path.stat().st_size < 300_000
    read: list[Path] = []
    monkeypatch.setattr("eci_annotate.dicom.inflation.require_bounded.__defaults__", (5_000_000,))
    monkeypatch.setattr(direct_reader, "scan", lambda given, **more: read.extend(given) or scan(given, **more))
    done = import_folders(local(repo), [good, bad], project=P, site="KAU")
    assert done.skipped == {"too large": 8} and len(done.subjects) == 1
    assert not set(read) & set(paths[::2])


@pytest.mark.parametrize("blank", ["", "  ", "^^^^", " ^ "])
def test_blank_names_hold_nothing_back(tmp_path: Path, blank: str) -> None:
    (first, *_) = write_phantom(tmp_path, "tiny")
    dataset = pydicom.dcmread(first)
    put(ReferringPhysicianName=blank, OperatorsName=blank)(dataset)
    dataset.save_as(first)
    assert identity_of(first)[1] == ""


def test_held_sets_are_listed_in_their_project_and_at_their_site(
    repo: Repository, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_project(folder)
    owner, layout = local(repo), find(folder)
    for name, project, site in (("near", P, "KAU"), ("far", P, "VIE"), ("other", Q, "KAU")):
        add_member(repo, layout, name, project=project, roles=("data-manager",), site=site, sites=(site,))
    bad = patient(tmp_path / "bad", "P9", RISKS[IdentityRisk.NOT_REMOVED])
    assert import_folders(owner, [bad], project=P, site="KAU").held
    (kept,) = held_sets(owner)
    listed = {name: held_sets(local(as_member(monkeypatch, folder, name))) for name in ("near", "far", "other")}
    assert listed == {"near": [kept], "far": [], "other": []}
    for name in listed:
        with pytest.raises((NotFound, Refused)):
            delete_held(local(as_member(monkeypatch, folder, name)), kept.id)
    assert import_folders(owner, [bad], project=Q, site="KAU").held
    assert {each.project for each in held_sets(owner)} == {P, Q} and len({each.id for each in held_sets(owner)}) == 2
    assert [each.project for each in held_sets(local(as_member(monkeypatch, folder, "other")))] == [Q]
