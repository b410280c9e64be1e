"""C-FIND, C-GET and C-MOVE at a real Orthanc: by patient, study, and a list of accession numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eci_annotate.errors import BadConfiguration, NotFound
from eci_annotate.proxy.configuration import PacsSettings
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.fetch_query import queries_of
from eci_annotate.proxy.receive.pacs import NOT_FOUND, SHARED, echo, fetch, find_studies
from eci_annotate.proxy.receive.store_scp import Receiver
from tests.archive.orthanc import TITLE, Orthanc, orthanc
from tests.deid.planted import saved
from tests.ports import free_port
from tests.proxy.proxy_world import configured, planted

pytestmark = pytest.mark.needs_debian
SENDERS = [{"ae_title": TITLE, "address": "127.0.0.1"}]


def silent(what: str, done: int, of: int) -> None:
    return None


@pytest.fixture(scope="module")
def listen() -> int:
    return free_port()


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory, listen: int) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("pacs"), {"ECIPROXY": ("127.0.0.1", listen)}) as made:
        for number in range(6):
            dataset = planted(number, f"Kanarie{number // 2}")
            dataset.StudyInstanceUID, dataset.AccessionNumber = f"1.2.33.1.{number // 2}", f"KanAcc{number // 2}"
            dataset.SeriesInstanceUID = f"1.2.33.2.{number // 2}"
            httpx.post(f"{made.url}/instances", content=saved(dataset)).raise_for_status()
        yield made


def proxy_for(pacs: Orthanc, folder: Path, **more: object) -> Proxy:
    settings = {"ae_title": TITLE, "host": "127.0.0.1", "port": pacs.dicom, "own_ae_title": "ECIPROXY", **more}
    return Proxy(configured(folder, pacs=settings))


def test_studies_are_found_and_fetched(pacs: Orthanc, tmp_path: Path) -> None:
    proxy = proxy_for(pacs, tmp_path)
    settings = proxy.configuration.pacs
    assert settings is not None
    echo(settings)
    assert find_studies(settings, {"PatientID": "Kanarie1"}).uids == ("1.2.33.1.1",)
    (tmp_path / "list.csv").write_text("Name;x,AccessionNumber\na,KanAcc0\nb,KanAcc2\nc,KanAcc9\n")
    report = fetch(proxy, queries_of(None, None, tmp_path / "list.csv"), silent)
    assert report.counts == {"fetched": 2, NOT_FOUND: 1} and report.lines == {NOT_FOUND: [4]}
    assert len(list(proxy.spool.received())) == 4
    assert fetch(proxy, queries_of("Kanarie1", None, None), silent).counts == {"fetched": 1}
    assert len(list(proxy.spool.received())) == 6 and not list(proxy.spool.parts.iterdir())
    proxy.drain(silent)
    assert proxy.queue.counts() == {"de-identified": 6} and proxy.links.number() == 3


def test_studies_are_moved_to_the_own_receiver(pacs: Orthanc, tmp_path: Path, listen: int) -> None:
    receive = {"ae_title": "ECIPROXY", "host": "127.0.0.1", "port": listen, "senders": SENDERS}
    settings = {"ae_title": TITLE, "host": "127.0.0.1", "port": pacs.dicom, "own_ae_title": "ECIPROXY", "move": True}
    proxy = Proxy(configured(tmp_path, pacs=settings, receive=receive))
    assert proxy.configuration.receive is not None
    receiver = Receiver(proxy.configuration.receive, proxy.spool)
    receiver.start()
    assert fetch(proxy, queries_of(None, "1.2.33.1.2", None), silent).counts == {"fetched": 1}
    assert len(list(proxy.spool.received())) == 2
    receiver.stop()


def test_a_number_that_two_patients_have_is_not_fetched(pacs: Orthanc, tmp_path: Path) -> None:
    for number in range(2):
        dataset = planted(90 + number, f"Kanarie9{number}")
        dataset.StudyInstanceUID, dataset.AccessionNumber = f"1.2.33.1.9{number}", "KanAcc90"
        httpx.post(f"{pacs.url}/instances", content=saved(dataset)).raise_for_status()
    (tmp_path / "list.csv").write_text("Accession Number\nKanAcc90\n")
    proxy = proxy_for(pacs, tmp_path)
    report = fetch(proxy, queries_of(None, None, tmp_path / "list.csv"), silent)
    assert report.counts == {SHARED: 1} and report.lines == {SHARED: [2]} and not list(proxy.spool.received())


def test_a_pacs_that_does_not_answer_and_a_bad_list_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        echo(PacsSettings("PACS", "127.0.0.1", 9, "ECIPROXY"))
    (tmp_path / "list.csv").write_text("AccessionNumber\n*\n")
    with pytest.raises(BadConfiguration):
        queries_of(None, None, tmp_path / "list.csv")
    with pytest.raises(BadConfiguration):
        queries_of(None, None, tmp_path / "missing.csv")
