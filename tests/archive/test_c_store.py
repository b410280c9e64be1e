"""C-STORE out to DCMTK's storescp."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread
from pynetdicom import AE, AllStoragePresentationContexts, evt

from eci_annotate.archive.c_store import DicomNode, send
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.errors import StoreUnavailable
from tests.patience import listens, until
from tests.ports import free_port

pytestmark = pytest.mark.needs_debian


@pytest.mark.parametrize(("status", "is_taken"), [(0xB000, True), (0xB007, True), (0xA700, False), (0x0110, False)])
def test_a_file_that_is_taken_with_a_warning_is_taken(tmp_path: Path, status: int, is_taken: bool) -> None:
    files, port, entity = write_phantom(tmp_path / "dicom", "tiny")[:2], free_port(), AE("STORE")
    entity.supported_contexts = AllStoragePresentationContexts
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: status)])
    try:
        if is_taken:
            assert send(DicomNode("STORE", "127.0.0.1", port), files) == 2
        else:
            with pytest.raises(StoreUnavailable, match="0 files before it"):
                send(DicomNode("STORE", "127.0.0.1", port), files)
    finally:
        server.shutdown()


def test_files_arrive_at_storescp_as_they_are(tmp_path: Path) -> None:
    files, port, inbox = write_phantom(tmp_path / "dicom", "tiny"), free_port(), tmp_path / "inbox"
    inbox.mkdir()
    words = ["storescp", "--aetitle", "STORE", "-od", inbox, "+xa", str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        assert until(lambda: listens(port))
        try:
            assert send(DicomNode("STORE", "127.0.0.1", port), files) == len(files)
        finally:
            process.kill()
    arrived = {dcmread(path).SOPInstanceUID: dcmread(path) for path in inbox.iterdir()}
    for path in files:
        sent = dcmread(path)
        assert arrived[sent.SOPInstanceUID] == sent
        assert arrived[sent.SOPInstanceUID].file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    with pytest.raises(StoreUnavailable):
        send(DicomNode("STORE", "127.0.0.1", port), files)
