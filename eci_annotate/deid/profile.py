"""The table of the Basic Application Level Confidentiality Profile (PS3.15 table E.1-1) as data."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

DATA = files("eci_annotate.deid") / "data"


class Option(StrEnum):
    """Columns of the table beside the basic profile."""

    PRIVATE = "private"
    UIDS = "uids"
    DEVICE = "device"
    INSTITUTION = "institution"
    CHARACTERISTICS = "characteristics"
    FULL_DATES = "full_dates"
    MODIFIED_DATES = "modified_dates"
    DESCRIPTORS = "descriptors"
    STRUCTURED = "structured"
    GRAPHICS = "graphics"


@dataclass(frozen=True)
class Row:
    """One attribute of the table.

    Attributes
    ----------
    tag
        Eight hexadecimal digits; `50XXXXXX`, `60XX3000` and `60XX4000` stand for repeating groups.
    name
        The attribute's name in PS3.6.
    letters
        Actions of the basic profile, e.g. ("X", "Z", "D").
    options
        K (keep) or C (clean) by option.
    """

    tag: str
    name: str
    letters: tuple[str, ...]
    options: Mapping[Option, str]


@cache
def rows() -> tuple[Row, ...]:
    """Return every row of the table but the one about private attributes."""
    with (DATA / "profile.csv").open(encoding="utf-8") as stream:
        return tuple(_row(line) for line in csv.DictReader(stream) if line["tag"] != "private")


def _row(line: Mapping[str, str]) -> Row:
    options = (entry.split(":") for entry in line["options"].split())
    letters = tuple(line["action"].replace("*", "").split("/"))
    return Row(line["tag"], line["name"], letters, {Option(name): letter for name, letter in options})


@cache
def by_tag() -> Mapping[int, Row]:
    """Return the rows of single tags."""
    return {int(row.tag, 16): row for row in rows() if "X" not in row.tag}


def row_of(tag: int) -> Row | None:
    """Return the row of a tag, those of repeating groups included; None if the table does not list it."""
    found = by_tag().get(tag)
    return found if found or tag >> 24 not in (0x50, 0x60) else next(_repeating(tag), None)


def _repeating(tag: int) -> Iterator[Row]:
    digits = f"{tag:08X}"
    for row in rows():
        if "X" in row.tag and all(ours in ("X", theirs) for ours, theirs in zip(row.tag, digits, strict=True)):
            yield row
