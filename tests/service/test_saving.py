"""Saves that come together are written together; each is answered, or refused, for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from eci_annotate.errors import EciError, LeaseLost, Refused, StoreUnavailable
from eci_annotate.hub.core.draft_writer import LANES, Saver
from eci_annotate.store.memory import MemoryDrafts
from eci_annotate.store.protocols import Address, DraftPart, Head, Holder

CROWD = 40


class Session:
    """What a backend says of its lease: number 7 holds nothing, number 8 lost its role with the project's last event.

    It `knows` so many events of the project; there are two.
    """

    def __init__(self, knows: int = 2) -> None:
        self.knows, self.asked = knows, list[str]()

    @property
    def drafts(self) -> Session:
        return self

    def head_if_held(self, address: Address, fence: int) -> Head | None:
        return None if address.subject in ("s7", "s8")[: self.knows] else Head("project/p", self.knows)

    def check_held(self, address: Address, fence: int) -> None:
        self.asked.append(address.subject)
        if address.subject == "s7":
            raise LeaseLost("You do not hold it.", "Start it again.")
        if address.subject == "s8":
            raise Refused("You may no longer work on it.", "Ask the owner.")


class Slow(MemoryDrafts):
    """Drafts that are written while others wait; notes the lots."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__(lambda streams: {"project/p": 2})
        self.lots, self.broken = list[int](), broken

    def append_many(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        self.lots.append(len(parts))
        if self.broken:
            raise StoreUnavailable("The disk is full.", "Make room.")
        return super().append_many(parts)


def part(number: int, text: str = "a", fence: int = 1) -> DraftPart:
    return DraftPart(Address("p", f"s{number}", "t"), fence, [{"l": [text]}])


def opened(broken: bool = False) -> Slow:
    drafts = Slow(broken)
    for number in range(CROWD):
        drafts.open(part(number).address, Holder(1, datetime(2026, 1, 1, tzinfo=UTC), "anna", 1))
    return drafts


async def saved(drafts: Slow, parts: Sequence[DraftPart], session: Session | None = None) -> list[BaseException | None]:
    saver, session = Saver(drafts.append_many), session or Session()
    return await asyncio.gather(*(saver.save(session, each) for each in parts), return_exceptions=True)  # type: ignore[arg-type]


def test_each_is_kept_or_refused_for_itself() -> None:
    drafts = opened()
    told = asyncio.run(saved(drafts, [part(number, fence=2 if number == 9 else 1) for number in range(CROWD)]))
    assert {n: type(error) for n, error in enumerate(told) if error} == {7: LeaseLost, 8: Refused, 9: LeaseLost}
    kept = [drafts.read(part(number).address, 1) for number in range(CROWD)]
    assert [number for number, entries in enumerate(kept) if entries == []] == [7, 8, 9]
    assert sum(drafts.lots) == CROWD - 2 and len(drafts.lots) <= LANES


def test_roles_are_asked_again_only_where_the_project_has_grown() -> None:
    newest, older = Session(), Session(knows=1)
    assert asyncio.run(saved(opened(), [part(1), part(2)], newest)) == [None, None] and newest.asked == []
    drafts = opened()
    told = asyncio.run(saved(drafts, [part(1), part(7), part(8)], older))
    assert [type(error) for error in told] == [type(None), LeaseLost, Refused] and older.asked == ["s1", "s7", "s8"]
    assert [len(drafts.read(part(number).address, 1)) for number in (1, 7, 8)] == [1, 0, 0]


def test_what_comes_later_is_written_too_and_in_order() -> None:
    async def work() -> list[str]:
        drafts = opened()
        saver = Saver(drafts.append_many)
        for text in "abc":
            await saver.save(Session(), part(1, text))  # type: ignore[arg-type]
        return [entry["l"][0] for entry in drafts.read(part(1).address, 1)]

    assert asyncio.run(work()) == ["a", "b", "c"]


@pytest.mark.parametrize("crowd", [1, CROWD])
def test_a_store_that_fails_is_told_to_everybody(crowd: int) -> None:
    told = asyncio.run(saved(opened(broken=True), [part(number) for number in range(9, 9 + crowd) if number < CROWD]))
    assert told and all(isinstance(error, StoreUnavailable) for error in told)
