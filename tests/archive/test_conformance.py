"""Every archive keeps the laws of `archive.conformance`."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.archive.conformance import ARCHIVE_LAWS, Law
from eci_annotate.archive.folder import FolderArchive
from eci_annotate.dicom.phantom import write_phantom


@pytest.mark.parametrize("law", ARCHIVE_LAWS, ids=lambda law: law.__name__)
def test_a_folder_archive_keeps(law: Law, tmp_path: Path) -> None:
    law(FolderArchive(tmp_path / "archive", tmp_path / "headers"), write_phantom(tmp_path / "dicom", "tiny"))
