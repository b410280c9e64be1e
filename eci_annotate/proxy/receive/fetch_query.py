"""What is asked of a PACS: one patient, one study, or a list of accession numbers as spreadsheets write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eci_annotate.errors import BadConfiguration

Keys = Mapping[str, str]
_COLUMN, _SEPARATORS = "accessionnumber", (";", "\t", ",")
_WILDCARDS = frozenset("*?\\")
_EXPONENT = re.compile(r"[0-9]([.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)
_Row = tuple[int, list[str]]  # number of the line, and its cells


@dataclass(frozen=True)
class Query:
    """The keys that a study must match, and the line of the list that asks for it (0: no list)."""

    keys: Keys = field(repr=False)
    line: int = 0


def queries_of(patient: str | None, study: str | None, accessions: Path | None) -> list[Query]:
    """Return what to look for; of a CSV the column AccessionNumber, or the first one.

    Raises
    ------
    BadConfiguration
        The CSV cannot be read, or what is asked for is empty, holds a wildcard, or was changed by a spreadsheet.
    """
    if accessions is not None:
        return [Query({"AccessionNumber": number}, line) for number, line in _numbers(accessions).items()]
    key, value = ("PatientID", patient) if patient is not None else ("StudyInstanceUID", study or "")
    if not value.strip():
        raise BadConfiguration("What to fetch is empty: that would match the whole PACS.", "Give the ID in full.")
    if _WILDCARDS & set(value):
        raise BadConfiguration("What to fetch holds a wildcard.", "Give the ID in full.")
    return [Query({key: value.strip()})]


def _numbers(path: Path) -> dict[str, int]:
    """Each accession number once, with the first line that has it."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = _rows(text)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise BadConfiguration("The list of accession numbers cannot be read.", "Give a CSV file in UTF-8.") from None
    named = bool(rows) and _column(rows[0]) is not None
    column = (_column(rows[0]) if rows else None) or 0
    found: dict[str, int] = {}
    for line, cells in rows[1 if named else 0 :]:
        if len(cells) > column and cells[column]:
            found.setdefault(cells[column], line)
    if not found:
        raise BadConfiguration("The list holds no accession number.", "Write one in each line.")
    for number, line in found.items():
        if _WILDCARDS & set(number):
            raise BadConfiguration(f"An accession number holds a wildcard (line {line}).", "List each number in full.")
        if _EXPONENT.fullmatch(number):
            what = f"A spreadsheet has changed an accession number into a power of ten (line {line})."
            raise BadConfiguration(what, "Format the column as text, enter the numbers again, and export again.")
    return found


def _rows(text: str) -> list[_Row]:
    """The rows by the separator with which the header names the column, or with which all rows are equally long."""
    tables = [_table(text, separator) for separator in _SEPARATORS]
    named = (rows for rows in tables if rows and _column(rows[0]) is not None)
    even = (rows for rows in tables if rows and len({len(cells) for _, cells in rows}) == 1 < len(rows[0][1]))
    return next(named, None) or next(even, tables[-1])


def _table(text: str, separator: str) -> list[_Row]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    return rows[1:] if text[:4].lower() == "sep=" else rows


def _column(row: _Row) -> int | None:
    names = [re.sub(r"[\W_]", "", cell).lower() for cell in row[1]]
    return names.index(_COLUMN) if _COLUMN in names else None
