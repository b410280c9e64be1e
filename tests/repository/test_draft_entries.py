"""What a draft's entries say: steps that never arrived, or arrived twice and differ, are noticed before a signature."""

from __future__ import annotations

from typing import Any

import pytest

from eci_annotate.errors import BadRequest
from eci_annotate.repository.draft_entries import (
    check_entries,
    continued_entry,
    is_damaged,
    lines_entry,
    read_draft,
    snapshot_entry,
)

FIRST = lines_entry(["a", "b"], 0)


def draft(*entries: dict[str, Any]) -> Any:
    found = read_draft(entries, lambda digest: digest.encode())
    assert found.open_damage == is_damaged(entries)
    return found


def test_a_whole_draft_misses_nothing_and_what_is_sent_again_counts_once() -> None:
    found = draft(FIRST, FIRST, lines_entry(["b", "c"], 1))
    assert (found.lines, found.count, found.missing, found.open_damage) == (["a", "b", "c"], 3, "", False)


def test_steps_that_never_arrived_are_said_until_a_session_saw_it_or_a_snapshot_stands_for_them() -> None:
    gap = (FIRST, lines_entry(["e"], 4))
    found = draft(*gap)
    assert found.lines == ["a", "b"] and found.open_damage and "3 drawing steps are missing" in found.missing
    seen = draft(*gap, continued_entry(), lines_entry(["f"], 5))
    assert seen.lines == ["a", "b", "f"] and not seen.open_damage and "3 drawing steps" in seen.missing
    assert draft(*gap, snapshot_entry("0" * 64)).missing == ""


def test_steps_that_were_sent_again_and_differ_are_said() -> None:
    found = draft(FIRST, lines_entry(["b", "c"], 0))
    assert found.lines == ["a", "b"] and found.open_damage and "2 drawing steps were saved twice" in found.missing
    assert not draft(FIRST, lines_entry(["x"], 0), continued_entry()).open_damage
    late = draft(FIRST, snapshot_entry("0" * 64), lines_entry(["c"], 2), lines_entry(["b", "c", "d"], 1))
    assert (late.lines, late.missing) == (["c", "d"], "")


@pytest.mark.parametrize(
    "entry",
    [
        {"a": {}, "l": [], "at": 0},
        {"l": [], "s": "0" * 64},
        {"at": 3},
        {"k": {}},
        {"s": "0" * 64, "k": {}},
        {"t": ""},
        {},
    ],
)
def test_an_entry_has_one_content(entry: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="not a draft entry"):
        check_entries([entry])


def test_entries_of_each_kind_are_accepted() -> None:
    times = {"t": "2026-01-01T08:00:00+00:00", "b": "2026-01-01T08:00:00+00:00"}
    check_entries(
        [FIRST | times, {"l": ["x"]}, snapshot_entry("0" * 64) | times, {"a": {}}, {"a": {}, "k": {}} | times]
    )
