"""How soon one can begin: the import, the command's help, and from opening a repository to the first slice."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measuring import TIMES, Table

FIRST_SLICE = """
import time; begin = time.perf_counter()
import eci_annotate as eci
imported = time.perf_counter()
repo = eci.open({folder!r})
opened = time.perf_counter()
task = repo.start(repo.worklist()["subject"].iloc[0], "annotate")
volume = task.volume()
slice = volume.isel(k=volume.sizes["k"] // 2).values.sum()
first = time.perf_counter()
from eci_annotate.tools.editing.easel import Easel
easel = Easel(lambda uid: volume); easel.show(str(task.hanging().first)); easel.warm_up()
print(opened - imported, first - opened, time.perf_counter() - first)
task.release()
"""


def seconds(*command: str) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def _row(name: str, times: list[float]) -> list[object]:
    return [name, 1000 * min(times), 1000 * statistics.median(times)]


def _imports() -> Table:
    table = Table("Fresh processes", ["", "least, ms", "median, ms"])
    codes = {"bare Python": "pass", "import eci_annotate": "import eci_annotate"}
    codes["open, and all that it loads"] = "import eci_annotate; eci_annotate.open"
    codes["the viewer, and all that it loads"] = "import eci_annotate; eci_annotate.annotate"
    for name, code in codes.items():
        table.rows.append(_row(name, [seconds(sys.executable, "-c", code) for _ in range(TIMES)]))
    help_times = [seconds(sys.executable, "-m", "eci_annotate.cli", "--help") for _ in range(TIMES)]
    table.rows.append(_row("eci-annotate --help", help_times))
    return table


def _first_slice(folder: Path, warm: bool) -> list[list[float]]:
    rows = []
    for _ in range(TIMES):
        if not warm:
            shutil.rmtree(folder / "cache", ignore_errors=True)
        code = FIRST_SLICE.format(folder=str(folder))
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        rows.append([float(word) for word in done.stdout.split()])
    return rows


def tables() -> list[Table]:
    import eci_annotate as eci
    from tests.benchmarks.bench_dicom import make

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make(root)
        eci.create_repository(root / "repository", project="liver-ct", member="anna", site="KAU")
        backend = eci.open(root / "repository").backend
        begin = time.perf_counter()
        eci.import_folders(backend, [root / "ct"], project="liver-ct", site="KAU")  # type: ignore[arg-type]
        taken_in = 1000 * (time.perf_counter() - begin)
        table = Table("Opening a repository with a CT of 512 x 512 x 200", ["", "least, ms", "median, ms"])
        for kind, warm in (("decoded before", True), ("cache deleted", False)):
            parts = list(zip(*_first_slice(root / "repository", warm), strict=True))
            if warm:
                table.rows.append(_row("open, with all that it imports", list(parts[0])))
            table.rows.append(_row(f"worklist -> start -> first slice, {kind}", list(parts[1])))
            if warm:
                table.rows.append(_row("then loading the kernels, and smoothing", list(parts[2])))
        table.note = f"Taking the series in (once): {taken_in:,.0f} ms. Each run is a fresh process."
    return [_imports(), table]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
