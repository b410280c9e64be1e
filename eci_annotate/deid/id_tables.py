"""Write which pseudonym stands for what: CSV files of mode 0600, never among the de-identified files."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

from eci_annotate.deid.folder_run import Mappings
from eci_annotate.errors import Refused

PATIENTS, UIDS = "patients.csv", "uids.csv"


def require_outside(folder: Path, target: Path) -> None:
    """Raise Refused if mapping files would be among the de-identified files."""
    if folder.resolve() == target.resolve() or target.resolve() in folder.resolve().parents:
        remedy = "Give a folder outside TARGET that stays at the site."
        raise Refused("Mapping files identify patients and may not be in the target folder.", remedy)


def write_mappings(mappings: Mappings, folder: Path) -> tuple[Path, Path]:
    """Write `patients.csv` and `uids.csv` (columns id_old, id_new) into a folder; they replace earlier ones."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _write(folder / PATIENTS, mappings.patients), _write(folder / UIDS, mappings.uids)


def _write(path: Path, rows: Mapping[str, str]) -> Path:
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id_old", "id_new"])
        writer.writerows(sorted(rows.items()))
    part.replace(path)
    return path
