"""De-identifying 200 CT slices of 512 x 512, beside reading and writing them with pydicom."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.bench_dicom import make
from tests.benchmarks.measuring import Measured, Table, alone, timed


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


def tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        base, ours = alone(copy_pydicom, root), alone(deidentify_ours, root)
    table = Table("De-identifying 200 CT slices, 512 x 512, 16 bit", ["", "least, ms", "median, ms", "x", "peak, MB"])
    rows = {"pydicom, read and save": base, "eci_annotate.deid, read, de-identify and save": ours}
    table.rows = [
        [name, each.least, each.median, f"{each.least / base.least:.2f}", each.peak_mb] for name, each in rows.items()
    ]
    table.note = "`x`: how many times as long as pydicom, least times. Each run writes the same number of files."
    return [table]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
