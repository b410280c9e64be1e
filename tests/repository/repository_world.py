"""A repository with one tiny phantom subject, two members, and a stroke to draw; made once, copied per test."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import credential, find
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import KeyIdentity
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.workflow.trust.certificates import Authority
from eci_annotate.workflow.trust.rsa_keys import PrivateKey

P, S = "liver-ct", "ECI_KAU_S0001"
MEANING = "I drew this and checked it in three planes"
ANSWERS: dict[str, Any] = {
    "image_quality": "good",
    "lesions": [{"label": "lesion 1", "segment": "IVa", "size_mm": 49.0, "classification": "cyst", "confidence": 4}],
}


def make(root: Path, dsn: str = "") -> Path:
    """A repository below `root`, kept in a database if one is given; its folder."""
    write_phantom(root / "dicom", "tiny")
    folder = root / "repository"
    create_repository(folder, project=P, member="anna", site="KAU", dsn=dsn)
    repository = open(folder)
    import_folders(local(repository), [root / "dicom"], project=P, site="KAU")
    for name, role in (("ben", "annotator"), ("ruth", "reviewer")):
        add_member(repository, find(folder), name, project=P, roles=(role,), site="KAU")
    return folder


def local(repository: Repository) -> LocalBackend:
    """The repository's backend, which is a local one here."""
    assert isinstance(repository.backend, LocalBackend)
    return repository.backend


def as_member(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str) -> Repository:
    """The repository, opened by the member with this name's key file."""
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members" / f"{name}.key"))
    return open(folder)


def certified(out: Path, person: str, passphrase: str) -> tuple[Authority, PrivateKey]:
    """An institution and a key that it certified; `out` has ca.pem, person.pem, and key.pem under the passphrase."""
    now, key = datetime.now(UTC), PrivateKey.generate(2048)
    institution = Authority.found("University Hospital", now)
    closed = serialization.BestAvailableEncryption(passphrase.encode())
    pem = key.rsa.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, closed)
    (out / "key.pem").write_bytes(pem)
    (out / "ca.pem").write_text(institution.certificate)
    (out / "person.pem").write_text(institution.issue(person, key.rsa.public_key(), now))
    return institution, key


def anchor(folder: Path) -> str:
    """The certificate (PEM) of a repository's own authority."""
    return (folder / "authority" / "ca.pem").read_text()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def open_at(folder: Path, clock: Clock, session: str = "one") -> Repository:
    """The repository under a clock that the test sets."""
    layout = find(folder)
    backend = LocalBackend(Context.from_layout(layout, clock), KeyIdentity(layout, credential(layout), session))
    return Repository(backend, backend.images)


def lines(task: Task, label: str = "lesion 1", tool: str = "box", uid: str = "u1") -> list[str]:
    """Journal lines that draw one annotation in the middle of the volume."""
    grid = grid_of(task.volume())
    middle = np.array(grid.shape) / 2

    def at(*off: float) -> tuple[float, float, float]:
        x, y, z = (float(each) for each in grid.reference_from_image(middle + np.array(off)))
        return x, y, z

    plane = Plane("axial", at(0, 0, 0), grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
    series = task.hanging().first
    entries: list[Any] = [
        Show(str(series)),
        Add(uid, tool, label, (255, 0, 0), str(series)),
        Press(at(0, 0, 0), plane),
        Drag((at(0, 2, 3), at(0, 4, 5)), plane),
        Release(at(0, 4, 5), plane),
    ]
    return [to_line(entry) for entry in entries]


def means_the_same(bad: bytes | bytearray, good: bytes) -> bool:
    """Whether the events are those that they were; the card beside them only repeats what they say."""
    try:
        told, known = json.loads(bad), json.loads(good)
    except ValueError:
        return False
    return bool(told == known or ("events" in known and told.get("events") == known["events"]))
