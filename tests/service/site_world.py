"""A site's de-identified files, and its credential at the service."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx

from eci_annotate.deid.folder_run import FolderRun
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.sites.site_credentials import issue
from tests.service.service_world import P

KEY = bytes(range(32))


def deidentified(folder: Path, kind: str = "tiny", policy: Policy | None = None) -> list[Path]:
    """A phantom as a site would send it."""
    write_phantom(folder / "original", kind)
    FolderRun(policy or Policy(), Pseudonymiser(KEY), folder / "sent").over(folder / "original", lambda *_: None)
    return sorted((folder / "sent").rglob("*.dcm"))


def owner(folder: Path) -> LocalBackend:
    backend = open(folder).backend
    assert isinstance(backend, LocalBackend)
    return backend


def token(folder: Path, site: str = "KAU") -> str:
    return issue(owner(folder), P, site)[1]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Site:
    """Asks the service as a proxy does."""

    def __init__(self, address: str, credential: str) -> None:
        self.client = httpx.Client(
            base_url=f"{address}/api/site", headers={"Authorization": f"Bearer {credential}"}, timeout=60
        )

    def send(self, content: bytes, digest: str = "", offset: int = 0, size: int = 0) -> httpx.Response:
        digest = digest or hashlib.sha256(content).hexdigest()
        where = {"offset": offset, "size": size or len(content)}
        return self.client.put(f"files/{digest}", params=where, content=content)

    def states(self, *digests: str) -> dict[str, dict[str, str]]:
        return self.client.post("states", json={"digests": list(digests)}).json()

    def ingest(self) -> int:
        return self.client.post("ingest").json()["decided"]
