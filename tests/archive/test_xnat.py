"""The XNAT archive keeps the laws of an archive, at a stand-in written from XNAT's published interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eci_annotate.archive.conformance import ARCHIVE_LAWS, SUBJECT, Law
from eci_annotate.archive.remote_archive import RemoteArchive, Uids
from eci_annotate.archive.xnat import RoiKind, XnatObjects
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import NotFound, StoreUnavailable
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.ports import free_port
from tests.service.serving_app import running


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Xnat]]:
    xnat, port = Xnat(), free_port()
    with running(xnat_app(xnat), port):
        yield f"http://127.0.0.1:{port}", xnat


@pytest.fixture
def xnat(server: tuple[str, Xnat]) -> tuple[XnatObjects, Xnat]:
    server[1].made.clear()
    server[1].files.clear()
    return XnatObjects(server[0], "eci", USER, PASSWORD), server[1]


@pytest.mark.parametrize("law", ARCHIVE_LAWS, ids=lambda law: law.__name__)
def test_an_xnat_keeps(law: Law, xnat: tuple[XnatObjects, Xnat], tmp_path: Path) -> None:
    law(RemoteArchive(xnat[0], tmp_path / "register", tmp_path / "index"), write_phantom(tmp_path / "dicom", "tiny"))


def test_annotations_become_roi_collections_of_their_session(xnat: tuple[XnatObjects, Xnat], tmp_path: Path) -> None:
    objects, kept = xnat
    archive = RemoteArchive(objects, tmp_path / "register", tmp_path / "index")
    (first, *_) = archive.store(SUBJECT, write_phantom(tmp_path / "dicom", "tiny"))
    objects.put_roi_collection(SUBJECT, first.study_uid, "annotate_1", RoiKind.RTSTRUCT, b"content")
    ((session, label),) = kept.collections
    assert label == "annotate_1" and SUBJECT in session and kept.collections[session, label] == ("RTSTRUCT", b"content")
    with pytest.raises(NotFound):
        objects.put_roi_collection(SUBJECT, "1.2.3", "x", RoiKind.SEG, b"content")
    uids = [Uids(first.study_uid, first.series_uid, each.rsplit("/", 1)[-1][:-4]) for each in kept.files]
    assert objects.present(SUBJECT, [*uids, Uids("1.2", "1.3", "1.4")]) == set(uids)
    objects.put_resource(SUBJECT, "annotate v1", "provenance.json", b"{}")
    objects.put_resource(SUBJECT, "of another sender", "provenance.json", b"{}")
    for _ in range(2):
        objects.delete_labelled(SUBJECT, [first.study_uid], ["annotate"])
        objects.delete_files(SUBJECT, uids)
        assert not objects.delete_empty(SUBJECT)
    assert not kept.collections
    objects.delete_labelled(SUBJECT, [], ["annotate v1", "of another sender"])
    assert objects.delete_empty(SUBJECT) and not kept.made and not kept.files


def test_a_wrong_password_is_named(server: tuple[str, Xnat], tmp_path: Path) -> None:
    archive = RemoteArchive(XnatObjects(server[0], "eci", USER, "wrong"), tmp_path / "r", tmp_path / "i")
    with pytest.raises(StoreUnavailable, match="401"):
        archive.store(SUBJECT, write_phantom(tmp_path / "dicom", "tiny"))
