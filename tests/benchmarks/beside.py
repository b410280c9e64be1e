"""Measure another checkout beside this one, by turns: `python -m tests.benchmarks.beside CHECKOUT NAME ...`.

Each checkout runs its own benchmarks, with this environment's packages. Of all rounds the least time counts, and the
highest rate. The benchmark of the viewer is a script, named `viewer`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Table, shown

HERE = Path(__file__).parents[2]
RATES = re.compile(r"MB/s|slices/s|^saves$")
Found = dict[tuple[str, str, str], list[float]]
_NUMBER = re.compile(r"-?[\d,]*\.?\d+(?:e-?\d+)?")


def measured(checkout: Path, name: str) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Run one benchmark of a checkout; yield (table, row, column) and the number there."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        script = [str(checkout / "tests" / "benchmarks" / "bench_viewer.py")]
        words = script if name == "viewer" else ["-m", "tests.benchmarks", name]
        env = {**os.environ, "PYTHONPATH": str(checkout)}
        done = subprocess.run([sys.executable, *words, "--json", str(out)], cwd=checkout, env=env, check=False)
        if not out.exists():
            raise SystemExit(f"{name} of {checkout} gave nothing (exit code {done.returncode}).")
        found = json.loads(out.read_text())
    if isinstance(found, dict):
        yield from ((("viewer", row, ""), float(value)) for row, value in found.items())
        return
    for table in found:
        yield from _cells(table)


def _cells(table: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Yield the measured cells of a table; words and whole numbers at the left of a row name it."""
    for row in table["rows"]:
        names = [str(cell) for cell in row if not isinstance(cell, float) and "/" not in str(cell)]
        for column, cell in zip(table["columns"], row, strict=False):
            if isinstance(cell, float):
                yield (table["title"], ", ".join(names[:2]), column), cell
            elif isinstance(cell, str) and "/" in cell and (both := _NUMBER.findall(cell)):
                yield (table["title"], names[0] if names else "", f"{column} (median)"), float(both[0].replace(",", ""))


def compared(before: Found, now: Found) -> Table:
    """Return the table of what both have."""
    table = Table("Beside the other checkout", ["table", "row", "column", "other", "here", "here / other"])
    for key in before.keys() & now.keys():
        best = max if RATES.search(key[2]) or RATES.search(key[1]) else min
        old, new = best(before[key]), best(now[key])
        table.rows.append([*key, shown(old), shown(new), shown(new / old) if old else ""])
    table.rows.sort()
    return table


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.beside", description=__doc__)
    parser.add_argument("checkout", type=Path, help="the other checkout")
    parser.add_argument("names", nargs="+", metavar="NAME", help="benchmarks that both have")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    before, now = Found(), Found()
    for name in asked.names:
        for turn in range(asked.rounds):
            both = [(asked.checkout.resolve(), before), (HERE, now)]
            for checkout, found in both if turn % 2 == 0 else reversed(both):
                for key, value in measured(checkout, name):
                    found.setdefault(key, []).append(value)
        print(compared(before, now).markdown(), flush=True)


if __name__ == "__main__":
    main()
