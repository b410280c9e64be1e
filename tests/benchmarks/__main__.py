"""Run all benchmarks, or some: `python -m tests.benchmarks [NAME ...] [--json FILE]`; prints tables."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.benchmarks.measuring import Table, to_json

NAMES = ("dicom", "deid", "proxy", "tools", "segment", "open", "store", "scale", "service")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all without")
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    found: list[Table] = []
    for name in asked.names or NAMES:
        for table in importlib.import_module(f"tests.benchmarks.bench_{name}").tables():
            print(table.markdown(), flush=True)
            found.append(table)
    if asked.json:
        asked.json.write_text(to_json(found))


if __name__ == "__main__":
    main()
