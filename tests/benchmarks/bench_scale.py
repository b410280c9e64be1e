"""What a whole project costs: worklist, filtered page and command against the number of subjects; start; memory."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.keys.repository_folder import credential, find
from eci_annotate.repository.keys.service_keys import add_hub_member, enable_service
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.open_repository import open
from eci_annotate.store.protocols import Append
from eci_annotate.workflow.subject.commands import Describe, ReleaseTask, Start
from tests.benchmarks.measuring import Measured, Table, _memory_mb, alone
from tests.benchmarks.population import SITES, load_population, population
from tests.postgres import Server, running

P = "liver-ct"
SIZES = {"folder": (20, 200, 2000), "postgres": (20, 2000, 100_000)}
TIMES = 60
QUERIES = {
    "worklist of an annotator, 20": SubjectQuery(startable=True),
    "worklist of an annotator, page 50": SubjectQuery(startable=True, offset=980),
    "all, by subject": SubjectQuery(),
    "one site and stage, by progress": SubjectQuery(site="VIE", stage="annotate", sort="progress", descending=True),
    "cohort, live, included, by site": SubjectQuery(cohort="B", live=True, included=True, sort="site"),
    "part of the name": SubjectQuery(contains="S0012"),
}


def founded(folder: Path, dsn: str = "") -> Path:
    """A repository with an owner and an annotator whom the hub knows."""
    create_repository(folder, project=P, member="olga", site="KAU", dsn=dsn)
    layout = find(folder)
    enable_service(layout, credential(layout))
    context, owner = Context.from_layout(layout), open(folder).backend.account.actor
    for name, role in (("anna", "annotator"), ("ruth", "reviewer")):
        add_hub_member(context, owner, P, name, roles=(role,), site="KAU", sites=("*",))
    context.stores.close()
    return folder


def filled(folder: Path, size: int, server: Server | None) -> Path:
    """A repository of so many subjects, in the folder or in a database."""
    dsn = server.fresh() if server else ""
    founded(folder, dsn)
    context = Context.from_layout(find(folder))
    case = context.use_case(context.streams.projects()[P].use_case)
    if dsn:
        load_population(dsn, population(P, case, size))
    else:
        made = population(P, case, size)
        context.stores.events.append_many([Append(each.card.stream, each.records, 0, each.card) for each in made])
    context.stores.close()
    return folder


def cost(folder: str, size: int) -> dict[str, Any]:
    """Measure one repository, in this process, as a service opens it."""
    begin = time.perf_counter()
    context = Context.from_layout(find(Path(folder)))
    anna, olga = (LocalBackend(context, HubIdentity(name, "bench")) for name in ("anna", "olga"))
    olga.subjects(P, SubjectQuery())
    opening = 1000 * (time.perf_counter() - begin)
    times = {
        name: _times(lambda q=query, b=anna if query.startable else olga: b.subjects(P, q))
        for name, query in QUERIES.items()
    }
    totals = {name: (anna if q.startable else olga).subjects(P, q).total for name, q in QUERIES.items()}
    commands = list(_commands(anna, olga))
    return {"opening": opening, "times": times, "totals": totals, "commands": commands, "memory": _memory_mb("VmHWM")}


def _times(act: Callable[[], Any]) -> list[float]:
    found_ = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        act()
        found_.append(1000 * (time.perf_counter() - begin))
    return found_


def _commands(anna: LocalBackend, olga: LocalBackend) -> Iterator[float]:
    """Start and release a task, set a cohort; each is checked, chained, written, and made visible."""
    names = [seen.subject for seen in anna.subjects(P, SubjectQuery(startable=True, size=TIMES)).views]
    for number, name in enumerate(names):
        orders = [lambda n=name: anna.do(Start(P, n, "annotate")), lambda n=name: _release(anna, n)]
        orders.append(lambda n=name, c="ABCD"[number % 4] + "x": olga.do(Describe(P, n, cohort=c)))
        for order in orders:
            begin = time.perf_counter()
            order()
            yield 1000 * (time.perf_counter() - begin)


def _release(anna: LocalBackend, name: str) -> None:
    anna.do(ReleaseTask(P, name, "annotate", 1))


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def measured() -> dict[tuple[str, int], Measured]:
    """All stores and sizes, each in a process of its own."""
    folder, found_ = Path(tempfile.mkdtemp()), {}
    with running() as server:
        for kind, sizes in SIZES.items():
            for size in sizes:
                place = filled(folder / f"{kind}-{size}", size, server if kind == "postgres" else None)
                os.environ["PYTHONHASHSEED"] = "0"
                found_[kind, size] = alone(cost, str(place), size)
    shutil.rmtree(folder)
    return found_


def tables() -> Iterator[Table]:
    """One row for each store and size."""
    found_ = measured()
    columns = ["store", "subjects", "start, with first page", "command, median", "p95", "memory, MB"]
    every = Table("A whole project: milliseconds against the number of subjects", columns)
    for (kind, size), each in found_.items():
        command = each["commands"]
        every.rows.append(
            [kind, f"{size:,}", each["opening"], statistics.median(command), p95(command), each["memory"]]
        )
    every.note = (
        "Three tasks each. A command is Start, ReleaseTask or Describe; memory is the most that the process had."
    )
    yield every
    kinds = [(kind, sizes[-1]) for kind, sizes in SIZES.items()]
    pages = Table(
        "Pages of 20 subjects: milliseconds, median / p95", ["query", *(f"{k}, {n:,}" for k, n in kinds), "of"]
    )
    for name in QUERIES:
        cells = [
            f"{statistics.median(found_[each]['times'][name]):.1f} / {p95(found_[each]['times'][name]):.1f}"
            for each in kinds
        ]
        pages.rows.append([name, *cells, f"{found_[kinds[-1]]['totals'][name]:,}"])
    pages.note = f"Each view is folded from its stream and shown as the role allows; {len(SITES)} sites."
    yield pages
