"""A repository whose DICOM files are in an Orthanc: the same work, and a withdrawal deletes there."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import eci_annotate as eci
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import Refused
from eci_annotate.repository.admin.backup import back_up
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.volumes.open_archive import ArchiveSettings, archive_settings, use_archive
from eci_annotate.workflow.subject.commands import Withdraw
from tests.archive.orthanc import orthanc
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local

pytestmark = pytest.mark.needs_debian


def test_images_and_signed_files_are_in_the_orthanc_only(tmp_path: Path) -> None:
    files = write_phantom(tmp_path / "dicom", "tiny")
    folder = tmp_path / "repository"
    create_repository(folder, project=P, member="anna", site="KAU")
    with orthanc(tmp_path / "orthanc") as server:
        use_archive(find(folder), ArchiveSettings(server.dicomweb, orthanc=server.url))
        repo = eci.open(folder)
        import_folders(local(repo), [tmp_path / "dicom"], project=P, site="KAU")
        task = repo.start(S, "annotate")
        task.save(lines(task))
        task.answer(ANSWERS)
        signed = task.sign(MEANING)
        assert len(httpx.get(f"{server.url}/instances").json()) == len(files) + 2
        assert not list(folder.rglob("*.dcm")) and repo.verify(signed).passed
        assert all(check.passed for check in repo.backend.trail.verify(P, S))
        back_up(folder, tmp_path / "backup", tmp_path / "keys")
        assert archive_settings(find(folder)) == ArchiveSettings(server.dicomweb, orthanc=server.url)
        assert (tmp_path / "keys" / "register" / "subjects" / f"{S}.json").exists()
        with pytest.raises(Refused):
            use_archive(find(folder), ArchiveSettings("http://elsewhere"))
        repo.backend.do(Withdraw(P, S, "consent withdrawn"))
        assert httpx.get(f"{server.url}/instances").json() == []
