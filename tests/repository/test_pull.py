"""Studies are pulled by rule: each once, oldest first, checked like uploads; by two ways it is one subject."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pydicom
import pytest

from eci_annotate.archive.dicomweb import DicomWebObjects
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.archive.xnat import XnatObjects
from eci_annotate.deid.folder_run import FolderRun
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import Refused, StoreUnavailable
from eci_annotate.repository.admin import import_dicom
from eci_annotate.repository.admin.held_files import held_sets
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.ingest_subject import sign_ingest
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.service.local_service import service_of
from eci_annotate.repository.sync.pull_rules import PullRule, StudyFilter, add_rule, remove_rule, rules
from eci_annotate.repository.sync.pull_sources import RemoteStudy
from eci_annotate.repository.sync.pull_studies import outcome_of, pull, pull_now
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from tests.archive.orthanc import orthanc
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.ports import free_port
from tests.repository.repository_world import P, as_member, local
from tests.service.service_world import prepared
from tests.service.serving_app import running


@pytest.fixture
def owner(folder: Path) -> LocalBackend:
    return local(open(prepared(folder)))


EVERYTHING = StudyFilter()


def by_uids(paths: list[Path]) -> dict[Uids, bytes]:
    heads = {path: pydicom.dcmread(path, stop_before_pixels=True) for path in paths}
    return {
        Uids(h.StudyInstanceUID, h.SeriesInstanceUID, h.SOPInstanceUID): path.read_bytes() for path, h in heads.items()
    }


def a_rule(backend: LocalBackend, target: SyncTarget, wanted: StudyFilter = EVERYTHING) -> PullRule:
    keep_target(backend, target)
    return add_rule(backend, PullRule("new", P, "KAU", target.name, "", wanted))


def subjects(backend: LocalBackend) -> int:
    return len(backend.context.streams.subjects())


class Source:
    """An archive in memory that fails after some files."""

    def __init__(self, studies: dict[str, list[bytes]], reads: int = 1000) -> None:
        self.contents, self.reads, self.order = studies, reads, list[str]()

    def studies(self, wanted):
        return [RemoteStudy(key, key, len(files)) for key, files in sorted(self.contents.items())]

    def files(self, study):
        return [str(n) for n in range(len(self.contents[study.key]))]

    def fits(self, study, names, wanted):
        return True

    def read(self, study, name):
        if not self.reads:
            raise OSError("Kanarie")
        self.reads -= 1
        self.order.append(study.key)
        return self.contents[study.key][int(name)]


TARGET = SyncTarget("away", P, TargetKind.DICOMWEB, "http://127.0.0.1:9/dicom-web", pull_only=True)


def test_a_run_that_is_cut_off_continues_and_nothing_is_fetched_twice(owner: LocalBackend, tmp_path: Path) -> None:
    mr = [path.read_bytes() for path in write_phantom(tmp_path / "mr", "mr")]
    odd = [path.read_bytes() for path in write_phantom(tmp_path / "odd", "anisotropic")]
    rule, before = a_rule(owner, TARGET), subjects(owner)
    source = Source({"2": mr, "1": odd}, len(odd) + 1)
    failed = pull(owner.context, rule, source)
    assert failed.problem == "OSError" and failed.attempts == 1 and failed.studies == 1
    assert timedelta(seconds=20) < failed.due - owner.context.clock() < timedelta(seconds=40)
    source.reads = 1000
    done = pull(owner.context, rule, source)
    assert (done.problem, done.studies, done.files) == ("", 2, len(mr) + len(odd))
    assert source.order == sorted(source.order) and subjects(owner) == before + 2
    asked = len(source.order)
    assert pull(owner.context, rule, source).files == done.files and len(source.order) == asked
    assert pull(owner.context, rule, source, only_due=True) == outcome_of(owner, rule)


def test_a_study_that_fails_keeps_no_later_one_back(owner: LocalBackend, tmp_path: Path) -> None:
    class Damaged(Source):
        def read(self, study, name):
            if study.key in ("1", "3", "4", "5"):
                raise OSError("Kanarie")
            return super().read(study, name)

    mr = [path.read_bytes() for path in write_phantom(tmp_path / "mr", "mr")]
    odd = [path.read_bytes() for path in write_phantom(tmp_path / "odd", "anisotropic")]
    rule, source = a_rule(owner, TARGET), Damaged({"1": odd[:1], "2": mr, "3": odd, "4": odd, "5": odd, "6": odd})
    done = pull(owner.context, rule, source)
    assert (done.problem, done.studies, done.files) == ("OSError", 1, len(mr))
    assert set(source.order) == {"2"}, "three in a row: it is the target, which is not asked again and again"


def test_a_study_that_cannot_be_taken_in_now_keeps_no_later_one_back(
    owner: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies, waits = dict[str, list[bytes]](), list[str]()
    write_phantom(tmp_path / "tiny", "tiny")
    for number in range(5):
        FolderRun(Policy(), Pseudonymiser(bytes([number]) * 32), tmp_path / str(number)).over(tmp_path / "tiny", silent)
        studies[str(number)] = [path.read_bytes() for path in sorted((tmp_path / str(number)).rglob("*.dcm"))[:1]]

    def failing(backend: LocalBackend, project: str, subject: str) -> None:
        if not waits or subject in waits:
            waits[:] = [subject]
            raise StoreUnavailable("The database does not answer.", "Wait.")
        sign_ingest(backend, project, subject)

    monkeypatch.setattr(import_dicom, "sign_ingest", failing)
    rule = a_rule(owner, TARGET)
    done = pull(owner.context, rule, Source(studies))
    assert (done.files, done.studies) == (4, 4) and "does not answer" in done.problem
    waits[:] = ["none"]
    done = pull(owner.context, rule, Source(studies))
    assert (done.files, done.studies, done.problem) == (5, 5, "")


def silent(*_: object) -> None:
    return None


class Renamed(Source):
    """A source whose files have names that last, whatever other files there are."""

    def files(self, study):
        return [sha256(content).hexdigest() for content in self.contents[study.key]]

    def read(self, study, name):
        return super().read(study, str(self.files(study).index(name)))


def test_another_file_in_place_of_one_is_pulled_within_a_day(
    owner: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mr = [path.read_bytes() for path in write_phantom(tmp_path / "mr", "mr")]
    rule, source = a_rule(owner, TARGET), Renamed({"1": mr[:-1]})
    assert pull(owner.context, rule, source).files == len(mr) - 1
    source.contents["1"] = [*mr[1:-1], mr[-1]]
    assert pull(owner.context, rule, source).files == len(mr) - 1, "files are listed once a day"
    later = replace(owner.context, clock=lambda: owner.context.clock() + timedelta(days=1))
    assert pull(later, rule, source).files == len(mr)
    asked = len(source.order)
    pull(later, rule, source)
    assert len(source.order) == asked == len(mr)


def test_a_study_that_is_no_longer_at_the_source_stays_and_is_said(owner: LocalBackend, tmp_path: Path) -> None:
    mr = [path.read_bytes() for path in write_phantom(tmp_path / "mr", "mr")]
    rule, source, before = a_rule(owner, TARGET), Source({"1": mr}), subjects(owner)
    assert pull(owner.context, rule, source).missing == 0
    source.contents.clear()
    gone = pull(owner.context, rule, source)
    assert (gone.missing, gone.files, gone.studies, gone.problem) == (1, len(mr), 1, "")
    assert subjects(owner) == before + 1
    source.contents["1"] = mr
    assert pull(owner.context, rule, source).missing == 0


def test_a_study_whose_patient_changes_at_the_source_is_not_two_subjects(owner: LocalBackend, tmp_path: Path) -> None:
    paths, before = write_phantom(tmp_path / "mr", "mr"), subjects(owner)
    contents = [path.read_bytes() for path in paths]
    rule, source = a_rule(owner, TARGET), Source({"1": contents[:-1]})
    pull(owner.context, rule, source)
    last = pydicom.dcmread(paths[-1])
    last.PatientID = last.PatientName = "KANARIE"
    last.save_as(paths[-1])
    source.contents["1"] = [*contents[:-1], paths[-1].read_bytes()]
    done = pull(owner.context, rule, source)
    ((why, number),) = done.refused.items()
    assert number == 1 and "another patient ID" in why and "KANARIE" not in repr(done)
    assert done.files == len(paths) - 1 and subjects(owner) == before + 1


def test_a_study_by_import_and_by_pull_is_one_subject_in_either_order(owner: LocalBackend, tmp_path: Path) -> None:
    mr, odd = write_phantom(tmp_path / "mr", "mr"), write_phantom(tmp_path / "odd", "anisotropic")
    before = subjects(owner)
    import_folders(owner, [tmp_path / "mr"], project=P, site="KAU")
    rule = a_rule(owner, TARGET)
    source = Source({"1": [path.read_bytes() for path in mr], "2": [path.read_bytes() for path in odd]})
    done = pull(owner.context, rule, source)
    assert (done.files, done.refused) == (len(mr) + len(odd), {})
    import_folders(owner, [tmp_path / "odd"], project=P, site="KAU")
    assert subjects(owner) == before + 2


def test_equal_uids_do_not_make_two_people_one(owner: LocalBackend, tmp_path: Path) -> None:
    mr, odd = write_phantom(tmp_path / "mr", "mr"), write_phantom(tmp_path / "odd", "anisotropic")
    import_folders(owner, [tmp_path / "mr"], project=P, site="KAU")
    before, first = subjects(owner), pydicom.dcmread(mr[0])
    for number, path in enumerate(odd):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = dataset.PatientName = "another"
        if not number:
            dataset.SOPInstanceUID, dataset.SeriesInstanceUID = first.SOPInstanceUID, first.SeriesInstanceUID
            dataset.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
        dataset.save_as(path)
    done = pull(owner.context, a_rule(owner, TARGET), Source({"1": [path.read_bytes() for path in odd]}))
    assert subjects(owner) == before + 1, "another person, whose image has the UID of somebody else's"
    assert sum(done.refused.values()) >= 1


def test_what_may_identify_is_held_back_and_listed_with_the_reason(owner: LocalBackend, tmp_path: Path) -> None:
    paths = write_phantom(tmp_path / "mr", "mr")
    dataset = pydicom.dcmread(paths[0])
    dataset.ReferringPhysicianName = "Kanarie"
    dataset.save_as(paths[0])
    rule = a_rule(owner, TARGET)
    done = pull(owner.context, rule, Source({"1": [path.read_bytes() for path in paths]}))
    ((why, number),) = done.refused.items()
    assert number == 1 and "name a person" in why and "Kanarie" not in repr(done)
    assert done.files == len(paths) - 1 and len(held_sets(owner)) == 1


def test_only_an_owner_manages_rules(
    owner: LocalBackend, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rule = a_rule(owner, TARGET)
    ben = local(as_member(monkeypatch, folder, "ben"))
    for act in (lambda: add_rule(ben, rule), lambda: pull_now(ben, rule)):
        with pytest.raises(Refused):
            act()
    assert rules(ben) == [] and rules(owner) == [rule]
    (state,) = service_of(owner).upkeep.synchronise()  # the target is away
    assert state.problem and state.is_new
    assert not service_of(owner).upkeep.synchronise()[0].is_new
    remove_rule(owner, rule.name)
    assert rules(owner) == []
    keep_target(owner, SyncTarget("node", P, TargetKind.NODE, "STORE@127.0.0.1:104"))
    with pytest.raises(Refused):
        add_rule(owner, PullRule("other", P, "KAU", "node", ""))


@pytest.fixture
def xnat() -> Iterator[tuple[SyncTarget, Xnat]]:
    kept, port = Xnat(), free_port()
    with running(xnat_app(kept), port):
        url = f"http://127.0.0.1:{port}"
        yield SyncTarget("far", P, TargetKind.XNAT, url, "eci", USER, PASSWORD, pull_only=True), kept


def test_sessions_of_an_xnat_are_pulled_by_what_their_files_say(
    owner: LocalBackend, xnat: tuple[SyncTarget, Xnat], tmp_path: Path
) -> None:
    target, _ = xnat
    objects = XnatObjects(target.url, "eci", USER, PASSWORD)
    mr, odd = write_phantom(tmp_path / "mr", "mr"), write_phantom(tmp_path / "odd", "anisotropic")
    objects.put("A", by_uids(mr))
    objects.put("B", by_uids(odd))
    rule = a_rule(owner, target, StudyFilter(modality="MR"))
    done = pull_now(owner, rule)
    assert (done.problem, done.studies, done.files, done.refused) == ("", 1, len(mr), {})
    assert pull_now(owner, rule).files == len(mr)


@pytest.mark.needs_debian
def test_studies_of_an_orthanc_are_pulled_by_rule(owner: LocalBackend, tmp_path: Path) -> None:
    mr, odd = write_phantom(tmp_path / "mr", "mr"), write_phantom(tmp_path / "odd", "anisotropic")
    with orthanc(tmp_path / "orthanc") as server:
        target = SyncTarget("pacs", P, TargetKind.DICOMWEB, server.dicomweb, pull_only=True)
        remote = DicomWebObjects(server.dicomweb)
        remote.put("", by_uids(mr))
        remote.put("", by_uids(odd[:-1]))
        rule = a_rule(owner, target, StudyFilter("MR", "2026-01-01", "2026-01-31", "*PHANTOM*"))
        done = pull_now(owner, rule)
        assert (done.problem, done.studies, done.files, done.refused) == ("", 1, len(mr), {})
        remove_rule(owner, rule.name)
        rule, before = a_rule(owner, target), subjects(owner)
        assert pull_now(owner, rule).files == len(mr) + len(odd) - 1
        remote.put("", by_uids(odd[-1:]))  # a study that grows
        assert pull_now(owner, rule).files == len(mr) + len(odd)
        assert subjects(owner) == before + 1
