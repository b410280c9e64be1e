"""What stores cost: append, page and feed against the number of subjects; opening; memory. Also draws the plot."""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eci_annotate.store.cards import CardQuery
from eci_annotate.store.open_stores import open_folder, open_memory
from eci_annotate.store.protocols import Append, EventStore, Stores
from eci_annotate.workflow.trust.seals import link
from tests.benchmarks.crowd import EVENTS, PROJECT, card, crowd, load
from tests.benchmarks.measuring import Table, _memory_mb, alone
from tests.postgres import running
from tests.stores import reopened

SIZES = {"memory": (20, 200, 2000), "folder": (20, 200, 2000), "postgres": (20, 200, 2000, 20_000, 100_000)}
TIMES = {"append": 400, "page": 30, "feed": 100}
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "store_cost.png"
QUERIES = {
    "all, by subject": CardQuery(PROJECT),
    "one word, by progress": CardQuery(PROJECT, (("included",),), sort="progress", descending=True),
    "two sites and included, by progress": CardQuery(
        PROJECT, (("site:KAU", "site:ERL"), ("included",)), sort="progress"
    ),
    "few (open by one reader), by stage": CardQuery(PROJECT, (("open-by:3",),), sort="stage"),
    "one site, by site": CardQuery(PROJECT, (("site:UMU",),), sort="site"),
    "all, by site, last page": CardQuery(PROJECT, sort="site", offset=10**5 - 20),
    "part of the name, one word, by site": CardQuery(PROJECT, (("included",),), contains="12", sort="site"),
}


@dataclass(frozen=True)
class Cost:
    """Milliseconds of each run; opening a store with its first page; memory of the process, MB."""

    append: list[float]
    feed: list[float]
    pages: dict[str, list[float]]
    totals: dict[str, int]
    opening: float
    memory: float


def cost(kind: str, place: str, size: int) -> Cost:
    """Measure one store, here, in this process."""
    begin = time.perf_counter()
    stores = _filled_memory(size) if kind == "memory" else reopened(place)
    stores.cards.cards(CardQuery(PROJECT))
    opening = 1000 * (time.perf_counter() - begin)
    memory = _memory_mb("VmRSS")
    draw, events = random.Random(1), stores.events
    numbers = iter(draw.sample(range(size), size) * (TIMES["append"] // size + 1))
    append = [_appended(events, next(numbers)) for _ in range(TIMES["append"])]
    after = events.feed(EVENTS * size)[-1].position
    feed = _times(lambda: events.feed(after - 100), TIMES["feed"])
    pages = {
        name: _times(lambda query=query: stores.cards.cards(query), TIMES["page"]) for name, query in QUERIES.items()
    }
    totals = {name: stores.cards.cards(query).total for name, query in QUERIES.items()}
    stores.close()
    return Cost(append, feed, pages, totals, opening, memory)


def _appended(events: EventStore, number: int) -> float:
    face = card(number, 1)
    past = events.read(face.stream)
    record = link(face.stream, len(past), {"name": "signed.1", "data": {"note": "x" * 300}}, past[-1]["digest"])
    begin = time.perf_counter()
    events.append(face.stream, [record], len(past), face)
    return 1000 * (time.perf_counter() - begin)


def _times(act: Callable[[], Any], times: int) -> list[float]:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append(1000 * (time.perf_counter() - begin))
    return found


def _filled_memory(size: int) -> Stores:
    return _filled(open_memory(), size)


def _filled(stores: Stores, size: int) -> Stores:
    stores.events.append_many([Append(each.card.stream, each.records, 0, each.card) for each in crowd(size)])
    return stores


@contextmanager
def _places(folder: Path) -> Iterator[Callable[[str, int], str]]:
    """Filled stores of any kind and size."""
    with running() as server:

        def place(kind: str, size: int) -> str:
            if kind == "postgres":
                dsn = server.fresh()
                reopened(f"postgres:{dsn}").close()
                load(dsn, size)
                return f"postgres:{dsn}"
            if kind == "folder":
                _filled(open_folder(folder / str(size)), size)
            return f"folder:{folder / str(size)}"

        yield place


def measured() -> dict[tuple[str, int], Cost]:
    """All kinds and sizes, each in a process of its own."""
    folder = Path(tempfile.mkdtemp())
    found: dict[tuple[str, int], Any] = {}
    with _places(folder) as place:
        for kind, sizes in SIZES.items():
            for size in sizes:
                found[kind, size] = alone(cost, kind, place(kind, size), size)
    shutil.rmtree(folder)
    return found


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def tables() -> Iterator[Table]:
    """Two tables, and the picture."""
    found = measured()
    columns = ["store", "subjects", "append, median", "p95", "feed of 100, median", "p95", "opening", "memory, MB"]
    every = Table("Stores: milliseconds against the number of subjects", columns)
    for (kind, size), each in found.items():
        row = [statistics.median(each.append), p95(each.append), statistics.median(each.feed), p95(each.feed)]
        every.rows.append([kind, f"{size:,}", *row, each.opening, each.memory])
    every.note = (
        f"{EVENTS} events per subject. Opening includes the first page, and for memory the filling; "
        "memory is that of the process, not the server's."
    )
    yield every
    largest = {kind: sizes[-1] for kind, sizes in SIZES.items()}
    names = [f"{kind}, {size:,}" for kind, size in largest.items()]
    pages = Table("A page of 20 cards with its total: milliseconds, median / p95", ["query", *names, "of 100,000"])
    for name in QUERIES:
        costs = [found[kind, size] for kind, size in largest.items()]
        cells = [f"{statistics.median(c.pages[name]):.1f} / {p95(c.pages[name]):.1f}" for c in costs]
        pages.rows.append([name, *cells, f"{costs[-1].totals[name]:,}"])
    yield pages
    draw(found)


def draw(found: dict[tuple[str, int], Cost]) -> None:
    """p95 of an append and of the dearest page, against size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, sharey=True)
    for kind, sizes in SIZES.items():
        dearest = [max(p95(times) for times in found[kind, size].pages.values()) for size in sizes]
        axes[0].plot(sizes, [p95(found[kind, size].append) for size in sizes], "o-", label=kind)
        axes[1].plot(sizes, dearest, "o-", label=kind)
    for axis, title, limit in zip(axes, ("append", "dearest page of 20"), (20, 50), strict=True):
        axis.axhline(limit, color="grey", linestyle=":")
        axis.set(xscale="log", yscale="log", title=f"{title}, p95", xlabel="subjects")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("ms")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(PICTURE, dpi=110)
