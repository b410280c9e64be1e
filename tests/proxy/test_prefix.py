"""Files without the DICOM prefix, as old archives write them, are taken or named; never left out without a word."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom, lacks_prefix
from eci_annotate.deid.folder_run import FolderRun
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause
from eci_annotate.proxy.proxy_service import Proxy
from eci_annotate.proxy.receive.file_sources import RECEIVED, take_paths
from eci_annotate.proxy.spool import Spool
from tests.deid.planted import leaks, saved
from tests.proxy.proxy_world import KEY, configured, planted


def silent(what: str, done: int, of: int) -> None:
    return None


def converted(path: Path, *how: str) -> Path:
    """What DCMTK writes of a planted image."""
    planted().save_as(path, enforce_file_format=True)
    subprocess.run(["dcmconv", *how, path, path], check=True)
    return path


@pytest.mark.skipif(not shutil.which("dcmconv"), reason="needs DCMTK")
@pytest.mark.parametrize("how", [["-F", "+ti"], ["-F", "+te"], ["-F", "+ti", "+g"]])
def test_bare_elements_are_taken(how: list[str], tmp_path: Path) -> None:
    path = converted(tmp_path / "a", *how)
    content = path.read_bytes()
    assert content[128:132] != b"DICM" and lacks_prefix(content[:HEAD])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.write(path, "IMAGES/1")
    proxy = Proxy(configured(tmp_path / "site"))
    assert take_paths(proxy.spool, [path, tmp_path / "b.zip"], silent) == {RECEIVED: 2}
    proxy.drain(silent)
    assert proxy.queue.counts() == {"de-identified": 1}
    proxy.close()
    (made,) = (proxy.spool.root / "outgoing").rglob("*.dcm")
    assert dcmread(made).PixelData == planted().PixelData and leaks(made.read_bytes()) == []
    run = FolderRun(Policy(), Pseudonymiser(KEY), tmp_path / "out")
    assert run.over(path, silent).written == 1


def test_compressed_pixels_without_a_syntax_are_set_aside(tmp_path: Path) -> None:
    dataset = planted()
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0\xff\xd8\xff\xd9"
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    content = saved(dataset)
    (tmp_path / "a").write_bytes(content[content.index(b"\x08\0\x05\0CS") :])
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, [tmp_path / "a"], silent)
    proxy.drain(silent)
    assert proxy.queue.causes() == {Cause.UNREADABLE: 1}
    proxy.close()


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"\x08\0\0\0", b"\2\0\0\0", b"BM"]
)
def test_other_files_are_not_dicom(content: bytes) -> None:
    head = content.ljust(HEAD, b"\x11")
    assert not begins_as_dicom(head) and not lacks_prefix(head)
    assert not begins_as_dicom(content)


def test_a_deflated_file_without_prefix_is_bounded(tmp_path: Path) -> None:
    dataset = planted()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    (tmp_path / "a").write_bytes(BytesIO(saved(dataset)).getvalue()[132:])
    proxy = Proxy(configured(tmp_path / "site"))
    take_paths(proxy.spool, [tmp_path / "a"], silent)
    proxy.drain(silent)
    assert proxy.queue.causes() == {Cause.UNREADABLE: 1}
    proxy.close()


def test_media_in_lower_case_and_linked_folders_are_not_lost(tmp_path: Path) -> None:
    media, spool = tmp_path / "media", Spool(tmp_path / "spool")
    (media / "images").mkdir(parents=True)
    planted().save_as(media / "images" / "im1", enforce_file_format=True)
    record = Dataset()
    record.ReferencedFileID = ["IMAGES", "IM1"]
    directory = planted()
    directory.DirectoryRecordSequence = [record]
    directory.save_as(media / "dicomdir", enforce_file_format=True)
    assert take_paths(spool, [media / "dicomdir"], silent) == {RECEIVED: 1}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.write(media / "dicomdir", "CD/DICOMDIR")
        packed.write(media / "images" / "im1", "CD/IMAGES/IM1")
    assert take_paths(spool, [tmp_path / "b.zip"], silent) == {RECEIVED: 1}
    (media / "more").symlink_to(tmp_path)
    assert take_paths(spool, [media], silent) == {RECEIVED: 1, "not a regular file, or a linked folder": 1}
