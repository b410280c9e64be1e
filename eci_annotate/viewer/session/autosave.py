"""Keeps work as it is drawn: each entry is in the journal within a second, snapshots are made while nobody draws.

What a person does renews the lease; before it ends she is warned. It never draws and never raises: what goes wrong
is told through `trouble`, and what could not be saved is tried again. Saving is done in a thread, one batch at a
time: a slow disk or a cut line never holds up the hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.tools import save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Entry
from eci_annotate.tools.gestures import Drag, Press
from eci_annotate.viewer.session.event_loop import after, is_ticking, poster

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


@dataclass(frozen=True)
class Batch:
    """What is saved at once: lines, the form if it changed, the whole work if that is due."""

    lines: list[str]
    answers: dict[str, Any] | None
    whole: bytes | None = None


@dataclass(frozen=True)
class Saved:
    """What came of a batch: what was kept of it, and the error that stopped it."""

    batch: Batch
    lines: bool = False
    answers: bool = False
    whole: bool = False
    error: EciError | None = None


def send(task: Draftbook, batch: Batch) -> Saved:
    """Save a batch, in its order."""
    lines = answers = whole = False
    try:
        if batch.lines:
            task.save(batch.lines)
        lines = True
        if batch.answers is not None:
            task.answer(batch.answers)
        answers = True
        if batch.whole is not None:
            task.snapshot(batch.whole)
        whole = batch.whole is not None
        task.touch()
    except EciError as error:
        return Saved(batch, lines, answers, whole, error)
    return Saved(batch, lines, answers, whole)


class Keeper:
    """Saves one easel into one task's draft.

    Attributes
    ----------
    saved_at
        When everything so far was last saved; None while something is not.
    safe_at
        When everything was saved for the last time, or the work was opened.
    failing
        Whether the last try to save came to nothing; it is told once, and tried again and again.
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
        self.safe_at = datetime.now(UTC)
        self.failing = False
        self.lost = ""
        self.trouble: Callable[[EciError], None] = lambda error: None
        self.kept: Callable[[], None] = lambda: None
        self._lines: list[str] = []
        self._answers: dict[str, Any] | None = None
        self._since_snapshot = 0
        self._snapshot_s = self._entry_s = time.monotonic()
        self._flush_due = self._idle_due = False
        self._mid_stroke = False
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._under_way: Future[Saved] | None = None

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

    @property
    def said(self) -> str:
        """How it stands with saving, in words."""
        if self.failing:
            return f"not saved since {self.safe_at.astimezone():%H:%M:%S}"
        return f"saved {self.saved_at.astimezone():%H:%M:%S}" if self.saved_at else "saving …"

    def _soon(self, delay_s: float) -> None:
        if not self._flush_due:
            self._flush_due = True
            after(delay_s, self._when_due)

    def _when_due(self) -> None:
        self._flush_due = False
        self.flush()

    def flush(self) -> None:
        """Save what waits; what cannot be saved now waits on, in its order."""
        if self.unsaved:
            self._save(Batch(list(self._lines), self._answers))
        if is_ticking() and not self._idle_due and self._snapshot_is_due():
            self._idle_due = True
            after(IDLE_S, self._when_idle)

    def _save(self, batch: Batch) -> None:
        """In the thread where there is a loop to come back to; at once where not."""
        if self.lost or self._under_way is not None:
            return
        if not is_ticking():
            self._take(send(self.task, batch))
            return
        future = self._under_way = self._thread.submit(send, self.task, batch)
        post = poster()
        future.add_done_callback(lambda done: post(lambda: self._come_back(done)))

    def _come_back(self, future: Future[Saved]) -> None:
        if future is self._under_way:
            self._under_way = None
            self._take(future.result())

    def settle(self) -> None:
        """Wait for what is being saved."""
        if self._under_way is not None:
            future = self._under_way
            future.exception()
            self._come_back(future)

    def _take(self, saved: Saved) -> None:
        """Forget what was kept; say what went wrong, and try again."""
        if saved.lines:
            del self._lines[: len(saved.batch.lines)]
        if saved.answers and self._answers is saved.batch.answers:
            self._answers = None
        if saved.whole:
            self._since_snapshot, self._snapshot_s = 0, time.monotonic()
        if saved.error is not None:
            self._fail(saved.error)
        elif not self.unsaved:
            self.saved_at = self.safe_at = datetime.now(UTC)
            self.failing = False
            self.kept()
        if self.unsaved and not self.lost and is_ticking():
            self._soon(RETRY_S if saved.error is not None else FLUSH_S)

    def _fail(self, error: EciError) -> None:
        if self.lost:
            return
        self.lost = str(error) if isinstance(error, LeaseLost) else ""
        if self.lost or not self.failing:
            self.failing = True
            self.trouble(error)

    def _snapshot_is_due(self) -> bool:
        age_s = time.monotonic() - self._snapshot_s
        return self._since_snapshot >= SNAPSHOT_ENTRIES or (self._since_snapshot > 0 and age_s > SNAPSHOT_S)

    def _when_idle(self) -> None:
        self._idle_due = False
        if self._mid_stroke or self._under_way is not None or time.monotonic() - self._entry_s < IDLE_S / 2:
            self._idle_due = True
            after(IDLE_S, self._when_idle)
        elif self._since_snapshot:
            self._save(Batch(list(self._lines), self._answers, save(self.easel)))

    def snapshot(self) -> None:
        """Save everything, whole, and wait for it."""
        self.settle()
        if self.unsaved or self._since_snapshot:
            whole = save(self.easel) if self._since_snapshot else None
            self._save(Batch(list(self._lines), self._answers, whole))
            self.settle()

    def touch(self) -> None:
        """The person is there."""
        self._save(Batch([], None))
