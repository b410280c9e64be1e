"""What a task costs is its own affair: not that of other subjects, nor of what was drawn before."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.store.conformance import PLACE, holder_of
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.protocols import EventStore
from eci_annotate.store.stores import open_postgres
from eci_annotate.store.tiny import TinyEvents
from eci_annotate.workflow.sealing import chained
from tests.benchmarks.bench_store import QUERIES, p95
from tests.benchmarks.crowd import EVENTS, card, load
from tests.counts import STORE_CROWD, STORE_STREAMS


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


@pytest.mark.soak
def test_many_subjects_in_a_database(dsn: str) -> None:
    open_postgres(dsn).close()
    load(dsn, STORE_CROWD)
    begin = time.perf_counter()
    stores = open_postgres(dsn)
    opening = time.perf_counter() - begin
    pages = {name: 1000 * p95(_times(lambda q=q: stores.events.cards(q))) for name, q in QUERIES.items()}
    numbers = iter(random.Random(1).sample(range(STORE_CROWD), 60))
    append = 1000 * p95(_times(lambda: _append(stores.events, next(numbers))))
    told = ", ".join(f"{name}: {cost:.1f}" for name, cost in pages.items())
    print(f"{STORE_CROWD} subjects: opened in {opening:.2f} s; p95 in ms: append {append:.1f}; {told}")
    assert opening <= 1 and append <= 20 and max(pages.values()) <= 50
    stores.close()


def _append(events: EventStore, number: int) -> None:
    face = card(number, 1)
    events.append(face.stream, [{"name": "x.1", "data": {}}], EVENTS, face)


def _times(act: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(60):
        begin = time.perf_counter()
        act()
        found.append(time.perf_counter() - begin)
    return found
