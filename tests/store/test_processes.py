"""Many processes on one folder, and processes killed in the middle: nothing acknowledged is lost, nothing is half.

A small count by default; `ECI_SOAK=1` runs the full one.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.errors import Conflict, StoreUnavailable
from eci_annotate.store.blobs import FolderBlobs
from eci_annotate.store.conformance import PLACE, holder_of
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.tiny import TinyEvents
from eci_annotate.workflow.sealing import chained, check_chain
from tests.counts import STORE_KILLS, STORE_RACERS, STORE_STREAMS, STORE_TASKS


def race(folder: str, name: int, tasks: int, out: Any) -> None:
    store, won, longest = TinyEvents(Path(folder)), [], 0.0
    order = list(range(tasks))
    random.Random(name).shuffle(order)
    for task in order:
        begin = time.monotonic()
        past = store.read(f"subject/p/S{task}")
        if not past:
            try:
                store.append(f"subject/p/S{task}", [{"name": "x.1", "data": {"by": name}}], 0)
                won.append(task)
            except Conflict:
                pass
        longest = max(longest, time.monotonic() - begin)
    out.put((name, won, longest))


@pytest.mark.soak
def test_racing_processes_share_the_tasks(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    racers = [context.Process(target=race, args=(str(tmp_path), n, STORE_TASKS, out)) for n in range(STORE_RACERS)]
    for racer in racers:
        racer.start()
    results = [out.get(timeout=300) for _ in racers]
    for racer in racers:
        racer.join()
    won = Counter(task for _, tasks, _ in results for task in tasks)
    assert won == Counter(range(STORE_TASKS))
    store = TinyEvents(tmp_path)
    assert all(len(store.read(f"subject/p/S{task}")) == 1 for task in range(STORE_TASKS))
    assert [entry.position for entry in store.feed()] == list(range(1, STORE_TASKS + 1))
    assert max(longest for _, _, longest in results) <= 10


WRITER = """
import sys
from pathlib import Path
from eci_annotate.store.blobs import FolderBlobs
from eci_annotate.store.conformance import PLACE, holder_of
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.tiny import TinyEvents
from eci_annotate.workflow.sealing import chained
root, fence = Path(sys.argv[1]), int(sys.argv[2])
events, blobs, drafts = TinyEvents(root), FolderBlobs(root / "blobs"), FolderDrafts(root / "drafts")
drafts.open(PLACE, holder_of(fence))
number = 0
while True:
    number += 1
    past = events.read("subject/p/S1")
    events.append("subject/p/S1", list(chained("s", past, [{"name": "x.1", "data": {"n": len(past)}}])), len(past))
    print("event", len(past), flush=True)
    for _ in range(20):
        drafts.append(PLACE, fence, [{"l": [f"{fence}-{number}" + "x" * 300]}])
    print("line", f"{fence}-{number}", flush=True)
    print("blob", blobs.put(f"{fence}-{number}".encode() * 200), flush=True)
"""


@pytest.mark.soak
def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[list[str]] = []
    for kill in range(1, STORE_KILLS + 1):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(kill)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(random.Random(kill).uniform(0, 0.15))
        writer.send_signal(signal.SIGKILL)
        acknowledged += [line.split() for line in [first, *writer.stdout.read().splitlines()] if " " in line]
        writer.wait()
        _check(tmp_path, kill, acknowledged)


def _check(root: Path, fence: int, acknowledged: list[list[str]]) -> None:
    said = {kind: [row[1] for row in acknowledged if row[0] == kind] for kind in ("event", "line", "blob")}
    events = TinyEvents(root)
    records = events.read("subject/p/S1")
    assert check_chain("s", records) == len(records) > int(said["event"][-1])
    assert [entry.record for entry in events.feed()] == records
    lines = Counter(entry["l"][0].rstrip("x") for entry in FolderDrafts(root / "drafts").read(PLACE, fence))
    assert all(lines[name] == 20 for name in said["line"])
    blobs = FolderBlobs(root / "blobs")
    for digest in said["blob"]:
        blobs.get(digest)


FULL = """
import resource, signal, sys
from pathlib import Path
from eci_annotate.errors import EciError, StoreUnavailable
from eci_annotate.store.conformance import PLACE, holder_of
from eci_annotate.store.drafts import FolderDrafts
from eci_annotate.store.tiny import TinyEvents
root = Path(sys.argv[1])
events, drafts = TinyEvents(root), FolderDrafts(root / "drafts")
drafts.open(PLACE, holder_of(1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
counts = [0, 0]
for number in range(10_000):
    for which, act in enumerate((
        lambda: events.append("a", [{"name": "x.1", "data": {"n": number, "pad": "x" * 500}}], counts[0]),
        lambda: drafts.append(PLACE, 1, [{"l": ["x" * 700]}]),
    )):
        try:
            act()
            counts[which] += 1
        except StoreUnavailable:
            pass
    if number > 100:
        break
print(*counts)
"""


def test_a_full_disk_is_named_and_leaves_whole_records(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    events, lines = map(int, done.stdout.split())
    assert 10 < events < 100 and 10 < lines < 100
    store = TinyEvents(tmp_path)
    assert len(store.read("a")) == len(store.feed()) == events
    assert len(FolderDrafts(tmp_path / "drafts").read(PLACE, 1)) == lines
    store.append("a", [{"name": "x.1", "data": {}}], events)


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "streams").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        TinyEvents(tmp_path).append("a", [{"name": "x.1", "data": {}}], 0)


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
