"""Whatever is changed behind the repository's back, `verify` says loudly, and what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

import eci_annotate as eci
from eci_annotate.errors import EciError, Tampered
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines


@pytest.fixture(scope="module")
def signed_folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one signed version."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("signed") / "repository"))
    task = eci.open(folder).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    return folder


@pytest.fixture
def changed(signed_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(signed_folder, tmp_path / "repository"))


def swap(pattern: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        paths = [path for path in folder.glob(pattern) if path.is_file() and old in path.read_bytes()]
        assert paths
        for path in paths:
            path.write_bytes(path.read_bytes().replace(old, new))

    return act


def flip(role: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (part,) = eci.open(folder).signed(S, "annotate", 1).event.manifest.of(role)
        path = folder / "blobs" / "of" / P / S / part.digest[:2] / part.digest[2:]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return act


def change_pixel(folder: Path) -> None:
    path = next(p for p in sorted((folder / "archive").rglob("*.dcm")) if pydicom.dcmread(p).Modality == "CT")
    dataset = pydicom.dcmread(path)
    dataset.PixelData = bytes([dataset.PixelData[0] ^ 1]) + dataset.PixelData[1:]
    dataset.save_as(path)


def lose_image(folder: Path) -> None:
    next(p for p in (folder / "archive").rglob("*.dcm") if pydicom.dcmread(p).Modality == "CT").unlink()


def cut_last_event(folder: Path) -> None:
    path = next((folder / "streams").rglob(f"{S}.json"))
    text = path.read_text()
    assert '"6":' not in text
    path.write_text(text.replace('"name":"enrolled.1"', '"name":"enrolled.2"'))


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "meaning": (swap("streams/subject/*/*.json", b"in three planes", b"in three plains"), "event chain"),
    "holder": (swap("streams/subject/*/*.json", b'"by":"anna"', b'"by":"ruth"'), "event chain"),
    "member": (swap("streams/project/*.json", b'"site":"KAU"', b'"site":"KAX"'), "event chain"),
    "event name": (cut_last_event, "event"),
    "report": (flip("report"), "report"),
    "journal": (flip("journal"), "journal"),
    "snapshot": (flip("snapshot"), "snapshot"),
    "use case": (swap("blobs/*/*", b"Liver lesions in CT", b"Liver legions in CT"), "use case"),
    "structure set": (swap("archive/*/*/*/*.dcm", b"lesion 1", b"lesion 2"), "RTSTRUCT"),
    "pixel": (change_pixel, "pixels"),
    "image lost": (lose_image, "pixels"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found_and_named(changed: Path, change: str) -> None:
    assert eci.open(changed).verify().passed
    act, named = CHANGES[change]
    act(changed)
    with pytest.raises(EciError) as caught:
        eci.open(changed).verify()
    assert isinstance(caught.value, Tampered)
    assert named in str(caught.value) or "damaged" in str(caught.value) or "does not know" in str(caught.value)
