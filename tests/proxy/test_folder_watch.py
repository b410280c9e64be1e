"""Files that appear in a folder: taken when whole, whatever clocks say, and none keeps others waiting."""

from __future__ import annotations

import os
import time
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from eci_annotate.errors import NoImages
from eci_annotate.proxy.receive import folder_watch
from eci_annotate.proxy.receive.file_sources import DAMAGED, NESTED, take_paths
from eci_annotate.proxy.receive.folder_watch import WatchedFolder
from eci_annotate.proxy.spool import Spool
from tests.proxy.proxy_world import hospital


def silent(what: str, done: int, of: int) -> None:
    return None


def test_a_file_is_taken_when_it_was_seen_unchanged_whatever_its_time_says(tmp_path: Path) -> None:
    path, now, spool = hospital(tmp_path / "inbox")[0], [0.0], Spool(tmp_path / "spool")
    content = path.read_bytes()
    watched = WatchedFolder(tmp_path / "inbox", 5.0, lambda: now[0])
    for size, shift in ((500, 0), (900, -86400), (len(content), 86400)):  # a copy that stalls; old and future times
        path.write_bytes(content[:size])
        os.utime(path, (time.time() + shift,) * 2)
        now[0] += 4.0
        watched.step(spool)
        assert path.exists()
    now[0] += 5.0
    assert watched.step(spool) and not path.exists()


def test_a_file_that_changes_while_it_is_read_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, spool = hospital(tmp_path / "inbox")[0], Spool(tmp_path / "spool")
    for other in [each for each in path.parent.iterdir() if each != path]:
        other.unlink()
    whole = path.read_bytes()
    path.write_bytes(whole[:600])

    def take(*given: object) -> object:
        counts = take_paths(*given)  # type: ignore[arg-type]
        path.write_bytes(whole)
        return counts

    monkeypatch.setattr(folder_watch, "take_paths", take)
    watched = WatchedFolder(tmp_path / "inbox", 0.0)
    assert watched.step(spool) == 0 and path.read_bytes() == whole
    monkeypatch.undo()
    watched.step(spool)
    assert watched.step(spool) + (not path.exists()) and not path.exists()


def test_what_cannot_be_taken_keeps_nothing_waiting(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    number = len(hospital(inbox))
    (inbox / "0").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inbox / "1")
    watched = WatchedFolder(inbox, 0.0)
    assert watched.step(Spool(tmp_path / "spool")) == number


def test_nothing_received_says_why_and_a_damaged_member_costs_itself(tmp_path: Path) -> None:
    files, spool, inner = hospital(tmp_path / "hospital")[:2], Spool(tmp_path / "spool"), BytesIO()
    with zipfile.ZipFile(inner, "w") as packed:
        packed.write(files[0], "a.dcm")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("b.zip", inner.getvalue())
    with pytest.raises(NoImages, match="1 ZIP inside a ZIP: unpack it"):
        take_paths(spool, [tmp_path / "a.zip"], silent)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr("b.zip", inner.getvalue())
        for name, each in zip("ab", files, strict=True):
            packed.write(each, name)
    raw = bytearray((tmp_path / "b.zip").read_bytes())
    raw[raw.rindex(files[0].read_bytes()) + 600] ^= 1
    (tmp_path / "b.zip").write_bytes(raw)
    assert take_paths(spool, [tmp_path / "b.zip"], silent) == {"received": 1, DAMAGED: 1, NESTED: 1}
