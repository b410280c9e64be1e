"""Many processes on one store, and processes and servers killed in the middle: nothing acknowledged is lost or half.

A small count by default; `ECI_SOAK=1` runs the full one. Each test prints how often it did what.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from eci_annotate.errors import NotFound, StoreUnavailable
from eci_annotate.store.cards import CardQuery
from eci_annotate.store.protocols import Stores
from eci_annotate.workflow.trust.seals import check_chain
from tests.counts import STORE_KILLS, STORE_RACERS, STORE_TASKS
from tests.patience import until
from tests.postgres import Server, kill, running
from tests.store.working import ROUNDS, Desk, race, write
from tests.stores import reopened

WRITERS = 2
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    ["tests.store.working", "eci_annotate.store.postgres.connect", "eci_annotate.store.folder.event_store"]
)


@dataclass(frozen=True)
class Ground:
    """Stores of one kind, where they are, and for PostgreSQL the server, which is the test's own."""

    place: str
    folder: Path
    server: Server | None = None


@pytest.fixture(params=["folder", "postgres"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    if request.param == "folder":
        yield Ground(f"folder:{tmp_path / 'stores'}", tmp_path)
        return
    with running() as server:
        yield Ground(f"postgres:{server.fresh()}", tmp_path, server)


@pytest.mark.soak
def test_racing_processes_share_the_tasks(ground: Ground) -> None:
    reopened(ground.place).close()
    out, start = context.Queue(), context.Event()
    racers = [
        context.Process(target=race, args=(ground.place, n, STORE_TASKS, start, out)) for n in range(STORE_RACERS)
    ]
    for racer in racers:
        racer.start()
    time.sleep(1)
    begin = time.monotonic()
    start.set()
    results = [out.get(timeout=900) for _ in racers]
    took = time.monotonic() - begin
    for racer in racers:
        racer.join()
    won = Counter(task for _, tasks, _ in results for task in tasks)
    longest = max(longest for _, _, longest in results)
    print(f"{STORE_RACERS} processes raced for {STORE_TASKS} tasks in {took:.1f} s; longest wait {longest:.2f} s")
    assert won == Counter(range(STORE_TASKS))
    stores = reopened(ground.place)
    assert stores.events.heads() == {f"subject/p/S{task}": 1 for task in range(STORE_TASKS)}
    positions = [entry.position for entry in stores.events.feed()]
    assert positions == list(range(1, STORE_TASKS + 1))
    assert longest <= 10
    stores.close()


@dataclass
class Ledger:
    """What the writers of each desk were told, and what was checked."""

    said: dict[Desk, dict[str, list[str]]] = field(default_factory=dict)
    position: int = 0
    fed: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, desk: Desk, file: Path) -> None:
        words = [line.split() for line in file.read_text().splitlines() if " " in line] if file.exists() else []
        self.said[desk] = {kind: [w[1] for w in words if w[0] == kind] for kind in ("event", "entry", "blob")}
        self.counts.update(word[0] for word in words)

    def check(self, stores: Stores, desk: Desk) -> None:
        """All that was acknowledged at this desk is there, nothing is half, and list, head and stream agree."""
        said, records = self.said[desk], stores.events.read(desk.stream)
        assert check_chain(desk.stream, records) == len(records) >= int((said["event"] or ["0"])[-1])
        assert stores.events.heads(desk.stream).get(desk.stream, 0) == len(records)
        card = stores.cards.cards_of([desk.stream]).get(desk.stream)
        assert (card.body["count"] if card else 0) == len(records)
        entries = [entry["l"][0] for entry in stores.drafts.read(desk.address, desk.fence)]
        assert len(entries) == len(set(entries)) and set(said["entry"]) <= set(entries)
        for name in said["blob"]:
            assert len(stores.blobs.fetch(desk.scope, name)) > 200

    def follow(self, stores: Stores) -> None:
        """The feed gives each record of each stream once, in its stream's order."""
        for entry in stores.events.feed(self.position):
            assert entry.position > self.position and entry.index == self.fed[entry.stream]
            self.position = entry.position
            self.fed[entry.stream] += 1


def _started(ground: Ground, turn: int) -> list[tuple[Desk, Path, BaseProcess]]:
    found = []
    for writer in range(WRITERS):
        desk, ready, said = Desk(writer, turn), context.Event(), ground.folder / f"said-{turn}-{writer}"
        process = context.Process(target=write, args=(ground.place, desk, ready, said), daemon=True)
        process.start()
        found.append((desk, said, process, ready))
    for *_, ready in found:
        assert ready.wait(60)
    return [(desk, said, process) for desk, said, process, _ in found]


def _strike(ground: Ground, draw: random.Random, turn: int, counts: Counter[str]) -> None:
    """In a part of the rounds it is not only the client that dies."""
    time.sleep(draw.uniform(0, 0.2))
    if ground.server is None:
        return
    if turn % 10 == 3:
        ground.server.kill()
        counts["servers"] += 1
    elif turn % 10 == 7:
        kill(draw.choice(ground.server.backends()))
        counts["backends"] += 1
        time.sleep(draw.uniform(0, 0.3))


def _tear(root: Path, draw: random.Random) -> None:
    """What a power cut leaves: half a line at the end of each file that is appended to."""
    for path in [root / "feed.jsonl", root / "cards.jsonl", *(root / "drafts").rglob("*.jsonl")][-8:]:
        with path.open("ab") as file:
            file.write(b'{"c":null,"n":1,"p":999999,"s":"subject/p/torn"}'[: draw.randint(1, 40)])


@pytest.mark.soak
def test_who_is_killed_loses_nothing_that_was_acknowledged(ground: Ground) -> None:
    ledger, draw, begin, turn = Ledger(), random.Random(1), time.monotonic(), 0
    reopened(ground.place).close()
    while ledger.counts["clients"] < STORE_KILLS:
        working = _started(ground, turn)
        _strike(ground, draw, turn, ledger.counts)
        for desk, said, process in working:
            process.kill()
            process.join()
            ledger.counts["clients"] += 1
            ledger.note(desk, said)
            said.unlink(missing_ok=True)
        _restored(ground, draw, turn)
        stores = reopened(ground.place)
        ledger.follow(stores)
        for desk, _, _ in working:
            ledger.check(stores, desk)
            assert ledger.fed[desk.stream] == stores.events.heads(desk.stream).get(desk.stream, 0)
        stores.close()
        turn += 1
    stores = reopened(ground.place)
    _check_all(stores, ledger)
    stores.close()
    known = ", ".join(f"{ledger.counts[kind]} {kind}" for kind in ("event", "entry", "blob"))
    deaths = ", ".join(f"{ledger.counts[kind]} {kind}" for kind in ("clients", "servers", "backends"))
    print(f"killed in {time.monotonic() - begin:.0f} s: {deaths}; acknowledged, and all there: {known}")


def _restored(ground: Ground, draw: random.Random, turn: int) -> None:
    if ground.server is not None and turn % 10 == 3:
        ground.server.start()
    elif ground.server is not None and turn % 10 == 7:
        _answering(ground.place)
    elif ground.server is None and turn % 2:
        _tear(Path(ground.place.partition(":")[2]), draw)


def _answering(place: str) -> None:
    """Wait until a server that lost a backend has recovered."""

    def answers() -> bool:
        with suppress(StoreUnavailable):
            reopened(place).close()
            return True
        return False

    until(answers, pause_s=0.1)


def _check_all(stores: Stores, ledger: Ledger) -> None:
    newest = {(desk.writer, desk.turn // ROUNDS): desk for desk in ledger.said}
    for desk in newest.values():
        records = stores.events.read(desk.stream)
        assert check_chain(desk.stream, records) == len(records) == ledger.fed[desk.stream]
        fences = [each.fence for each in stores.journals.openings(desk.address)]
        assert all(stores.drafts.read(desk.address, fence) is not None for fence in fences)
    for desk in ledger.said:
        ledger.said[desk]["event"] = ledger.said[desk]["event"][-1:]
        ledger.check(stores, desk)
    known = [stream for stream, count in ledger.fed.items() if count]
    assert stores.cards.cards(CardQuery("p")).total == len(known) == len(stores.events.heads())
    assert sorted(stores.events.heads()) == sorted(known)


def test_the_proof_notices_a_loss(tmp_path: Path) -> None:
    """A store that forgets is caught: the proof above is not empty."""
    ground, ledger = Ground(f"folder:{tmp_path / 'stores'}", tmp_path), Ledger()
    working = _started(ground, 0)
    desk, said, _ = working[0]
    assert until(lambda: said.exists() and said.read_text().count("blob") >= 2)
    for _, _, process in working:
        process.kill()
        process.join()
    ledger.note(desk, said)
    stores = reopened(ground.place)
    ledger.check(stores, desk)
    shutil.rmtree(tmp_path / "stores" / "blobs")
    with pytest.raises(NotFound):
        ledger.check(stores, desk)
