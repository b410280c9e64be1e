"""Times and tables: each thing is measured alone, in a process of its own, several times; shown as least and median."""

from __future__ import annotations

import json
import multiprocessing
import queue
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TIMES = 5


@dataclass
class Table:
    """One table of results, and what it says of them."""

    title: str
    columns: Sequence[str]
    rows: list[list[Any]] = field(default_factory=list)
    note: str = ""

    def markdown(self) -> str:
        cells = [list(map(str, self.columns)), ["---"] * len(self.columns), *(list(map(shown, r)) for r in self.rows)]
        body = "\n".join("| " + " | ".join(row) + " |" for row in cells)
        return f"### {self.title}\n\n{body}\n" + (f"\n{self.note}\n" if self.note else "")


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


@dataclass(frozen=True)
class Measured:
    """Milliseconds, least and median; how much memory was needed beyond the start, MB; what the last run gave."""

    least: float
    median: float
    peak_mb: float
    outcome: Any = None


def _memory_mb(name: str) -> float:
    """VmRSS (now) or VmHWM (the most since it was cleared) of this process; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def timed(act: Callable[[], Any], times: int = TIMES) -> Measured:
    """Measure here, in this process; the first, untimed run warms caches."""
    Path("/proc/self/clear_refs").write_text("5")
    before, outcome, taken = _memory_mb("VmRSS"), act(), []
    peak = _memory_mb("VmHWM") - before
    for _ in range(times):
        begin = time.perf_counter()
        outcome = act()
        taken.append(1000 * (time.perf_counter() - begin))
    return Measured(min(taken), statistics.median(taken), peak, outcome)


def _run(out: Any, step: Callable[..., Measured], arguments: tuple[Any, ...]) -> None:
    out.put(step(*arguments))


def alone(step: Callable[..., Measured], *arguments: Any) -> Measured:
    """Run a step that measures, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=_run, args=(out, step, arguments))
    process.start()
    while True:
        try:
            found: Measured = out.get(timeout=1)
        except queue.Empty:
            if not process.is_alive():
                raise RuntimeError(f"{step.__name__} failed") from None
            continue
        process.join()
        return found


def to_json(tables: list[Table]) -> str:
    return json.dumps([vars(table) for table in tables], indent=1, default=str)
