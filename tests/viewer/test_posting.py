"""Numbered messages are taken once and in order, whatever a cut line did to them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eci_annotate.viewer.stage.inbox import Posted


def message(serial: int, page: str = "a") -> dict[str, Any]:
    return {"kind": "command", "page": page, "serial": serial}


def test_what_comes_twice_or_too_early_is_not_taken() -> None:
    posted = Posted()
    assert posted.takes(message(1)) and posted.told == {"heard": ["a", 1]}
    assert not posted.takes(message(1)) and posted.instead(message(1)) == {
        "kind": "heard",
        "gap": False,
        "heard": ["a", 1],
    }
    assert not posted.takes(message(3)) and posted.instead(message(3))["gap"]
    assert posted.takes(message(2)) and posted.takes(message(3)) and posted.told == {"heard": ["a", 3]}


def test_pages_are_apart_and_messages_without_a_number_are_always_taken() -> None:
    posted = Posted()
    assert posted.takes(message(1)) and posted.takes(message(1, "b")) and posted.takes({"kind": "ready"})
    assert posted.told == {} and not posted.takes(message(1, "b"))


@given(st.lists(st.integers(0, 5), max_size=30))
def test_sending_all_that_was_not_heard_again_delivers_everything_once(lost: list[int]) -> None:
    posted, taken, kept = Posted(), list[int](), list(range(1, 21))
    while kept:
        arriving = kept[lost.pop() :] if lost else kept
        for serial in arriving:
            if posted.takes(message(serial)):
                taken.append(serial)
        if posted.told:
            kept = [serial for serial in kept if serial > posted.told["heard"][1]]
    assert taken == list(range(1, 21))
