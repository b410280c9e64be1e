"""Two senders of one subject to one place: a withdrawal deletes what its project alone sent, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate.archive.dicomweb import DicomWebObjects
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.archive.xnat import XnatObjects
from eci_annotate.errors import Refused
from eci_annotate.repository.admin.ingest_subject import sign_ingest
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.sync.outbox_entries import OutboxState
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from eci_annotate.workflow.subject.commands import ChangeMember, Enrol, Withdraw
from tests.archive.orthanc import Orthanc, orthanc
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.ports import free_port
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local
from tests.service.matrix_world import Q, other_project
from tests.service.serving_app import running


@pytest.fixture(scope="module")
def shared(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject was signed in both of its projects."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("shared") / "repository"))
    other_project(folder)
    repo = eci.open(folder)
    local(repo).do(ChangeMember(Q, "anna", ("owner", "annotator"), ("*",)))
    local(repo).do(Enrol(Q, S, "KAU", repo.use_case(P).digest, ()))
    sign_ingest(local(repo), Q, S)
    for project in (P, Q):
        task = repo.start(S, "annotate", project=project)
        task.save(lines(task))
        task.answer(ANSWERS)
        task.sign(MEANING)
    return folder


@pytest.fixture
def repo(shared: Path, tmp_path: Path) -> Repository:
    """It, opened by anna."""
    return eci.open(Path(shutil.copytree(shared, tmp_path / "repository")))


@pytest.fixture
def xnat() -> Iterator[tuple[str, Xnat]]:
    kept, port = Xnat(), free_port()
    with running(xnat_app(kept), port):
        yield f"http://127.0.0.1:{port}", kept


def boxes(repo: Repository, **more: object) -> tuple[Outbox, Outbox]:
    """The outboxes of targets of both projects at one place."""
    found = []
    for project in (P, Q):
        target = SyncTarget(f"to-{project}", project, **more)  # type: ignore[arg-type]
        keep_target(local(repo), target)
        found.append(Outbox(local(repo), target))
    return found[0], found[1]


def sops(server: Orthanc) -> set[tuple[str, str]]:
    """The patient ID and SOP instance UID of each instance."""
    names = httpx.get(f"{server.url}/instances").json()
    tags = [httpx.get(f"{server.url}/instances/{name}/simplified-tags").json() for name in names]
    return {(each["PatientID"], each["SOPInstanceUID"]) for each in tags}


def derived(repo: Repository, project: str) -> set[tuple[str, str]]:
    manifest = repo.signed(S, "annotate", 1, project=project).event.manifest
    return {(S, part.name.split("/")[2]) for part in (*manifest.of("rtstruct"), *manifest.of("sr"))}


def test_an_xnat_keeps_what_the_other_project_sent(repo: Repository, xnat: tuple[str, Xnat]) -> None:
    url, kept = xnat
    p, q = boxes(repo, kind=TargetKind.XNAT, url=url, remote_project="eci", user=USER, password=PASSWORD, images=True)
    q.run()
    only_q = (dict(kept.files), dict(kept.collections), set(kept.made))
    p.run()
    assert len(kept.collections) == 2 and sum("provenance" in name for name in kept.files) == 2
    repo.backend.do(Withdraw(P, S, "letter"))
    assert p.run()[OutboxState.WITHDRAWN] == 2
    assert (kept.files, kept.collections, kept.made) == only_q
    (withdrawal,) = [each for each in p.entries() if not each.task]
    assert "files that other targets or subjects need" in withdrawal.remark
    repo.backend.do(Withdraw(Q, S, "letter"))
    assert q.run()[OutboxState.WITHDRAWN] == 2
    assert not kept.files and not kept.collections and not kept.made


def test_an_xnat_keeps_what_another_sender_put_there(repo: Repository, xnat: tuple[str, Xnat]) -> None:
    url, kept = xnat
    objects = XnatObjects(url, "eci", USER, PASSWORD)
    archive = local(repo).context.archive
    (series,) = [each for study in archive.studies(S) for each in study.series if each.modality == "CT"]
    first = archive.instances(S, series.series_uid)[0]
    uids = Uids(first.study_uid, first.series_uid, first.sop_uid)
    objects.put(S, {uids: b"as another repository sent it"})
    objects.put_resource(S, "annotate_v0001", "notes.txt", b"of another sender")
    before = (dict(kept.files), set(kept.made))
    p, _ = boxes(repo, kind=TargetKind.XNAT, url=url, remote_project="eci", user=USER, password=PASSWORD, images=True)
    p.run()
    assert objects.get(S, uids) == b"as another repository sent it"
    repo.backend.do(Withdraw(P, S, "letter"))
    p.run()
    assert (kept.files, kept.made) == before
    assert "other data of the subject" in next(each for each in p.entries() if not each.task).remark


@pytest.mark.needs_debian
def test_an_orthanc_keeps_what_the_other_project_sent(repo: Repository, tmp_path: Path) -> None:
    with orthanc(tmp_path / "orthanc") as server:
        p, q = boxes(repo, kind=TargetKind.DICOMWEB, url=server.dicomweb, orthanc=server.url, images=True)
        p.run()
        only_p = sops(server)
        q.run()
        mine, theirs = derived(repo, P), derived(repo, Q)
        assert sops(server) == only_p | theirs
        repo.backend.do(Withdraw(P, S, "letter"))
        assert p.run()[OutboxState.WITHDRAWN] == 2
        assert sops(server) == (only_p | theirs) - mine
        repo.backend.do(Withdraw(Q, S, "letter"))
        assert q.run()[OutboxState.WITHDRAWN] == 2 and sops(server) == set()


@pytest.mark.needs_debian
def test_an_orthanc_keeps_the_images_of_their_source(repo: Repository, tmp_path: Path) -> None:
    archive = local(repo).context.archive
    (series,) = [each for study in archive.studies(S) for each in study.series if each.modality == "CT"]
    first, second = archive.instances(S, series.series_uid)[:2]
    same, other = (pydicom.dcmread(BytesIO(archive.read(each))) for each in (first, second))
    same.PatientID, other.PatientID = S, "of the hospital"
    with orthanc(tmp_path / "orthanc") as server:
        for dataset in (same, other):
            written = BytesIO()
            dataset.save_as(written)
            httpx.post(f"{server.url}/instances", content=written.getvalue()).raise_for_status()
        before = sops(server)
        p, _ = boxes(repo, kind=TargetKind.DICOMWEB, url=server.dicomweb, orthanc=server.url, images=True)
        p.run()
        assert len(sops(server)) > len(before)
        objects = DicomWebObjects(server.dicomweb, orthanc=server.url)
        uids = [Uids(each.study_uid, each.series_uid, each.sop_uid) for each in (first, second)]
        assert objects.present("of the hospital", uids) == {uids[1]}
        repo.backend.do(Withdraw(P, S, "letter"))
        p.run()
        assert sops(server) == before


def test_a_target_stays_where_a_withdrawal_must_find_it(repo: Repository) -> None:
    target = SyncTarget("far", P, TargetKind.DICOMWEB, "https://one.example.org/dicom-web")
    keep_target(local(repo), target)
    elsewhere = SyncTarget("far", P, TargetKind.DICOMWEB, "https://two.example.org/dicom-web")
    keep_target(local(repo), elsewhere)
    for changed in (target, SyncTarget("far", P, TargetKind.DICOMWEB, elsewhere.url, pull_only=True)):
        with pytest.raises(Refused, match="withdrawal"):
            keep_target(local(repo), changed, in_use=True)
    keep_target(local(repo), SyncTarget("far", P, TargetKind.DICOMWEB, elsewhere.url + "/", user="new"), in_use=True)
    with pytest.raises(Refused, match="used already"):
        keep_target(local(repo), SyncTarget("far", Q, TargetKind.DICOMWEB, elsewhere.url))
