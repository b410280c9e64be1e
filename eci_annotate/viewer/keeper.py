"""Keeps work as it is drawn: each entry is in the journal within a second, snapshots are made while nobody draws.

It never draws and never raises: what goes wrong is told through `trouble`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.tools import save, to_line
from eci_annotate.tools.easel import Easel
from eci_annotate.tools.entries import Entry
from eci_annotate.tools.gestures import Drag

FLUSH_S = 0.4
SNAPSHOT_S = 15.0
SNAPSHOT_ENTRIES = 200
IDLE_S = 1.5


class Draftbook(Protocol):
    """The part of a task that keeps drafts."""

    until: datetime

    def save(self, lines: list[str]) -> None:
        """Append journal lines."""

    def snapshot(self, content: bytes) -> None:
        """Keep the whole work."""

    def answer(self, answers: dict[str, Any]) -> None:
        """Keep the form's answers."""

    def touch(self) -> datetime:
        """Renew the lease."""


def after(delay_s: float, work: Callable[[], None]) -> None:
    """Call later on the kernel's own loop; at once where there is none, as in plain tests."""
    try:
        asyncio.get_running_loop().call_later(delay_s, work)
    except RuntimeError:
        work()


class Keeper:
    """Saves one easel into one task's draft.

    Attributes
    ----------
    saved_at
        When everything so far was last saved; None while something is not.
    lost
        Why nothing can be saved any more, or empty.
    trouble, kept
        Called with an error that a person should read; called when all was saved.
    """

    def __init__(self, task: Draftbook, easel: Easel) -> None:
        self.task, self.easel = task, easel
        self.saved_at: datetime | None = None
        self.lost = ""
        self.trouble: Callable[[EciError], None] = lambda error: None
        self.kept: Callable[[], None] = lambda: None
        self._lines: list[str] = []
        self._since_snapshot = 0
        self._snapshot_s = self._entry_s = time.monotonic()
        self._flush_due = self._idle_due = False
        self._mid_stroke = False

    def note(self, entry: Entry) -> None:
        """Take an entry that was applied."""
        self._lines.append(to_line(entry))
        self._mid_stroke = isinstance(entry, Drag)
        self._since_snapshot += 1
        self._entry_s = time.monotonic()
        self.saved_at = None
        if not self._flush_due:
            self._flush_due = True
            after(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Append what waits to the journal."""
        self._flush_due = False
        lines, self._lines = self._lines, []
        if lines and self._try(lambda: self.task.save(lines)):
            self.saved_at = datetime.now(UTC)
            self.kept()
        if not self._idle_due and self._snapshot_is_due():
            self._idle_due = True
            after(IDLE_S, self._when_idle)

    def _snapshot_is_due(self) -> bool:
        age_s = time.monotonic() - self._snapshot_s
        return self._since_snapshot >= SNAPSHOT_ENTRIES or (self._since_snapshot > 0 and age_s > SNAPSHOT_S)

    def _when_idle(self) -> None:
        self._idle_due = False
        if self._mid_stroke or time.monotonic() - self._entry_s < IDLE_S / 2:
            self._idle_due = True
            after(IDLE_S, self._when_idle)
        else:
            self.snapshot()

    def snapshot(self) -> None:
        """Save everything, whole."""
        self.flush()
        if self._since_snapshot and self._try(lambda: self.task.snapshot(save(self.easel))):
            self._since_snapshot, self._snapshot_s = 0, time.monotonic()

    def answer(self, answers: dict[str, Any]) -> None:
        """Save the form as it is."""
        if self._try(lambda: self.task.answer(answers)):
            self.saved_at = datetime.now(UTC)

    def touch(self) -> None:
        """The person is there."""
        self._try(self.task.touch)

    def _try(self, work: Callable[[], object]) -> bool:
        if self.lost:
            return False
        try:
            work()
        except EciError as error:
            self.lost = str(error) if isinstance(error, LeaseLost) else ""
            self.trouble(error)
            return False
        return True
