"""Signed versions go out once, in order, again after failures; a withdrawal goes out too; only for those who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
import pytest

from eci_annotate.dicom.patient_identity import under_pseudonym
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import BadImages, Refused, StoreUnavailable
from eci_annotate.repository.local.artefacts import image_series_of
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.sync.outbox_entries import OutboxState
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target, targets
from eci_annotate.repository.version_list import completed_pages, completed_since
from eci_annotate.workflow.subject.commands import Withdraw
from tests.archive.orthanc import Orthanc, orthanc
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.ports import free_port
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local
from tests.service.serving_app import running


@pytest.fixture
def xnat() -> Iterator[tuple[SyncTarget, Xnat]]:
    kept, port = Xnat(), free_port()
    with running(xnat_app(kept), port):
        url = f"http://127.0.0.1:{port}"
        yield SyncTarget("far", P, TargetKind.XNAT, url, "eci", USER, PASSWORD, images=True), kept


def sign(repository, task: str = "annotate", **more: object):
    work = repository.start(S, task, project=P, **more)
    if not more:  # the next version begins where the last one ended
        work.save(lines(work))
    work.answer(ANSWERS)
    return work.sign(MEANING)


def test_versions_go_to_an_xnat_in_order_and_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    target, kept = xnat
    repository = as_member(monkeypatch, folder, "anna")
    box = Outbox(local(repository), target)
    assert box.run() == dict.fromkeys(OutboxState, 0)
    sign(repository)
    kept.refuses = 1
    assert box.run()[OutboxState.FAILED] == 1 and "503" in box.entries()[0].problem
    assert box.run()[OutboxState.FAILED] == 1  # not due yet
    sign(repository, rerun=True)
    assert [each.state for each in box.entries()] == [OutboxState.FAILED]
    assert box.retry() == 1 and box.run()[OutboxState.SENT] == 2
    assert len(kept.collections) == 2 and [each.version for each in box.entries()] == [1, 2]
    names = {name.rsplit("/", 1)[-1] for name in kept.files}
    assert f"{S}_annotate_v0002_provenance.json" in names
    kept.refuses = 1000
    assert box.run()[OutboxState.SENT] == 2  # nothing is sent again
    kept.refuses = 0
    repository.backend.do(Withdraw(P, S, "consent withdrawn"))
    assert box.run() == {OutboxState.WAITING: 0, OutboxState.FAILED: 0, OutboxState.SENT: 0, OutboxState.WITHDRAWN: 3}
    assert not kept.files and not kept.collections and not kept.made
    rows = local(repository).trail.audit(AuditQuery(P, "", "", "synchronised"))
    assert list(rows["detail"]) == [
        f"{what} to far" for what in ("annotate version 1", "annotate version 2", "withdrawal")
    ]


def test_an_xnat_that_hides_its_project_has_withdrawn_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    target, kept = xnat
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    box = Outbox(local(repository), target)
    box.run()
    repository.backend.do(Withdraw(P, S, "consent withdrawn"))
    kept.hidden = True
    assert box.run()[OutboxState.FAILED] == 1 and "rights of the account" in box.entries()[-1].problem
    kept.hidden = False
    box.retry()
    assert box.run()[OutboxState.WITHDRAWN] == 2 and not kept.files


def test_a_failed_version_keeps_later_ones_of_its_subject_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    target, kept = xnat
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    sign(repository, rerun=True)
    kept.refuses = 1
    box = Outbox(local(repository), target)
    assert box.run()[OutboxState.FAILED] == 1 and not kept.collections
    assert [each.state for each in box.entries()] == [OutboxState.FAILED, OutboxState.WAITING]


def test_only_members_who_may_export_send(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    from eci_annotate.repository.admin.create import add_member
    from eci_annotate.repository.keys.repository_folder import find

    owner = as_member(monkeypatch, folder, "anna")
    sign(owner)
    add_member(owner, find(folder), "mara", project=P, roles=("data-manager",), site="KAU")
    mara = as_member(monkeypatch, folder, "mara")
    with pytest.raises(Refused):
        Outbox(local(mara), xnat[0]).run()
    with pytest.raises(Refused):
        completed_since(mara.backend)


def test_the_feed_of_versions_is_complete_and_names_what_was_withdrawn(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    (version,) = [each for page in completed_pages(repository.backend) for each in page.versions]
    assert (version.subject, version.task, version.version, version.site) == (S, "annotate", 1, "KAU")
    for part in version.parts:
        assert repository.backend.get(P, S, part.digest)
    last = [*completed_pages(repository.backend)][-1].position
    assert completed_since(repository.backend, last).versions == ()
    repository.backend.do(Withdraw(P, S, "consent withdrawn"))
    page = completed_since(repository.backend, last)
    assert page.withdrawn == ((P, S),) and page.versions == ()


def decide(repository, verdict: str) -> None:
    repository.start(S, "review", project=P).sign("I looked at it", verdict=verdict, reason="too large")


def states(repository) -> list[tuple[str, int, str, bool]]:
    found = [each for page in completed_pages(repository.backend) for each in page.versions]
    return [(each.task, each.version, each.status, each.superseded) for each in found]


def test_the_feed_says_what_the_reviews_say_of_each_version_by_now(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    assert states(repository) == [("annotate", 1, "pending", False)]
    last = [*completed_pages(repository.backend)][-1].position
    decide(as_member(monkeypatch, folder, "ruth"), "reject")
    again = completed_since(repository.backend, last).versions
    assert [(each.task, each.status) for each in again] == [("annotate", "rejected"), ("review", "none")]
    sign(repository, rerun=False)
    decide(as_member(monkeypatch, folder, "ruth"), "accept")
    assert states(repository) == [
        ("annotate", 1, "rejected", True), ("review", 1, "none", True),
        ("annotate", 2, "accepted", False), ("review", 2, "none", False),
    ]  # fmt: skip


def test_a_target_of_accepted_versions_gets_no_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    repository, target = as_member(monkeypatch, folder, "anna"), replace(xnat[0], accepted=True)
    box = Outbox(local(repository), target)

    def sent() -> list[tuple[str, int]]:
        box.run()
        return [(each.task, each.version) for each in box.entries() if each.state is OutboxState.SENT]

    sign(repository)
    assert sent() == []
    decide(as_member(monkeypatch, folder, "ruth"), "reject")
    assert sent() == []
    sign(repository, rerun=False)
    assert sent() == []
    decide(as_member(monkeypatch, folder, "ruth"), "accept")
    assert sent() == [("annotate", 2), ("review", 2)]
    box = Outbox(local(repository), xnat[0])  # the owner wants all of them now
    assert set(sent()) == {("annotate", 1), ("review", 1), ("annotate", 2), ("review", 2)}


@pytest.mark.parametrize("position", [-1, 10**6, 2**53])
def test_a_position_of_another_repository_is_no_empty_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    with pytest.raises(Refused, match="no such position"):
        completed_since(repository.backend, position)
    last = [*completed_pages(repository.backend)][-1].position
    assert completed_since(repository.backend, last).versions == ()
    with pytest.raises(Refused):
        completed_since(repository.backend, last + 1)


def test_an_outbox_of_a_later_state_misses_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, xnat: tuple[SyncTarget, Xnat]
) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    box = Outbox(local(repository), xnat[0])
    box.run()
    (log,) = (folder / "sites" / "outbox").glob("*.jsonl")
    name, _ = json.loads(log.read_text().splitlines()[-1])
    with log.open("a") as stream:
        stream.write(json.dumps([name, 10**6]) + "\n")
    sign(repository)
    assert Outbox(local(repository), xnat[0]).run()[OutboxState.SENT] == 1


def test_a_node_cannot_delete_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Node:
        def present(self, subject, files):
            return set()

        def send(self, package):
            return None

        def withdraw(self, gone):
            raise Refused("A DICOM node cannot be asked to delete what it was sent.", "By hand.")

    repository = as_member(monkeypatch, folder, "anna")
    box = Outbox(local(repository), SyncTarget("node", P, TargetKind.NODE, "STORE@127.0.0.1:104"))
    sign(repository)
    assert box.run(Node())[OutboxState.SENT] == 1
    repository.backend.do(Withdraw(P, S, "consent withdrawn"))
    assert box.run(Node())[OutboxState.FAILED] == 1
    assert box.retry(done_by_hand=True) == 1 and box.run(Node())[OutboxState.FAILED] == 0


def test_targets_are_kept_from_others_and_away_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    context = local(repository).context
    target = SyncTarget("away", P, TargetKind.DICOMWEB, "http://127.0.0.1:9/dicom-web", user="u", password="hidden")
    keep_target(local(repository), target)
    assert targets(local(repository)) == [target] and "hidden" not in repr(target)
    assert {oct(path.stat().st_mode)[-3:] for path in (folder / "sites" / "targets").iterdir()} == {"600"}
    sign(repository)
    box = Outbox(local(repository), target)
    box.run()
    (entry,) = box.entries()
    assert entry.state is OutboxState.FAILED and entry.due is not None
    assert timedelta(seconds=20) < entry.due - context.clock() < timedelta(seconds=40)


@pytest.mark.needs_debian
def test_versions_go_to_an_orthanc_and_are_withdrawn_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def instances(server: Orthanc) -> int:
        return len(httpx.get(f"{server.url}/instances").json())

    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    with orthanc(tmp_path / "orthanc") as server:
        target = SyncTarget("pacs", P, TargetKind.DICOMWEB, server.dicomweb, orthanc=server.url)
        box = Outbox(local(repository), target)
        assert box.run()[OutboxState.SENT] == 1 and instances(server) == 2
        assert box.run()[OutboxState.SENT] == 1 and instances(server) == 2
        repository.backend.do(Withdraw(P, S, "consent withdrawn"))
        assert box.run()[OutboxState.WITHDRAWN] == 2 and instances(server) == 0
    with pytest.raises(StoreUnavailable):
        from eci_annotate.repository.sync.sync_remotes import connect

        connect(target)
        connect(target)._remote.studies()  # type: ignore[attr-defined]


@pytest.mark.needs_debian
def test_images_and_signed_objects_are_one_study_of_one_patient(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository = as_member(monkeypatch, folder, "anna")
    sign(repository)
    archive = local(repository).context.archive
    sealed = {
        each.sop_uid: archive.read(each) for uid in image_series_of(archive, S) for each in archive.instances(S, uid)
    }
    with orthanc(tmp_path / "orthanc") as server:
        target = SyncTarget("pacs", P, TargetKind.DICOMWEB, server.dicomweb, orthanc=server.url, images=True)
        assert Outbox(local(repository), target).run()[OutboxState.SENT] == 1
        get = lambda path: httpx.get(f"{server.url}/{path}").json()  # noqa: E731
        (patient,), (study,) = get("patients"), get("studies")
        assert get(f"patients/{patient}")["MainDicomTags"]["PatientID"] == S
        assert len(get(f"studies/{study}")["Series"]) >= 2
        for name in get("instances"):
            there = pydicom.dcmread(BytesIO(httpx.get(f"{server.url}/instances/{name}/file").content))
            assert there.PatientID == str(there.PatientName) == S
            if there.SOPInstanceUID in sealed and there.Modality == "CT":
                here = pydicom.dcmread(BytesIO(sealed[there.SOPInstanceUID]))
                changed = {e.keyword for e in here if e != there.get(e.tag)} | {
                    e.keyword for e in there if e.tag not in here
                }
                assert changed <= {"PatientID", "PatientName", "PatientBirthDate"} and there.PixelData == here.PixelData


def test_no_value_of_an_image_is_in_a_warning_or_an_error_when_it_gets_its_pseudonym(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    dataset = pydicom.dcmread(write_phantom(tmp_path, "tiny")[0])
    dataset.PatientName, dataset.OtherPatientNames, dataset.PatientBirthDate = "KANARIE^A", "KANARIE^B", "19500101"
    dataset.add_new(0x00081030, "LO", "KANARIE")
    dataset.SpecificCharacterSet = "OTHER"
    written = BytesIO()
    dataset.save_as(written)
    recwarn.clear()
    made = under_pseudonym(written.getvalue(), S)
    assert not list(recwarn)
    there = pydicom.dcmread(BytesIO(made))
    assert there.PatientID == S and "OtherPatientNames" not in there and there.PatientBirthDate == ""
    assert there.StudyDescription == "KANARIE" and there.PixelData == dataset.PixelData
    for broken in (made[:300], b"KANARIE" * 100):
        with pytest.raises(BadImages) as refusal:
            under_pseudonym(broken, S)
        assert "KANARIE" not in str(refusal.value)
