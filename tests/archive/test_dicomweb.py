"""A real Orthanc keeps the laws of an archive, by DICOMweb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eci_annotate.archive.conformance import ARCHIVE_LAWS, SUBJECT, Law
from eci_annotate.archive.dicomweb import DicomWebObjects
from eci_annotate.archive.remote_archive import RemoteArchive
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import NotFound, StoreUnavailable
from tests.archive.orthanc import Orthanc, orthanc

pytestmark = pytest.mark.needs_debian


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as made:
        yield made


@pytest.fixture
def empty(server: Orthanc) -> Orthanc:
    for each in httpx.get(f"{server.url}/patients").json():
        httpx.delete(f"{server.url}/patients/{each}").raise_for_status()
    return server


def archive_of(server: Orthanc, folder: Path) -> RemoteArchive:
    return RemoteArchive(DicomWebObjects(server.dicomweb, orthanc=server.url), folder / "register", folder / "index")


@pytest.mark.parametrize("law", ARCHIVE_LAWS, ids=lambda law: law.__name__)
def test_an_orthanc_keeps(law: Law, empty: Orthanc, tmp_path: Path) -> None:
    law(archive_of(empty, tmp_path), write_phantom(tmp_path / "dicom", "tiny"))


def test_what_is_removed_is_deleted_there_and_what_is_lost_there_is_noticed(empty: Orthanc, tmp_path: Path) -> None:
    archive, files = archive_of(empty, tmp_path), write_phantom(tmp_path / "dicom", "tiny")
    stored = archive.store(SUBJECT, files)
    assert len(httpx.get(f"{empty.url}/instances").json()) == len(files)
    remote = DicomWebObjects(empty.dicomweb)
    assert remote.studies() == [stored[0].study_uid]
    assert {each.sop for each in remote.instances_of(stored[0].study_uid)} == {each.sop_uid for each in stored}
    archive.remove(SUBJECT)
    assert httpx.get(f"{empty.url}/instances").json() == []
    stored = archive.store(SUBJECT, files)
    for each in httpx.get(f"{empty.url}/patients").json():
        httpx.delete(f"{empty.url}/patients/{each}")
    with pytest.raises(NotFound):
        archive.read(stored[0])


def test_an_archive_that_does_not_answer_is_named(tmp_path: Path) -> None:
    archive = RemoteArchive(DicomWebObjects("http://127.0.0.1:9/dicom-web"), tmp_path / "r", tmp_path / "i")
    with pytest.raises(StoreUnavailable):
        archive.store(SUBJECT, write_phantom(tmp_path / "dicom", "tiny"))
    assert archive.studies(SUBJECT) == []
