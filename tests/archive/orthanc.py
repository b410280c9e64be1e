"""An Orthanc of Debian: DICOMweb archive, and PACS for C-FIND, C-GET and C-MOVE."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.patience import until
from tests.ports import free_ports

TITLE, PLUGIN = "ORTHANC", "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


@dataclass(frozen=True)
class Orthanc:
    """Where it is."""

    http: int
    dicom: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    @property
    def dicomweb(self) -> str:
        return f"{self.url}/dicom-web"


@contextmanager
def orthanc(folder: Path, peers: dict[str, tuple[str, int]] | None = None) -> Iterator[Orthanc]:
    """A server with an empty store; `peers` may be sent to by C-MOVE (title: host and port)."""
    port = free_ports(2)
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "store"), "IndexDirectory": str(folder / "store"),
        "Plugins": [PLUGIN], "HttpPort": port, "DicomPort": port + 1, "DicomAet": TITLE, "HttpServerEnabled": True,
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True,
        "DicomModalities": {name: [name, *where] for name, where in (peers or {}).items()},
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowMove": True,
        "DicomCheckCalledAet": False, "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log)
    made = Orthanc(port, port + 1)
    try:
        _await(made, process, folder / "log")
        yield made
    finally:
        process.kill()
        process.wait()


def _await(made: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{made.url}/system", timeout=2).is_success
        return False

    if not until(lambda: answers() or process.poll() is not None) or process.poll() is not None:
        raise RuntimeError(log.read_text(errors="replace")[-2000:])
