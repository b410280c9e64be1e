"""Write which pseudonym stands for what, and which files were set aside: CSV files of mode 0600, outside the target."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from eci_annotate.deid.folder_run import Mappings
from eci_annotate.deid.quarantine import Cause
from eci_annotate.errors import Refused

PATIENTS, UIDS = "patients.csv", "uids.csv"


def require_outside(folder: Path, target: Path) -> None:
    """Raise Refused if files that identify patients would be among the de-identified ones."""
    if folder.resolve() == target.resolve() or target.resolve() in folder.resolve().parents:
        remedy = "Give a place outside TARGET that stays at the site."
        raise Refused("Files that identify patients may not be in the target folder.", remedy)


def overlap(one: Path, other: Path) -> bool:
    """Whether two folders are the same, or one is within the other."""
    one, other = one.resolve(), other.resolve()
    return one == other or one in other.parents or other in one.parents


def require_apart(source: Path, target: Path) -> None:
    """Raise Refused if a run would read what an earlier one wrote, or write beside the originals."""
    if overlap(source, target):
        raise Refused("Source and target lie within each other.", "Give a target outside the source.")


def write_mappings(mappings: Mappings, folder: Path) -> tuple[Path, Path]:
    """Write `patients.csv` and `uids.csv` (columns id_old, id_new) into a folder; they replace earlier ones.

    Patients have a third column, the issuer: the same ID of two issuers has two pseudonyms.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    patients = [(old, new, issuer) for new, (old, issuer) in mappings.patients.items()]
    return (
        write_private(folder / PATIENTS, ("id_old", "id_new", "issuer_old"), patients),
        write_private(folder / UIDS, ("id_old", "id_new"), mappings.uids.items()),
    )


def write_refused(refused: Iterable[tuple[Path, Sequence[Cause]]], path: Path) -> None:
    """Write which source files were set aside and why (columns file, why); it replaces an earlier one."""
    rows = [(str(file), f"It {cause.value}.") for file, causes in refused for cause in causes]
    write_private(path, ("file", "why"), rows)


def write_private(path: Path, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Path:
    """Write a table that only its owner can read; it replaces an earlier one once it is whole. Rows are sorted."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(sorted(rows))
    part.replace(path)
    return path
