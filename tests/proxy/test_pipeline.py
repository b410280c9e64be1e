"""From a folder of a hospital to a ready task; quarantine, duplicates, retries; nothing leaks, nothing is lost."""

from __future__ import annotations

import random
import time
import tracemalloc
from pathlib import Path

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import BadSiteKey, NotFound, Refused
from eci_annotate.proxy.instance_queue import InstanceQueue, QueueState
from eci_annotate.proxy.link_table import LinkTable
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.quarantine_decisions import quarantined, release
from eci_annotate.proxy.receive.file_sources import take_paths
from eci_annotate.proxy.send import uploader
from eci_annotate.proxy.send.centre_client import AtCentre, CentreState
from eci_annotate.proxy.spool import Spool
from eci_annotate.repository.open_repository import open
from tests.counts import count
from tests.deid.planted import leaks, saved
from tests.proxy.proxy_world import centre, configured, hospital, planted
from tests.service.service_world import P
from tests.service.site_world import owner, token


def silent(what: str, done: int, of: int) -> None:
    return None


def test_a_folder_of_a_hospital_ends_as_a_ready_task(service: str, folder: Path, tmp_path: Path) -> None:
    files = hospital(tmp_path / "hospital")
    proxy = Proxy(configured(tmp_path / "site", centre=centre(tmp_path / "site", service, token(folder))))
    take_paths(proxy.spool, [tmp_path / "hospital"], silent)
    assert proxy.drain(silent) == 0
    assert proxy.queue.counts() == {"confirmed": len(files)}
    link = proxy.links.find("KanariePID77")
    assert link.subject == "ECI_KAU_S0002" and proxy.links.find(link.pseudonym) == link == proxy.links.find(
        link.subject
    )
    seen = open(folder).backend.subject(P, link.subject)
    assert {task.name: str(task.status) for task in seen.tasks}["annotate"] == "ready"
    assert not list(proxy.spool.root.rglob("*.dcm"))
    proxy.close()
    for base in (folder, proxy.spool.root):
        for path in base.rglob("*"):
            assert leaks(str(path.relative_to(base))) == []
            assert not path.is_file() or leaks(path.read_bytes()) == [], path.relative_to(base)


def test_the_same_files_again_are_not_sent_twice(service: str, folder: Path, tmp_path: Path) -> None:
    files = hospital(tmp_path / "hospital")
    proxy = Proxy(configured(tmp_path / "site", centre=centre(tmp_path / "site", service, token(folder))))
    for _ in range(2):
        take_paths(proxy.spool, [tmp_path / "hospital"], silent)
        assert proxy.drain(silent) == 0
    content = files[0].read_bytes()
    (tmp_path / "other.dcm").write_bytes(b"x" * 128 + content[128:])  # the same object by another way
    take_paths(proxy.spool, [tmp_path / "other.dcm"], silent)
    assert proxy.drain(silent) == 0
    assert proxy.queue.counts() == {"confirmed": len(files), "duplicate": 1}
    assert not list(proxy.spool.root.rglob("*.dcm"))


def test_what_was_released_for_one_cause_is_released_for_the_next(tmp_path: Path) -> None:
    dataset = planted()
    dataset.Modality, dataset.PixelIntensityRelationship = "US", dataset.PatientID.upper()
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, [tmp_path / "a.dcm"], silent)
    for cause in (Cause.MODALITY, Cause.WORDS):
        proxy.drain(silent)
        assert proxy.queue.causes() == {cause: 1}
        assert release(proxy, quarantined(proxy), "looked at", "petra") == 1
    proxy.drain(silent)
    assert proxy.queue.counts() == {"de-identified": 1}
    proxy.close()


def test_people_whose_id_is_a_placeholder_stay_apart(tmp_path: Path) -> None:
    for number, study in enumerate(["1.2.33.1", "1.2.33.1", "1.2.33.7"]):
        dataset = planted(number, "UNKNOWN")
        dataset.StudyInstanceUID = study
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, sorted(tmp_path.glob("*.dcm")), silent)
    proxy.drain(silent)
    assert proxy.queue.causes() == {Cause.NOBODY: 3} and proxy.links.number() == 0
    release(proxy, quarantined(proxy), "looked at", "petra")
    proxy.drain(silent)
    pseudonyms = {each.pseudonym for each in proxy.queue.waiting(QueueState.DEIDENTIFIED)}
    assert len(pseudonyms) == proxy.links.number() == 2
    assert {proxy.links.find(each).issuer for each in pseudonyms} == {"study 1.2.33.1", "study 1.2.33.7"}
    proxy.close()


def test_quarantine_is_listed_released_run_again_and_deleted(tmp_path: Path) -> None:
    for number, name in enumerate(["US", "CT", "CT"]):
        dataset = planted(number)
        dataset.Modality = name
        dataset.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    (tmp_path / "cut.dcm").write_bytes((tmp_path / "1.dcm").read_bytes()[:-9])
    other = planted(2)
    other.ImageComments, other.PixelData = "x", other.PixelData[::-1]
    other.save_as(tmp_path / "3.dcm", enforce_file_format=True)
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, sorted(tmp_path.glob("*.dcm")), silent)
    proxy.drain(silent)
    causes = {Cause.MODALITY: 1, Cause.INCOMPLETE: 1, Cause.DUPLICATE: 1}
    assert proxy.queue.causes() == causes and proxy.queue.counts() == {"quarantined": 3, "de-identified": 2}
    rows = {each.causes[0]: each for each in proxy.queue.waiting(QueueState.QUARANTINED)}
    assert proxy.queue.retry([each.id for each in rows.values()]) == 3
    proxy.drain(silent)
    assert proxy.queue.causes() == causes
    accepted = {each.id: " ".join(cause.name for cause in each.causes) for each in rows.values()}
    proxy.queue.retry(list(accepted), accepted)
    proxy.drain(silent)
    assert set(proxy.queue.causes()) == {Cause.INCOMPLETE, Cause.DUPLICATE}
    assert proxy.queue.delete(rows[Cause.INCOMPLETE])
    assert proxy.queue.counts() == {"quarantined": 1, "de-identified": 3, "deleted": 1}


def test_a_centre_that_is_away_is_tried_again(service: str, folder: Path, tmp_path: Path) -> None:
    hospital(tmp_path / "hospital")
    good = centre(tmp_path / "site", service, token(folder))
    proxy = Proxy(configured(tmp_path / "site", centre={**good, "url": "http://127.0.0.1:9/services/eci"}))
    take_paths(proxy.spool, [tmp_path / "hospital"], silent)
    left = proxy.drain(silent, patience_s=0.5)
    assert left and proxy.queue.counts() == {"de-identified": left}
    proxy.close()
    proxy = Proxy(configured(tmp_path / "site", centre=good))
    assert proxy.drain(silent) == 0 and proxy.queue.counts() == {"confirmed": left}


def test_two_proxies_of_a_site_give_the_same_pseudonym_and_subject(service: str, folder: Path, tmp_path: Path) -> None:
    links = []
    for name, kind in (("one", "tiny"), ("two", "mr")):
        hospital(tmp_path / f"{name}-files", kind)
        proxy = Proxy(configured(tmp_path / name, centre=centre(tmp_path / name, service, token(folder))))
        take_paths(proxy.spool, [tmp_path / f"{name}-files"], silent)
        assert proxy.drain(silent) == 0
        links.append(proxy.links.find("KanariePID77"))
    assert links[0] == links[1] and len(owner(folder).context.archive.studies(links[0].subject)) == 2


def test_the_link_table_is_encrypted_and_opens_with_its_own_secret_only(tmp_path: Path) -> None:
    config = configured(tmp_path)
    table = LinkTable(tmp_path / "links", config.pseudonymiser())
    table.put("KanariePID77", "Kanarie issuer")
    table.set_subject(table.put("KanariePID77", ""), "ECI_KAU_S0001")
    assert table.find("ECI_KAU_S0001").patient_id == "KanariePID77"
    assert table.find("KanariePID77", "Kanarie issuer").subject == "" and table.number() == 2
    with pytest.raises(NotFound):
        table.find("KanariePID78")
    table.back_up(tmp_path / "copy")
    table.close()
    contents = b"".join(path.read_bytes() for path in tmp_path.glob("links*")) + (tmp_path / "copy").read_bytes()
    assert leaks(contents) == [] and "Kanarie" not in repr(LinkTable(tmp_path / "copy", config.pseudonymiser()))
    (tmp_path / "other").write_bytes(bytes(32))
    (tmp_path / "other").chmod(0o600)
    with pytest.raises(BadSiteKey, match="another secret"):  # before a patient gets a second pseudonym
        LinkTable(tmp_path / "copy", config.pseudonymiser().from_file(tmp_path / "other"))


def test_a_wait_that_was_set_by_a_clock_that_was_ahead_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = InstanceQueue(tmp_path / "queue")
    queue.add({"a": 1})
    (each,) = queue.waiting(QueueState.RECEIVED)
    now = time.time()
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: now + 86400.0)
        queue.again(each, QueueState.RECEIVED)
        assert queue.waiting(QueueState.RECEIVED) == []
    assert [each.content for each in queue.waiting(QueueState.RECEIVED)] == ["a"]


def test_what_was_arriving_when_the_power_failed_is_kept_if_it_is_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for number in range(3):
        planted(number).save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
        with (tmp_path / f"{number}.dcm").open("rb") as stream:
            spool.take(stream)
    whole, cut, torn = sorted(spool.received())
    whole.rename(whole.with_suffix(".new"))
    cut.write_bytes(cut.read_bytes()[:-9])
    torn.write_bytes(b"")
    assert spool.recover() == 1 and [path.stem for path in spool.received()] == [whole.stem]


def test_a_deflated_bomb_is_set_aside_without_being_inflated(tmp_path: Path) -> None:
    dataset = planted(1)
    dataset.PixelData = bytes(200 << 20)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    assert (tmp_path / "bomb.dcm").stat().st_size < 1 << 20
    del dataset
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, [tmp_path / "bomb.dcm"], silent)
    tracemalloc.start()
    proxy.drain(silent)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()
    assert proxy.queue.causes() == {Cause.UNREADABLE: 1}


@pytest.mark.parametrize("seed", range(3))
def test_malformed_objects_end_in_quarantine_and_leak_nothing(
    tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rng, good = random.Random(seed), saved(planted(1))
    for number in range(count(40, 5000) // 3):
        content = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            content[rng.randrange(132, len(content))] = rng.randrange(256)
        kept = content[: rng.randrange(140, len(content))] if rng.random() < 0.5 else content
        (tmp_path / f"{number}.dcm").write_bytes(kept)
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, sorted(tmp_path.glob("*.dcm")), silent)
    proxy.drain(silent)
    told = capfd.readouterr()
    assert leaks(told.out + told.err + caplog.text) == []
    for path in (proxy.spool.root / "outgoing").rglob("*.dcm"):
        assert [needle for needle in leaks(path.read_bytes()) if not needle.startswith("1.2.")] == []
    counts = proxy.queue.counts()
    assert set(counts) <= {"quarantined", "de-identified", "duplicate"} and proxy.left() == 0


def test_two_processes_give_the_same_files_as_one(tmp_path: Path) -> None:
    hospital(tmp_path / "hospital")
    found = []
    for processes in (1, 2):
        proxy = Proxy(configured(tmp_path / f"site{processes}", processes=processes))
        take_paths(proxy.spool, [tmp_path / "hospital"], silent)
        assert proxy.drain(silent) == 0
        found.append(sorted(path.name for path in (proxy.spool.root / "outgoing").rglob("*.dcm")))
    assert found[0] == found[1] and len(found[0]) == 8


def test_only_one_process_works_on_a_queue(tmp_path: Path) -> None:
    first, second = Proxy(configured(tmp_path)), Proxy(configured(tmp_path))
    with first.alone(), pytest.raises(Refused):
        second.drain(silent)


def test_files_that_the_centre_does_not_decide_keep_no_later_ones_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, asked = Proxy(configured(tmp_path / "site")), list[str]()

    class Undecided:
        def states(self, digests: list[str]) -> dict[str, CentreState]:
            asked.extend(digests)
            return dict.fromkeys(digests, CentreState(AtCentre.RECEIVED))

    proxy.queue.add(dict.fromkeys("abc", 1))
    for each in proxy.queue.waiting(QueueState.RECEIVED):
        proxy.queue.deidentified(each, f"out-{each.content}", pseudonym="p", series="s", uid=each.content)
    for each in proxy.queue.waiting(QueueState.DEIDENTIFIED):
        proxy.queue.sent(each)
    monkeypatch.setattr(uploader, "ASK", 2)
    sender = uploader.Uploader(proxy.spool, proxy.queue, proxy.links, Undecided())  # type: ignore[arg-type]
    sender.step()
    sender.step()
    assert set(asked) == {"out-a", "out-b", "out-c"}
