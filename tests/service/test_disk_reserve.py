"""When the disk is almost full, nothing large is stored any more; work in progress is still saved and signed."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from eci_annotate.archive.folder import FolderArchive
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import StoreUnavailable
from eci_annotate.hub.pages.intake.add_subjects import unpack
from eci_annotate.repository.local.context import Context
from eci_annotate.store.disk_reserve import RESERVE
from eci_annotate.workflow.subject.commands import Start
from tests.service.service_world import P, S, remote, serving
from tests.service.site_world import Site, deidentified, owner, token
from tests.service.test_incoming import form, read


@pytest.fixture
def nearly_full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Leave 100 bytes of the disk beside the reserve from now on."""
    return lambda: monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=RESERVE + 100))


def test_nothing_large_is_stored(tmp_path: Path, folder: Path, nearly_full: Callable[[], None]) -> None:
    files = [Path(each) for each in write_phantom(tmp_path / "dicom", "tiny")]
    archive, blobs = FolderArchive(tmp_path / "archive", tmp_path / "headers"), owner(folder).context.content(P, S)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.write(files[0], "a.dcm")
    nearly_full()
    for store in (
        lambda: archive.store(S, files),
        lambda: blobs.put(bytes(2 << 20)),
        lambda: unpack([packed], tmp_path),
        lambda: read([form({"a": bytes(500)}), b""], tmp_path / "incoming"),
    ):
        with pytest.raises(StoreUnavailable, match="almost full"):
            store()
    assert not list((tmp_path / "archive").rglob("*.dcm")) and not list((tmp_path / "incoming").iterdir())


def test_volumes_are_not_kept(folder: Path, nearly_full: Callable[[], None]) -> None:
    context: Context = owner(folder).context
    (series,) = [s for t in context.archive.studies(S) for s in t.series if s.modality == "CT"]
    shutil.rmtree(context.layout.cache / "volumes")
    nearly_full()
    with pytest.raises(StoreUnavailable, match="almost full"):
        context.volumes.read(S, series.series_uid)


def test_work_goes_on(folder: Path, tmp_path: Path, nearly_full: Callable[[], None]) -> None:
    credential, sent = token(folder), deidentified(tmp_path)
    nearly_full()
    with serving(folder) as address:
        assert Site(address, credential).send(sent[0].read_bytes()).status_code == 503
        repo = remote(address, "anna")
        seen = repo.backend.do(Start(P, S, "annotate"))
        assert seen is not None
        repo.backend.drafts.save(P, S, "annotate", seen.task("annotate").fence, [{"a": {"image_quality": "good"}}])
        assert len(repo.backend.drafts.read(P, S, "annotate")) == 1
