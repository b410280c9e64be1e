"""De-identifying 200 CT slices of 512 x 512, beside reading and writing them with pydicom."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_dicom import make
from tests.benchmarks.measuring import Measured, Table, alone, timed

RUNS, COPIED = 3, 200


def copy_pydicom(root: Path) -> Measured:
    from pydicom import dcmread

    out = root / "copied"
    out.mkdir(exist_ok=True)

    def act() -> int:
        for path in sorted((root / "ct").iterdir()):
            dcmread(path).save_as(out / path.name, enforce_file_format=True)
        return len(list(out.iterdir()))

    return timed(act)


def deidentify_ours(root: Path) -> Measured:
    from eci_annotate.deid.folder_run import FolderRun
    from eci_annotate.deid.policy import Policy
    from eci_annotate.deid.pseudonymiser import Pseudonymiser

    def act() -> int:
        run = FolderRun(Policy(), Pseudonymiser(bytes(32)), root / "deidentified")
        return run.over(root / "ct", lambda what, done, of: None).written

    return timed(act)


def several(root: Path) -> Table:
    """Seconds for 2,000 slices by one and by two processes, their start included."""
    from eci_annotate.deid.folder_run import FolderRun
    from eci_annotate.deid.parallel.file_processes import FileProcesses
    from eci_annotate.deid.policy import Policy
    from eci_annotate.deid.pseudonymiser import Pseudonymiser, create_key

    key, many, spent = root / "site.key", root / "many", dict[int, list[float]]()
    create_key(key)
    copies(root / "ct", many)
    for _ in range(RUNS):
        for processes in (1, 2):
            run = FolderRun(Policy(), Pseudonymiser.from_file(key), root / "out", None, FileProcesses(processes, key))
            begin = time.perf_counter()
            run.over(many, lambda what, done, of: None)
            spent.setdefault(processes, []).append(time.perf_counter() - begin)
            shutil.rmtree(root / "out")
    table = Table(f"De-identifying {10 * COPIED:,} CT slices", ["processes", "least, s", "median, s", "x"])
    for processes, times in spent.items():
        faster = f"{min(spent[1]) / min(times):.2f}"
        table.rows.append([processes, min(times), statistics.median(times), faster])
    table.note = "`x`: how many times as fast as one process, least times; the start of the processes included."
    return table


def copies(source: Path, target: Path) -> None:
    """Write ten copies of some files of a folder, each with a UID of its own."""
    from pydicom import dcmread

    target.mkdir()
    for path in sorted(source.iterdir())[:COPIED]:
        dataset = dcmread(path)
        uid = dataset.SOPInstanceUID
        for number in range(10):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{number}"
            dataset.save_as(target / f"{number}-{path.name}", enforce_file_format=True)


def tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        base, ours = alone(copy_pydicom, root), alone(deidentify_ours, root)
        parallel = several(root)
    table = Table("De-identifying 200 CT slices, 512 x 512, 16 bit", ["", "least, ms", "median, ms", "x", "peak, MB"])
    rows = {"pydicom, read and save": base, "eci_annotate.deid, read, de-identify and save": ours}
    table.rows = [
        [name, each.least, each.median, f"{each.least / base.least:.2f}", each.peak_mb] for name, each in rows.items()
    ]
    table.note = "`x`: how many times as long as pydicom, least times. Each run writes the same number of files."
    return [table, parallel]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
