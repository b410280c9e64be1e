"""The keeper: saved within a second, in order, tried again, silent once the lease is lost; and the warning."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from viewer_world import STROKE, make_controller, tool

from eci_annotate.errors import EciError, LeaseLost, StoreUnavailable
from eci_annotate.tools import replay, to_line
from eci_annotate.tools.editing.entries import Entry, SetOption
from eci_annotate.viewer.session import autosave as module
from eci_annotate.viewer.session.autosave import Keeper, standing
from eci_annotate.viewer.stage.controller import Controller


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

    def answer(self, answers: dict[str, Any]) -> None:
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


@pytest.fixture
def keeper(controller: Controller, book: Book) -> Keeper:
    one = Keeper(book, controller.easel)
    one.told = []  # type: ignore[attr-defined]
    one.trouble = one.told.append  # type: ignore[attr-defined]
    return one


def turn(value: float) -> Entry:
    return SetOption("radius_mm", value)


def quickly(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[None]]) -> None:
    """Run on a loop on which all that is awaited comes soon."""
    for name in ("FLUSH_S", "IDLE_S", "RETRY_S"):
        monkeypatch.setattr(module, name, 0.01)
    asyncio.run(work())  # type: ignore[arg-type]


def test_what_is_done_is_saved_soon_in_its_order_and_counts_as_being_there(
    keeper: Keeper, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        keeper.note(turn(3))
        keeper.note(turn(4))
        assert keeper.saved_at is None and keeper.unsaved and book.lines == []
        await asyncio.sleep(0.05)

    quickly(monkeypatch, work)
    assert book.lines == [to_line(turn(3)), to_line(turn(4))]
    assert keeper.saved_at is not None and not keeper.unsaved and book.touched


def test_answers_are_saved_as_they_are_at_last(keeper: Keeper, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        for text in ("m", "mo", "motion"):
            keeper.answer({"reason": text})
        await asyncio.sleep(0.05)

    quickly(monkeypatch, work)
    assert book.answers == [{"reason": "motion"}]


def test_what_could_not_be_saved_is_tried_again_in_its_order(
    keeper: Keeper, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        book.refuses = FULL
        keeper.note(turn(3))
        keeper.answer({"a": 1})
        await asyncio.sleep(0.05)
        assert keeper.unsaved and keeper.saved_at is None and not keeper.lost
        keeper.snapshot()
        assert book.snapshots == []  # a snapshot before its lines would apply them twice
        book.refuses = None
        keeper.note(turn(4))
        await asyncio.sleep(0.05)

    quickly(monkeypatch, work)
    assert FULL in keeper.told  # type: ignore[attr-defined]
    assert book.lines == [to_line(turn(3)), to_line(turn(4))] and book.answers == [{"a": 1}]


def test_a_lost_lease_is_told_once_and_nothing_is_saved_any_more(keeper: Keeper, book: Book) -> None:
    book.refuses = LOST
    keeper.note(turn(3))
    book.refuses = None
    keeper.note(turn(4))
    keeper.answer({"a": 1})
    keeper.touch()
    keeper.snapshot()
    assert keeper.told == [LOST] and keeper.lost == str(LOST) and keeper.unsaved  # type: ignore[attr-defined]
    assert book.lines == book.snapshots == book.answers == []


def test_being_there_finds_out_that_the_lease_is_lost(keeper: Keeper, book: Book) -> None:
    book.refuses = LOST
    keeper.touch()
    assert keeper.lost and not keeper.unsaved


def test_a_snapshot_is_the_whole_work_and_made_only_when_there_is_news(
    keeper: Keeper,
    book: Book,
    controller: Controller,
) -> None:
    controller.keep = keeper.note
    tool(controller, "smartpaint")
    controller.receive(STROKE)
    keeper.snapshot()
    keeper.snapshot()
    (content,) = book.snapshots
    again = replay(lambda uid: controller.easel.volume, content, [])
    (uid,) = controller.easel.objects
    assert np.array_equal(again.field(uid), controller.easel.field(uid)) and again.field(uid).any()


def test_no_snapshot_in_the_middle_of_a_stroke(
    keeper: Keeper,
    book: Book,
    controller: Controller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_ENTRIES", 1)
    controller.keep = keeper.note
    press, drag, release = ({**STROKE, "events": [event]} for event in STROKE["events"])

    async def work() -> None:
        controller.receive(press)
        await asyncio.sleep(0.1)
        assert book.snapshots == []
        controller.receive(drag)
        controller.receive(release)
        await asyncio.sleep(0.1)

    quickly(monkeypatch, work)
    assert book.snapshots


@pytest.mark.parametrize(
    ("left", "says", "urgent"),
    [
        (timedelta(minutes=20), "yours until", False),
        (timedelta(minutes=5), "yours until", False),
        (timedelta(minutes=4, seconds=30), "Yours for 5 min more", True),
        (timedelta(minutes=4), "Yours for 4 min more", True),
        (timedelta(seconds=2), "Yours for 1 min more", True),
    ],
)
def test_the_warning_comes_with_its_remedy(left: timedelta, says: str, urgent: bool) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    text, warned = standing(now + left, now)
    assert text.startswith(says) and warned == urgent
    assert f"{(now + left).astimezone():%H:%M}" in text and ("go on working" in text) == urgent
