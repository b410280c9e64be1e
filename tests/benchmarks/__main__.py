"""Run all benchmarks, or some: `python -m tests.benchmarks [NAME ...] [--json FILE]`; prints tables."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.benchmarks.measuring import Table, to_json

NAMES = ("dicom", "images", "deid", "proxy", "tools", "segment", "robots", "open", "store", "scale", "service",
         "efficiency", "distance")  # fmt: skip


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    parser.add_argument("--docs", action="store_true", help="also write the page of the benchmarks that have one")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    found: list[Table] = []
    for name in asked.names or NAMES:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        made: list[Table] = []
        for table in module.tables():
            print(table.markdown(), flush=True)
            made.append(table)
        found += made
        if asked.docs and hasattr(module, "page"):
            module.DOCS.write_text(module.page(made), encoding="utf-8")
    if asked.json:
        asked.json.write_text(to_json(found))


if __name__ == "__main__":
    main()
