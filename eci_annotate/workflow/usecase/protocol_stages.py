"""Stages of a hanging protocol: grids of panes filled with the series that were placed. Pure.

Rows and columns that would be empty are left out, so that a study with fewer series fills the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = Mapping[str, Any]
OPACITY = 0.4
COLOURS = "inferno"


@dataclass(frozen=True)
class Fuse:
    """A series laid in colour over another one.

    Attributes
    ----------
    series_uid
        The series in colour.
    opacity
        From 0 (not visible) to 1 (nothing shows through).
    colours
        Name of a colour map.
    window
        Centre and width; None for the usual window of the series.
    reasons
        Why the hanging protocol chose it, in words.
    """

    series_uid: str
    opacity: float = OPACITY
    colours: str = COLOURS
    window: tuple[float, float] | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Aim:
    """How an oblique pane is turned: by a normal, or as the slices of a series were acquired.

    Attributes
    ----------
    normal, right
        Directions in LPS; None if they are not given.
    series_uid
        Series whose slices it is parallel to; empty: the one that it shows.
    """

    normal: tuple[float, float, float] | None = None
    right: tuple[float, float, float] | None = None
    series_uid: str = ""


@dataclass(frozen=True)
class StageCell:
    """One pane: a slot's series in a plane.

    Attributes
    ----------
    slot, title
        Name and title of the slot; of the first that it names if none has a series.
    plane
        `acquired`, `axial`, `sagittal`, `coronal` or `oblique`.
    series_uid
        Series shown; empty if none fits.
    fuse
        Series laid over it; None if there is none.
    aim
        How an oblique pane is turned.
    """

    slot: str
    title: str
    plane: str
    series_uid: str
    fuse: Fuse | None = None
    aim: Aim | None = None


@dataclass(frozen=True)
class HangingStage:
    """One grid of a hanging protocol, row by row."""

    name: str
    title: str
    rows: tuple[tuple[StageCell, ...], ...]


def stages_of(
    protocol: Mapping[str, Any], placed: Mapping[str, str], fuses: Mapping[str, Fuse] | None = None
) -> tuple[HangingStage, ...]:
    """Return the stages that show at least one series.

    Parameters
    ----------
    protocol
        A hanging protocol.
    placed
        Series by slot.
    fuses
        What is laid over it, by slot.
    """
    titles = {slot["name"]: slot["title"] for slot in protocol["slots"]}
    stages = (_stage(stage, titles, placed, fuses or {}) for stage in protocol.get("stages", ()))
    return tuple(stage for stage in stages if stage.rows)


def _stage(
    stage: Mapping[str, Any], titles: Mapping[str, str], placed: Mapping[str, str], fuses: Mapping[str, Fuse]
) -> HangingStage:
    table = [[_cell(cell, titles, placed, fuses) for cell in row] for row in stage["grid"]]
    return HangingStage(stage["name"], stage["title"], _filled(table))


def _cell(cell: Cell, titles: Mapping[str, str], placed: Mapping[str, str], fuses: Mapping[str, Fuse]) -> StageCell:
    """Take the first slot of a cell that has a series; a slot given as a list states its fallbacks."""
    slots = cell["slot"] if isinstance(cell["slot"], list) else [cell["slot"]]
    slot = next((each for each in slots if each in placed), slots[0])
    fuse = fuses.get(slot) if cell.get("fuse", True) else None
    plane = cell.get("plane", "acquired")
    aim = Aim(_direction(cell, "normal"), _direction(cell, "right"), placed.get(cell.get("like", ""), ""))
    return StageCell(slot, titles[slot], plane, placed.get(slot, ""), fuse, aim if plane == "oblique" else None)


def _direction(cell: Cell, name: str) -> tuple[float, float, float] | None:
    if name not in cell:
        return None
    x, y, z = (float(each) for each in cell[name])
    return x, y, z


def _filled(table: Sequence[Sequence[StageCell]]) -> tuple[tuple[StageCell, ...], ...]:
    rows = [row for row in table if any(cell.series_uid for cell in row)]
    used = {n for row in rows for n, cell in enumerate(row) if cell.series_uid}
    return tuple(tuple(cell for n, cell in enumerate(row) if n in used) for row in rows)
