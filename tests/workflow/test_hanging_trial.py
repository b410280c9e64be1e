"""Hanging protocols on 3,990 header sets: what is placed rightly, wrongly, or not found.

`python -m tests.workflow.test_hanging_trial` prints the table.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.workflow.usecase.hanging import SlotChoice
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.counts import FAST

SETS = Path(__file__).parents[1] / "data" / "hanging" / "header_sets.json.gz"
WRONG, MISSING = 0.02, 0.02
# slots for what is left over, which the sets say nothing of
OPEN = {("breast-mri", "last"), ("liver-mri", "dynamic")}


@cache
def studies() -> dict[str, list[dict[str, Any]]]:
    """Studies by use case: headers, the series that a radiologist would accept in each slot, and those left open."""
    found: dict[str, list[dict[str, Any]]] = {}
    for study in json.loads(gzip.decompress(SETS.read_bytes()))[:: 4 if FAST else 1]:
        found.setdefault(study["case"], []).append(study)
    return found


def verdict(choice: SlotChoice, wanted: list[str], free: list[str]) -> str:
    """What the choice for a slot is worth."""
    if choice.chosen is None:
        return "missing" if wanted else "right"
    if choice.chosen.series_uid in wanted:
        return "right"
    if choice.chosen.series_uid in free:
        return "open"
    others = [each.series_uid for each in choice.judgements if each.fits][1:2]
    return "runner-up" if set(others) & set(wanted) else "wrong"


def trial(case: str) -> tuple[Counter[str], list[tuple[str, ...]]]:
    """Count the verdicts on all slots; list what is not right."""
    counts, bad = Counter[str](), []
    protocol = shipped_use_case(case)
    for study in studies()[case]:
        hanging = protocol.hang(study["headers"])
        reasons = [each.reasons for each in hanging.placed] + [each.reasons for each in hanging.left_out]
        assert all(reasons), "a placement without a reason"
        named = {each["series_uid"]: each.get("SeriesDescription", "") for each in study["headers"]}
        for choice in hanging.choices:
            if choice.slot.startswith("other") or (case, choice.slot) in OPEN:
                continue
            wanted = study["truth"].get(choice.slot, [])
            found = verdict(choice, wanted, study["free"])
            counts[found] += 1
            if found not in ("right", "open"):
                chosen = named[choice.chosen.series_uid] if choice.chosen else ""
                bad.append((found, choice.slot, chosen, *(named[uid] for uid in wanted)))
    return counts, bad


@pytest.mark.parametrize("case", sorted(studies()))
def test_hardly_any_series_hangs_in_a_wrong_place(case: str) -> None:
    counts, bad = trial(case)
    assert counts["right"] > 100
    assert counts["wrong"] + counts["runner-up"] <= WRONG * counts.total(), bad
    assert counts["missing"] <= MISSING * counts.total(), bad


def table() -> str:
    """The counts of all use cases as Markdown."""
    lines = ["| use case | slots judged | right | runner-up right | wrong | not found | open |", "|" + " --- |" * 7]
    for case in sorted(studies()):
        counts, _ = trial(case)
        names = ("right", "runner-up", "wrong", "missing", "open")
        lines.append(f"| {case} | {counts.total():,} | " + " | ".join(f"{counts[each]:,}" for each in names) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
