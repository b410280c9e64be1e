"""Autosave: saved within a second, in order, tried again, silent once the lease is lost; and the warning."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.errors import EciError, LeaseLost, StoreUnavailable
from eci_annotate.tools import replay, to_line
from eci_annotate.tools.editing.entries import Entry, SetOption
from eci_annotate.viewer.session.autosave import SNAPSHOT_S, Autosave, lease_words
from eci_annotate.viewer.session.save_state import (
    RETRY_S,
    Changed,
    Clean,
    Due,
    Event,
    Lost,
    SendBatch,
    Sending,
    Sent,
    State,
    Wait,
    step,
    words,
)
from eci_annotate.viewer.stage.controller import Controller
from tests.viewer.viewer_world import STROKE, make_controller, tool


class Book:
    """A draft that can refuse."""

    def __init__(self) -> None:
        self.until = datetime.now(UTC) + timedelta(minutes=30)
        self.lines: list[str] = []
        self.snapshots: list[bytes] = []
        self.answers: list[dict[str, Any]] = []
        self.touched = 0
        self.refuses: EciError | None = None

    def _may(self) -> None:
        if self.refuses:
            raise self.refuses

    def save(self, lines: list[str]) -> None:
        self._may()
        self.lines += lines

    def snapshot(self, content: bytes) -> None:
        self._may()
        self.snapshots.append(content)

    def answer(self, answers: dict[str, Any], checks: dict[str, Any] | None = None) -> None:
        self._may()
        self.answers.append(answers)

    def touch(self) -> datetime:
        self._may()
        self.touched += 1
        return self.until


LOST = LeaseLost("'annotate' was taken over by ben.", "Your last work is kept as a draft.")
FULL = StoreUnavailable("The repository cannot be written: the disk is full.")


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def controller() -> Controller:
    return make_controller()


class Later:
    """A scheduler whose time a test sets; what a thread would do is done when the time passes."""

    def __init__(self, ticking: bool = True) -> None:
        self.at_s, self.ticking = 0.0, ticking
        self.todo: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at_s)

    def elapsed_s(self) -> float:
        return self.at_s

    def is_ticking(self) -> bool:
        return self.ticking

    def after(self, delay_s: float, work: Callable[[], None]) -> None:
        heapq.heappush(self.todo, (self.at_s + delay_s, len(self.todo), work))

    def poster(self) -> Callable[[Callable[[], None]], object]:
        return lambda work: None  # a test calls `settle`

    def passes(self, seconds: float, autosave: Autosave) -> None:
        end = self.at_s + seconds
        autosave.settle()
        while self.todo and self.todo[0][0] <= end:
            self.at_s, _, work = heapq.heappop(self.todo)
            work()
            autosave.settle()
        self.at_s = end


class Told:
    """What a person would have been told."""

    def __init__(self) -> None:
        self.errors: list[EciError] = []
        self.saves = 0

    def saving_failed(self, error: EciError) -> None:
        self.errors.append(error)

    def saved(self) -> None:
        self.saves += 1


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def autosave(controller: Controller, book: Book, later: Later, told: Told) -> Autosave:
    return Autosave(book, controller.easel, told, later)


def turn(value: float) -> Entry:
    return SetOption("radius_mm", value)


def test_what_is_done_is_saved_soon_in_its_order_and_counts_as_being_there(
    autosave: Autosave, book: Book, later: Later, told: Told
) -> None:
    autosave.note(turn(3))
    autosave.note(turn(4))
    assert autosave.unsaved and book.lines == [] and autosave.words == "saving …"
    later.passes(1, autosave)
    assert book.lines == [to_line(turn(3)), to_line(turn(4))]
    assert not autosave.unsaved and book.touched == told.saves == 1 and autosave.words.startswith("saved ")


def test_answers_are_saved_as_they_are_at_last(autosave: Autosave, book: Book, later: Later) -> None:
    for text in ("m", "mo", "motion"):
        autosave.answer({"reason": text})
    later.passes(1, autosave)
    assert book.answers == [{"reason": "motion"}]


def test_what_could_not_be_saved_is_tried_again_in_its_order(
    autosave: Autosave, book: Book, later: Later, told: Told
) -> None:
    book.refuses = FULL
    autosave.note(turn(3))
    autosave.answer({"a": 1})
    later.passes(20, autosave)
    assert autosave.unsaved and not autosave.lost and autosave.words.startswith("not saved since ")
    autosave.snapshot()
    assert book.snapshots == []  # a snapshot before its lines would apply them twice
    book.refuses = None
    autosave.note(turn(4))
    later.passes(RETRY_S + 1, autosave)
    assert told.errors == [FULL], "said once"
    assert book.lines == [to_line(turn(3)), to_line(turn(4))] and book.answers == [{"a": 1}]


def test_a_lost_lease_is_told_once_and_nothing_is_saved_any_more(
    controller: Controller, book: Book, told: Told
) -> None:
    autosave = Autosave(book, controller.easel, told, Later(ticking=False))
    book.refuses = LOST
    autosave.note(turn(3))
    book.refuses = None
    autosave.note(turn(4))
    autosave.answer({"a": 1})
    autosave.touch()
    autosave.snapshot()
    assert told.errors == [LOST] and autosave.lost == str(LOST) and autosave.unsaved
    assert book.lines == book.snapshots == book.answers == []


def test_without_a_loop_a_refused_entry_is_saved_with_the_next_one(
    controller: Controller, book: Book, told: Told
) -> None:
    autosave = Autosave(book, controller.easel, told, Later(ticking=False))
    book.refuses = FULL
    autosave.note(turn(3))
    book.refuses = None
    autosave.note(turn(4))
    assert book.lines == [to_line(turn(3)), to_line(turn(4))] and not autosave.unsaved


def test_being_there_finds_out_that_the_lease_is_lost(autosave: Autosave, book: Book) -> None:
    book.refuses = LOST
    autosave.touch()
    autosave.settle()
    assert autosave.lost and not autosave.unsaved


def test_a_snapshot_is_the_whole_work_and_made_only_when_there_is_news(
    autosave: Autosave, book: Book, controller: Controller
) -> None:
    controller.heard.next = autosave.note  # type: ignore[attr-defined]
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    autosave.snapshot()
    autosave.snapshot()
    (content,) = book.snapshots
    again = replay(lambda uid: controller.easel.table.volume, content, [])
    (uid,) = controller.easel.table.objects
    assert np.array_equal(again.table.field(uid), controller.easel.table.field(uid)) and again.table.field(uid).any()


def test_no_snapshot_in_the_middle_of_a_stroke(
    autosave: Autosave, book: Book, controller: Controller, later: Later
) -> None:
    controller.heard.next = autosave.note  # type: ignore[attr-defined]
    press, drag, release = ({**STROKE, "events": [event]} for event in STROKE["events"])
    later.passes(SNAPSHOT_S + 1, autosave)
    controller.receive(press)
    later.passes(10, autosave)
    assert book.lines and book.snapshots == []
    controller.receive(drag)
    controller.receive(release)
    later.passes(10, autosave)
    assert len(book.snapshots) == 1


OUTCOMES = [Sent(None, False), Sent(None, True), Sent(FULL, True), Sent(LOST, True)]


@given(st.lists(st.sampled_from([Changed(), Due(), *OUTCOMES])))
def test_law_work_waits_for_a_timer_or_a_batch_until_it_is_saved_or_lost(events: list[Event]) -> None:
    """Whatever comes: unsaved work has a timer or a batch under way, and one batch at most is under way."""
    state: State = Clean()
    timers, sending = 0, 0
    for event in events:
        if (isinstance(event, Due) and not timers) or (isinstance(event, Sent) and not sending):
            continue
        timers -= isinstance(event, Due)
        sending -= isinstance(event, Sent)
        state, actions = step(state, event, datetime(2026, 1, 1, tzinfo=UTC))
        timers += sum(isinstance(action, Wait) for action in actions)
        sending += sum(isinstance(action, SendBatch) for action in actions)
        assert sending == isinstance(state, Sending)
        assert timers > 0 or sending or isinstance(state, (Clean, Lost))


@pytest.mark.parametrize(
    ("left", "says", "urgent"),
    [
        (timedelta(minutes=20), "yours until", False),
        (timedelta(minutes=5), "yours until", False),
        (timedelta(minutes=4, seconds=30), "yours for 5 min more", True),
        (timedelta(minutes=4), "yours for 4 min more", True),
        (timedelta(seconds=2), "yours for 1 min more", True),
    ],
)
def test_the_warning_comes_with_its_remedy(left: timedelta, says: str, urgent: bool) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    text, warning = lease_words(now + left, now)
    assert text.startswith(says) and bool(warning) == urgent
    assert f"{(now + left).astimezone():%H:%M}" in (warning or text) and ("Continue working" in warning) == urgent


def test_nothing_is_said_of_saving_before_anything_was_changed() -> None:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert words(Clean(), at) == "" and words(Clean(at), at).startswith("saved ")
