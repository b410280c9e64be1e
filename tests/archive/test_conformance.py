"""Every archive keeps the laws of `archive.conformance`."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.archive.conformance import ARCHIVE_LAWS, Law
from eci_annotate.archive.folder import FolderArchive
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.keys.image_encryption import ImageCipher, turn_encryption_on
from eci_annotate.repository.keys.repository_folder import create


@pytest.mark.parametrize("law", ARCHIVE_LAWS, ids=lambda law: law.__name__)
def test_a_folder_archive_keeps(law: Law, tmp_path: Path) -> None:
    law(FolderArchive(tmp_path / "archive", tmp_path / "headers"), write_phantom(tmp_path / "dicom", "tiny"))


@pytest.mark.parametrize("law", ARCHIVE_LAWS, ids=lambda law: law.__name__)
def test_a_folder_archive_that_encrypts_keeps(law: Law, tmp_path: Path) -> None:
    layout = create(tmp_path / "repository")
    turn_encryption_on(layout)
    archive = FolderArchive(tmp_path / "archive", tmp_path / "headers", cipher=ImageCipher(layout))
    law(archive, write_phantom(tmp_path / "dicom", "tiny"))
