"""Drafts in a folder: one journal of JSON lines per task and fence; only the newest fence may write to it.

Each entry has been passed to the operating system when `append` returns, and is on the disk within a second.
An incomplete last line was never acknowledged: reading ignores it, and the next append cuts it off.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from eci_annotate.errors import EciError
from eci_annotate.store.atomic_files import append_whole, locked, mend_tail, sync_folder, write_atomic, writing
from eci_annotate.store.fences import HeadsOf, append_each, check_fence, check_open, no_heads
from eci_annotate.store.protocols import Address, DraftPart, Holder, Record, check_scope, check_stream, place_of
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json

_SYNC_S = 1.0


class FolderDrafts:
    """DraftStore in a folder, for many processes on one machine; `heads_of` as of the EventStore beside it."""

    def __init__(self, folder: Path, heads_of: HeadsOf = no_heads) -> None:
        self._folder, self._heads_of = folder, heads_of
        self._due: set[Path] = set()
        self._due_lock = Lock()
        self._syncing: Thread | None = None

    def open(self, address: Address, holder: Holder) -> None:
        folder = self._of(address)
        with writing(), locked(folder / "lock"):
            now = _read_holder(folder)
            if now is not None and now.fence >= holder.fence:
                check_fence(now, holder.fence)
                if now.closed:
                    write_atomic(folder / "holder.json", canonical(to_json(replace(now, closed=False))))
                return
            head = canonical({"h": to_json(holder)}) + b"\n"
            write_atomic(_journal(folder, holder.fence), head + _carried(folder, holder))
            write_atomic(folder / "holder.json", canonical(to_json(holder)))

    def holder(self, address: Address) -> Holder | None:
        return _read_holder(self._of(address))

    def renew(self, address: Address, fence: int, until: datetime, *, close: bool = False) -> None:
        folder = self._of(address)
        with writing(), locked(folder / "lock"):
            now = check_fence(_read_holder(folder), fence)
            holder = replace(now, until=until, closed=now.closed or close)
            write_atomic(folder / "holder.json", canonical(to_json(holder)))

    def append(self, address: Address, fence: int, entries: Sequence[Record]) -> None:
        if not entries:
            return
        folder = self._of(address)
        content = b"".join(canonical(entry) + b"\n" for entry in entries)
        with writing(), locked(folder / "lock"):
            check_open(_read_holder(folder), fence)
            _append(_journal(folder, fence), content)
        self._sync_soon(_journal(folder, fence))

    def _sync_soon(self, path: Path) -> None:
        with self._due_lock:
            self._due.add(path)
            if self._syncing is None:
                self._syncing = Thread(target=self._sync_due, daemon=True)
                self._syncing.start()

    def _sync_due(self) -> None:
        """Flush pending journals after a delay, until none is pending; one thread for all journals."""
        while True:
            time.sleep(_SYNC_S)
            with self._due_lock:
                due = list(self._due)
                if not due:
                    self._syncing = None
                    return
            for path in due:
                with suppress(OSError):  # its subject was withdrawn in the meantime
                    self._sync_now(path)

    def _sync_now(self, path: Path) -> None:
        with self._due_lock:
            self._due.discard(path)
        if not path.exists():
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        return append_each(self, parts, self._heads_of)

    def sync(self, address: Address, fence: int) -> None:
        self._sync_now(_journal(self._of(address), fence))

    def read(self, address: Address, fence: int) -> list[Record]:
        path = _journal(self._of(address), fence)
        if not path.exists():
            return []
        rows = path.read_bytes().split(b"\n")[1:-1]
        return [_entry(row) for row in rows]

    def addresses(self, project: str = "") -> list[Address]:
        found = self._folder.glob(f"{check_stream(project) if project else '*'}/*/*/*.jsonl")
        return sorted({Address(*path.parent.relative_to(self._folder).parts) for path in found})

    def openings(self, address: Address) -> list[Holder]:
        return [_opening(path.read_bytes().partition(b"\n")[0]) for path in _journals(self._of(address))]

    def drop(self, project: str, subject: str) -> int:
        tasks = (self._folder / check_scope(f"{project}/{subject}")).glob("*/")
        return sum(_empty(task) for task in tasks)

    def _of(self, address: Address) -> Path:
        return self._folder / place_of(address)


def _empty(folder: Path) -> int:
    """Delete a draft's files except its lock, the holder first, so that nobody can write any more."""
    with writing(), locked(folder / "lock"):
        journals = _journals(folder)
        remains = [path for path in folder.iterdir() if path.name not in ("lock", "holder.json")]
        for path in (folder / "holder.json", *remains):
            path.unlink(missing_ok=True)
        sync_folder(folder)
    return len(journals)


def _journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.jsonl"), key=lambda path: int(path.stem))


def _opening(head: bytes) -> Holder:
    return from_json(Holder, parse(head, "A draft's journal").get("h"))


def _journal(folder: Path, fence: int) -> Path:
    return folder / f"{fence:06d}.jsonl"


def _entry(row: bytes) -> Record:
    """Return the entry of a line; a damaged line is no reason to lose the others, and becomes an empty entry."""
    try:
        entry: Any = json.loads(row)
        if isinstance(entry, dict):
            return entry
    except ValueError:
        pass
    return {}


def _append(path: Path, content: bytes) -> None:
    with writing():
        handle = os.open(path, os.O_RDWR | os.O_APPEND)
    try:
        mend_tail(handle)
        append_whole(handle, content)
    finally:
        os.close(handle)


def _read_holder(folder: Path) -> Holder | None:
    try:
        content = (folder / "holder.json").read_bytes()
    except FileNotFoundError:
        return None
    return from_json(Holder, parse(content, "A draft's holder file"))


def _carried(folder: Path, holder: Holder) -> bytes:
    for path in reversed(_journals(folder)):
        head, _, rest = path.read_bytes().partition(b"\n")
        past = _opening(head)
        if (past.owner, past.version) == (holder.owner, holder.version) and past.fence < holder.fence:
            return rest[: rest.rfind(b"\n") + 1]
    return b""
