"""Hanging protocols on many studies: what is placed wrongly, and what is merely not found."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.counts import count
from tests.workflow.hanging_studies import STUDIES

WRONG = 0.02


def trial(case: str, studies: int, seed: int = 1) -> tuple[Counter[str], list[tuple[str, str, str]]]:
    """Count right, wrong and missing placements; list those that are wrong or missing."""
    draw, counts, bad = random.Random(seed), Counter[str](), []
    protocol = shipped_use_case(case)
    for _ in range(studies):
        headers, truth = STUDIES[case](draw)
        placed = {each.series_uid: each.slot for each in protocol.hang(headers).placed}
        named = {slot for slot in truth.values() if slot not in ("", "-")}
        for header in headers:
            uid, slot = header["series_uid"], placed.get(header["series_uid"], "")
            wanted = truth[uid]
            if wanted in named and slot != wanted:
                counts["missing" if slot in ("", "other") else "wrong"] += 1
                bad.append((header["SeriesDescription"], wanted, slot))
            elif wanted == "-" and slot not in ("", "other"):
                counts["wrong"] += 1
                bad.append((header["SeriesDescription"], "-", slot))
            else:
                counts["right"] += 1
    return counts, bad


@pytest.mark.parametrize("case", STUDIES)
def test_hardly_any_series_hangs_in_a_wrong_place(case: str) -> None:
    counts, bad = trial(case, count(60, 200))
    assert counts["wrong"] + counts["missing"] <= WRONG * counts.total(), bad
