"""Uploads of sites: resumed, checked, each file once; one number for each pseudonym; what identifies is held back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydicom import dcmread

from eci_annotate.errors import NoIdentity, Refused
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.admin.held_files import held_sets
from eci_annotate.repository.admin.import_dicom import release_held
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.sites.site_credentials import issue, revoke, site_credentials
from eci_annotate.workflow.subject.commands import Withdraw
from tests.service.service_world import P
from tests.service.site_world import Site, deidentified, owner, sha256, token


@pytest.fixture
def site(service: str, folder: Path) -> Site:
    return Site(service, token(folder))


def test_files_of_a_site_end_as_a_ready_annotation_task(site: Site, folder: Path, tmp_path: Path) -> None:
    files = deidentified(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda path: site.send(path.read_bytes()), files))
    assert [each.json()["state"] for each in answers] == ["received"] * len(files)
    assert site.ingest() == len(files)
    states = site.states(*map(sha256, files))
    assert {each["state"] for each in states.values()} == {"confirmed"}
    (subject,) = {each["subject"] for each in states.values()}
    assert subject == "ECI_KAU_S0002"
    seen = open(folder).backend.subject(P, subject)
    assert {task.name: str(task.status) for task in seen.tasks}["annotate"] == "ready"
    archive = owner(folder).context.archive
    stored = [
        each
        for study in archive.studies(subject)
        for s in study.series
        for each in archive.instances(subject, s.series_uid)
    ]
    assert sorted(archive.read(each) for each in stored) == sorted(path.read_bytes() for path in files)
    assert all(check.passed for check in open(folder).backend.trail.verify(P, subject))


def test_a_second_study_and_a_second_proxy_give_the_same_subject(service: str, folder: Path, tmp_path: Path) -> None:
    first, second = Site(service, token(folder)), Site(service, token(folder))
    files = deidentified(tmp_path)
    first.send(files[0].read_bytes())
    assert first.ingest() == 1
    for path in files:
        second.send(path.read_bytes())
    second.ingest()
    subjects = {each["subject"] for each in second.states(*map(sha256, files)).values()}
    assert subjects == {"ECI_KAU_S0002"}


def test_parts_are_resumed_and_wrong_content_is_refused(site: Site, tmp_path: Path) -> None:
    content = deidentified(tmp_path)[0].read_bytes()
    digest, half = sha256(deidentified(tmp_path)[0]), len(content) // 2
    begun = site.send(content[:half], digest, 0, len(content)).json()
    assert (begun["state"], begun["offset"]) == ("partial", half)
    assert site.send(content, digest, 0, len(content)).status_code == 409
    assert site.send(content[half:], digest, half, len(content)).json()["state"] == "received"
    other = content[:-1] + b"\1"
    refused = site.send(other, "0" * 64, 0, len(other))
    assert (refused.status_code, site.states("0" * 64)["0" * 64]["state"]) == (422, "absent")


def test_a_file_whose_last_byte_arrived_before_a_kill_is_completed(site: Site, folder: Path, tmp_path: Path) -> None:
    path = deidentified(tmp_path)[0]
    content, digest = path.read_bytes(), sha256(path)
    site.send(content[:-1], digest, 0, len(content))
    (part,) = (folder / "arrivals").glob("*/*.part")
    part.write_bytes(content)  # as a service leaves it that is killed here
    assert site.states(digest)[digest]["offset"] == len(content)
    assert site.send(b"", digest, len(content), len(content)).json()["state"] == "received"


def test_what_still_identifies_is_held_back_until_an_owner_releases_it(
    site: Site, folder: Path, tmp_path: Path
) -> None:
    files = deidentified(tmp_path)
    dataset = dcmread(files[0])
    dataset.ReferringPhysicianName = "Kanarie"
    dataset.save_as(tmp_path / "changed.dcm")
    content = (tmp_path / "changed.dcm").read_bytes()
    for path in files[1:]:
        site.send(path.read_bytes())
    digest = site.send(content) and sha256(tmp_path / "changed.dcm")
    site.ingest()
    held = site.states(digest)[digest]
    assert held["state"] == "held" and "ReferringPhysicianName" in held["reason"] and "Kanarie" not in held["reason"]
    (kept,) = held_sets(owner(folder))
    assert kept.by.startswith("site.KAU.")
    release_held(owner(folder), kept.id, "looked at it")
    released, other = site.states(digest, sha256(files[1])).values()
    assert released["state"] == "confirmed" and released["subject"] == other["subject"]


def test_files_of_a_subject_that_was_withdrawn_are_held_back(site: Site, folder: Path, tmp_path: Path) -> None:
    files = deidentified(tmp_path)
    site.send(files[0].read_bytes())
    site.ingest()
    owner(folder).do(Withdraw(P, "ECI_KAU_S0002", "consent withdrawn"))
    site.send(files[1].read_bytes())
    site.ingest()
    (state,) = site.states(sha256(files[1])).values()
    assert state["state"] == "held" and "withdrawn" in state["reason"]
    assert owner(folder).context.archive.studies("ECI_KAU_S0002") == []


def test_only_a_valid_credential_of_a_site_may_send(service: str, folder: Path, tmp_path: Path) -> None:
    content = deidentified(tmp_path)[0].read_bytes()
    good = token(folder)
    for bad in (
        "",
        "token-olga-not",
        good[:-1] + "x",
        "eci-site.../../x.y",
        f"eci-site.site.KAU.00000000.{good[-43:]}",
    ):
        assert Site(service, bad or "x").send(content).status_code == 401
    assert Site(service, "token-olga").send(content).status_code == 403
    site = Site(service, good)
    assert site.client.get(f"{service}/api/projects").status_code in (403, 404)
    (issued,) = [each for each in site_credentials(owner(folder)) if good.split(".")[3] in each.id]
    assert (
        good.rpartition(".")[2]
        not in repr(issued) + (folder / "sites" / "credentials" / f"{issued.id}.json").read_text()
    )
    revoke(owner(folder), issued.id)
    assert site.send(content).status_code == 401
    with pytest.raises(NoIdentity):
        HubIdentity(issued.id, "x").actor(owner(folder).context.streams.projects())
    rows = owner(folder).trail.audit(AuditQuery(P, "", "", "site-"))
    assert list(rows["what"]) == ["site-issued.1", "site-revoked.1"]
    with pytest.raises(Refused):
        issue(owner(folder), P, "NOWHERE2/..")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(site: Site, service: str) -> None:
    where = urlsplit(f"{service}/api/site/files/{'0' * 64}?offset=0&size=1")
    connection = HTTPConnection(where.netloc, timeout=10)
    headers = {"Authorization": site.client.headers["Authorization"], "Content-Length": str(1 << 40)}
    connection.request("PUT", f"{where.path}?{where.query}", headers=headers)  # and no body
    assert connection.getresponse().status == 413
    connection.close()
    assert site.send(b"x", "0" * 64, 0, 5 << 30).status_code == 422
