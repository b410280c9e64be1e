"""Save work while it is drawn: each entry is in the journal within a second; snapshots are made while nobody draws.

User activity renews the lease. Autosave never draws and never raises: failures go to its listener, and what could not
be saved is retried. Saving runs in a thread, one batch at a time: a slow disk or a broken connection never delays
drawing. `save_state` decides when to save; this module carries it out.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from eci_annotate.errors import EciError, LeaseLost
from eci_annotate.tools import save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Entry
from eci_annotate.tools.gestures import Drag, Press
from eci_annotate.viewer.plain_error import plain
from eci_annotate.viewer.session.event_loop import LOOP, Scheduler
from eci_annotate.viewer.session.save_state import (
    Action,
    Announce,
    Changed,
    Clean,
    Closed,
    Due,
    Event,
    Lost,
    Report,
    SendBatch,
    Sent,
    State,
    Wait,
    is_usable,
    step,
    words,
)

SNAPSHOT_S = 15.0
Answers = tuple[dict[str, Any], dict[str, Any] | None]
SNAPSHOT_ENTRIES = 200
IDLE_S = 1.5
WARN = timedelta(minutes=5)


class Draftbook(Protocol):
    """The part of a task that stores drafts."""

    until: datetime

    def save(self, lines: list[str]) -> None:
        """Append journal lines."""

    def snapshot(self, content: bytes) -> None:
        """Store the whole work."""

    def answer(self, answers: dict[str, Any], checks: dict[str, Any] | None = None) -> None:
        """Store the form's answers, and what is stated of slots and series."""

    def touch(self) -> datetime:
        """Renew the lease."""


class SaveListener(Protocol):
    """Receiver of the results of saving."""

    def saving_failed(self, error: EciError) -> None:
        """Report that something could not be saved; called once, until saving works again."""

    def saved(self) -> None:
        """Report that everything is saved."""


def lease_words(until: datetime, now: datetime) -> tuple[str, str]:
    """Return how long the task is still leased, for the title line, and a warning if that is short."""
    at = f"{until.astimezone():%H:%M}"
    if until - now >= WARN:
        return f"yours until {at}", ""
    minutes = max(-(-int((until - now).total_seconds()) // 60), 1)
    return f"yours for {minutes} min more", f"Yours for {minutes} min more, until {at}. Continue working to keep it."


@dataclass(frozen=True)
class Batch:
    """What is saved at once: lines, the form if it changed, and a snapshot if one is due."""

    lines: list[str]
    answers: Answers | None
    whole: bytes | None = None


@dataclass(frozen=True)
class Saved:
    """Result of a batch: which parts were saved, and the error that stopped it."""

    batch: Batch
    lines: bool = False
    answers: bool = False
    whole: bool = False
    error: EciError | None = None


def send(task: Draftbook, batch: Batch) -> Saved:
    """Save the parts of a batch in order."""
    lines = answers = whole = False
    try:
        if batch.lines:
            task.save(batch.lines)
        lines = True
        if batch.answers is not None:
            task.answer(*batch.answers)
        answers = True
        if batch.whole is not None:
            task.snapshot(batch.whole)
        whole = batch.whole is not None
        task.touch()
    except EciError as error:
        return Saved(batch, lines, answers, whole, error)
    return Saved(batch, lines, answers, whole)


class Autosave:
    """Saves one easel into one task's draft.

    Parameters
    ----------
    task
        Stores drafts.
    easel
        Source of snapshots.
    listener
        Is notified of failures and of success.
    scheduler
        Provides the time and runs work later.

    Attributes
    ----------
    state
        State of saving.
    safe_at
        When everything was last saved, or the work was opened.
    """

    def __init__(self, task: Draftbook, easel: Easel, listener: SaveListener, scheduler: Scheduler = LOOP) -> None:
        self.task, self.easel, self._listener, self._scheduler = task, easel, listener, scheduler
        self.state: State = Clean()
        self.safe_at = scheduler.now()
        self._lines: list[str] = []
        self._answers: Answers | None = None
        self._whole_wanted = self._idle_due = self._mid_stroke = False
        self._since_snapshot = 0
        self._snapshot_s = self._entry_s = scheduler.elapsed_s()
        self._thread = ThreadPoolExecutor(1, "autosave")
        self._under_way: Future[Saved] | None = None

    # -- input ---------------------------------------------------------------------
    def note(self, entry: Entry) -> None:
        """Record an entry that was applied."""
        self._lines.append(to_line(entry))
        self._mid_stroke = isinstance(entry, (Press, Drag))
        self._since_snapshot += 1
        self._entry_s = self._scheduler.elapsed_s()
        self._changed()

    def answer(self, answers: dict[str, Any], checks: dict[str, Any] | None = None) -> None:
        """Record the current answers of the form, and what is stated of slots and series."""
        self._answers = answers, checks
        self._changed()

    def touch(self) -> None:
        """Renew the lease after user activity."""
        self._dispatch(Due())

    def close(self, why: str) -> None:
        """Stop saving; the first reason is kept."""
        self._dispatch(Closed(why))

    def lose(self, error: LeaseLost) -> None:
        """Stop saving because another session has the task now, and report it once."""
        if not self.lost:
            self.close(plain(error))
            self._listener.saving_failed(error)

    def snapshot(self) -> None:
        """Save everything including a snapshot, and wait for it."""
        self.settle()
        if is_usable(self.state) and (self.unsaved or self._since_snapshot):
            self._whole_wanted = self._since_snapshot > 0
            self._dispatch(Due())
            self.settle()

    def settle(self) -> None:
        """Wait for the batch being saved."""
        if self._under_way is not None:
            future = self._under_way
            future.exception()
            self._come_back(future)

    # -- state ---------------------------------------------------------------------
    @property
    def unsaved(self) -> bool:
        """Whether there are changes that are in no draft."""
        return bool(self._lines) or self._answers is not None

    @property
    def lost(self) -> str:
        """Why nothing can be saved any more, or empty."""
        return self.state.why if isinstance(self.state, Lost) else ""

    @property
    def words(self) -> str:
        """State of saving, for the title line."""
        return words(self.state, self.safe_at)

    # -- implementation ------------------------------------------------------------
    def _changed(self) -> None:
        self._dispatch(Changed())
        if not self._scheduler.is_ticking():
            self._dispatch(Due())

    def _dispatch(self, event: Event) -> None:
        self.state, actions = step(self.state, event, self._scheduler.now())
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Wait(seconds):
                if self._scheduler.is_ticking():
                    self._scheduler.after(seconds, lambda: self._dispatch(Due()))
            case SendBatch():
                self._send()
            case Report(error):
                self._listener.saving_failed(error)
            case Announce():
                self.safe_at = self._scheduler.now()
                self._listener.saved()

    def _send(self) -> None:
        """Send in a thread if there is a loop to return to, otherwise synchronously."""
        whole = save(self.easel) if self._whole_wanted else None
        self._whole_wanted = False
        batch = Batch(list(self._lines), self._answers, whole)
        if not self._scheduler.is_ticking():
            self._take(send(self.task, batch))
            return
        future = self._under_way = self._thread.submit(send, self.task, batch)
        post = self._scheduler.poster()
        future.add_done_callback(lambda done: post(lambda: self._come_back(done)))

    def _come_back(self, future: Future[Saved]) -> None:
        if future is self._under_way:
            self._under_way = None
            self._take(future.result())

    def _take(self, saved: Saved) -> None:
        """Discard what was saved, and continue from there."""
        if saved.lines:
            del self._lines[: len(saved.batch.lines)]
        if saved.answers and self._answers is saved.batch.answers:
            self._answers = None
        if saved.whole:
            self._since_snapshot, self._snapshot_s = 0, self._scheduler.elapsed_s()
        self._dispatch(Sent(saved.error, self.unsaved))
        self._plan_snapshot()

    # -- snapshots -------------------------------------------------------------
    def _plan_snapshot(self) -> None:
        age_s = self._scheduler.elapsed_s() - self._snapshot_s
        due = self._since_snapshot >= SNAPSHOT_ENTRIES or (self._since_snapshot > 0 and age_s > SNAPSHOT_S)
        if due and not self._idle_due and self._scheduler.is_ticking():
            self._idle_due = True
            self._scheduler.after(IDLE_S, self._when_idle)

    def _when_idle(self) -> None:
        """Take the snapshot that is due, unless the user is drawing or a batch is being sent."""
        drawn_s = self._scheduler.elapsed_s() - self._entry_s
        if self._mid_stroke or self._under_way is not None or drawn_s < IDLE_S / 2:
            self._scheduler.after(IDLE_S, self._when_idle)
            return
        self._idle_due = False
        self._whole_wanted = self._since_snapshot > 0
        if self._whole_wanted:
            self._dispatch(Due())
