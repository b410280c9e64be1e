"""What a task costs is its own affair: not that of other subjects, nor of what was drawn before."""

from __future__ import annotations

import json
import time
from pathlib import Path

from eci_annotate.store.conformance import PLACE, holder_of
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.tiny import TinyEvents
from eci_annotate.workflow.sealing import chained
from tests.counts import STORE_STREAMS


def test_appending_a_gesture_is_cheap(tmp_path: Path) -> None:
    drafts = FolderDrafts(tmp_path)
    drafts.open(PLACE, holder_of(1))
    begin = time.perf_counter()
    for _ in range(120):
        drafts.append(PLACE, 1, [{"l": [json.dumps({"do": "drag", "points": [[1.5, 2.5, 3.5]] * 8})]}])
    assert (time.perf_counter() - begin) / 120 < 0.008


def test_the_cost_of_an_append_does_not_grow_with_other_streams(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)

    def cost(first: int) -> float:
        costs = []
        for number in range(first, first + 60):
            begin = time.perf_counter()
            store.append(f"subject/p/S{number}", list(chained("s", [], [{"name": "x.1", "data": {}}])), 0)
            costs.append(time.perf_counter() - begin)
        return sorted(costs)[30]

    few = cost(0)
    for number in range(1000, 1000 + STORE_STREAMS):
        store.append(f"subject/p/S{number}", [{"name": "x.1", "data": {}}], 0)
    assert cost(100) < 3 * few + 0.002
