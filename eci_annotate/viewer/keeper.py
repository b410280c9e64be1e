"""Keeps work as it is drawn: each entry is in the journal within a second, snapshots are made while nobody draws.

What a person does renews the lease; before it ends she is warned. It never draws and never raises: what goes wrong
is told through `trouble`, and what could not be saved is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.tools import save, to_line
from eci_annotate.tools.easel import Easel
from eci_annotate.tools.entries import Entry
from eci_annotate.tools.gestures import Drag, Press
from eci_annotate.viewer.ticking import after, is_ticking

FLUSH_S = 0.4
SNAPSHOT_S = 15.0
SNAPSHOT_ENTRIES = 200
IDLE_S = 1.5
RETRY_S = 5.0
WARN = timedelta(minutes=5)


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


def standing(until: datetime, now: datetime) -> tuple[str, bool]:
    """How long a task is still yours, in words; and whether that is so short that the person must be warned."""
    at = f"{until.astimezone():%H:%M}"
    if until - now >= WARN:
        return f"yours until {at}", False
    minutes = max(-(-int((until - now).total_seconds()) // 60), 1)
    return f"Yours for {minutes} min more, until {at}. To keep it, go on working.", True


class Keeper:
    """Saves one easel into one task's draft.

    Attributes
    ----------
    saved_at
        When everything so far was last saved; None while something is not.
    lost
        Why nothing can be saved any more, or empty.
    unsaved
        Whether something was done that is in no draft.
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
        self._answers: dict[str, Any] | None = None
        self._since_snapshot = 0
        self._snapshot_s = self._entry_s = time.monotonic()
        self._flush_due = self._idle_due = False
        self._mid_stroke = False

    def note(self, entry: Entry) -> None:
        """Take an entry that was applied."""
        self._lines.append(to_line(entry))
        self._mid_stroke = isinstance(entry, (Press, Drag))
        self._since_snapshot += 1
        self._entry_s = time.monotonic()
        self.saved_at = None
        self._soon(FLUSH_S)

    def answer(self, answers: dict[str, Any]) -> None:
        """Take the form as it is now."""
        self._answers, self.saved_at = answers, None
        self._soon(FLUSH_S)

    @property
    def unsaved(self) -> bool:
        return bool(self._lines) or self._answers is not None

    def _soon(self, delay_s: float) -> None:
        if not self._flush_due:
            self._flush_due = True
            after(delay_s, self._when_due)

    def _when_due(self) -> None:
        self._flush_due = False
        self.flush()

    def flush(self) -> None:
        """Save what waits; what cannot be saved now waits on, in its order."""
        if self.unsaved and self._save_lines() and self._save_answers():
            self.saved_at = datetime.now(UTC)
            self.touch()
            self.kept()
        if self.unsaved and not self.lost and is_ticking():
            self._soon(RETRY_S)
        if is_ticking() and not self._idle_due and self._snapshot_is_due():
            self._idle_due = True
            after(IDLE_S, self._when_idle)

    def _save_lines(self) -> bool:
        if self._lines and not self._try(lambda: self.task.save(self._lines)):
            return False
        self._lines = []
        return True

    def _save_answers(self) -> bool:
        answers = self._answers
        if answers is not None and not self._try(lambda: self.task.answer(answers)):
            return False
        self._answers = None
        return True

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
        if self._since_snapshot and not self.unsaved and self._try(lambda: self.task.snapshot(save(self.easel))):
            self._since_snapshot, self._snapshot_s = 0, time.monotonic()

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
