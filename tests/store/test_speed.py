"""What a task costs is its own affair: not that of other subjects, nor of what was drawn before."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.store.conformance.draft_laws import PLACE, holder_of
from eci_annotate.store.folder.draft_store import FolderDrafts
from eci_annotate.store.folder.event_store import TinyEvents
from eci_annotate.store.open_stores import open_postgres
from eci_annotate.store.protocols import EventStore
from eci_annotate.workflow.trust.seals import chained
from tests.benchmarks.bench_store import QUERIES, p95
from tests.benchmarks.crowd import EVENTS, card, load
from tests.counts import STORE_CROWD, STORE_STREAMS


def work_of(act: Callable[[], object]) -> tuple[int, int]:
    """What an act takes, whatever else the machine does: calls of functions, and bytes read and written."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = _moved()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls, _moved() - before


def _moved() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar")))


def test_the_work_of_a_gesture_does_not_grow_with_what_was_drawn(tmp_path: Path) -> None:
    drafts = FolderDrafts(tmp_path)
    drafts.open(PLACE, holder_of(1))
    gesture = {"l": [json.dumps({"do": "drag", "points": [[1.5, 2.5, 3.5]] * 8})]}

    def draw() -> None:
        drafts.append(PLACE, 1, [gesture])

    for _ in range(50):  # longer than the tail that is read
        draw()
    calls, moved = work_of(draw)
    for _ in range(500):
        draw()
    later_calls, later_moved = work_of(draw)
    assert later_calls <= calls + 10 and later_moved <= moved + 100


def test_the_work_of_an_append_does_not_grow_with_other_streams(tmp_path: Path) -> None:
    store = TinyEvents(tmp_path)

    def append(number: int) -> None:
        store.append(f"subject/p/S{number}", list(chained("s", [], [{"name": "x.1", "data": {}}])), 0)

    for number in range(1000, 1250):  # more than the tail that is read
        append(number)
    calls, moved = work_of(lambda: append(1))
    for number in range(2000, 2000 + STORE_STREAMS):
        append(number)
    later_calls, later_moved = work_of(lambda: append(2))
    assert later_calls <= calls + 10 and later_moved <= moved + 100


@pytest.mark.soak
def test_many_subjects_in_a_database(dsn: str) -> None:
    open_postgres(dsn).close()
    load(dsn, STORE_CROWD)
    begin = time.perf_counter()
    stores = open_postgres(dsn)
    opening = time.perf_counter() - begin
    pages = {name: 1000 * p95(_times(lambda q=q: stores.cards.cards(q))) for name, q in QUERIES.items()}
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
