"""Who read, exported or was refused what: one append-only file of chained lines per month, never rewritten."""

from __future__ import annotations

import json
import os
from pathlib import Path

from eci_annotate.errors import Tampered
from eci_annotate.store.files import append_whole, locked, mend_tail, writing
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.codec import canonical
from eci_annotate.workflow.sealing import START, check_chain, link


class AccessLog:
    """Access streams in a folder; `month` is e.g. ``2026-01``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, month: str, record: Record) -> None:
        """Add a record ``{"name": ..., "data": ...}``, chained to the one before."""
        path = self._folder / f"{month}.jsonl"
        with locked(self._folder / "lock"), writing():
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                mend_tail(handle)
                count, previous = _last(handle)
                row = {"n": count, **link(month, count, record, previous)}
                append_whole(handle, canonical(row) + b"\n")
            finally:
                os.close(handle)

    def read(self, month: str) -> list[Record]:
        """All records of a month; Tampered when the chain is broken."""
        path = self._folder / f"{month}.jsonl"
        rows = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        try:
            records = [json.loads(row) for row in rows]
            for record in records:
                record.pop("n")
        except (ValueError, KeyError, AttributeError) as error:
            raise Tampered("The access stream is damaged.", "Restore it from a backup.") from error
        check_chain(month, records)
        return records

    def months(self) -> list[str]:
        """The months that there are, oldest first."""
        return sorted(path.stem for path in self._folder.glob("*.jsonl"))


def _last(handle: int) -> tuple[int, str]:
    size, step = os.fstat(handle).st_size, 4096
    while size:
        begin = max(0, size - step)
        rows = os.pread(handle, size - begin, begin).split(b"\n")
        if begin == 0 or len(rows) > 2:
            row = json.loads(rows[-2])
            return row["n"] + 1, row["digest"]
        step *= 4
    return 0, START
