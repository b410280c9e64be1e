"""Grids of panes: which pane shows which series in which plane, and where it is on the board. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eci_annotate.viewer.stage.pane_geometry import PANES, PlaneStack
from eci_annotate.viewer.stage.sections.oblique_stack import OBLIQUE, Tilt
from eci_annotate.workflow.usecase.protocol_stages import Aim, Fuse, HangingStage, StageCell

ACQUIRED = "acquired"
PLANES = (*PANES, ACQUIRED, OBLIQUE)
MOST_PANES = 25


@dataclass(frozen=True)
class Cell:
    """One pane of a layout.

    Attributes
    ----------
    name
        Name of the pane, unique in its layout.
    plane
        One of `PLANES`.
    series_uid
        Series or stack shown; empty: the one that is drawn on.
    row, col, rows, cols
        Position and extent on the board, in cells from 0.
    title
        What the hanging protocol calls it.
    why
        Why nothing is shown; empty if something is.
    fuse
        Series laid in colour over it; None if there is none.
    aim, tilt
        How an oblique pane is turned: as the hanging protocol states it, and by the user; None: as acquired.
    slot
        Slot of the hanging protocol; empty in other layouts.
    """

    name: str
    plane: str
    series_uid: str = ""
    row: int = 0
    col: int = 0
    rows: int = 1
    cols: int = 1
    title: str = ""
    why: str = ""
    fuse: Fuse | None = None
    aim: Aim | None = None
    tilt: Tilt | None = None
    slot: str = ""

    def to_wire(self) -> dict[str, Any]:
        """Return what the browser needs of its place."""
        place = {"row": self.row, "col": self.col, "rows": self.rows, "cols": self.cols}
        return {"name": self.name, "title": self.title, "why": self.why, **place}


@dataclass(frozen=True)
class PaneGrid:
    """A grid of panes.

    Attributes
    ----------
    name, title
        Its name in commands, and in menus.
    cells
        Its panes; those of one row from left to right.
    columns
        Relative widths of the columns.
    """

    name: str
    title: str
    cells: tuple[Cell, ...]
    columns: tuple[float, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return max(cell.row + cell.rows for cell in self.cells)

    @property
    def is_fixed(self) -> bool:
        """Whether its panes name their series, and do not follow the one that is drawn on."""
        return any(cell.series_uid or cell.why for cell in self.cells)

    def cell(self, name: str) -> Cell | None:
        """Return a pane's cell; None if there is no such pane."""
        return next((cell for cell in self.cells if cell.name == name), None)

    def led_by(self, plane: str) -> PaneGrid:
        """Return the layout with its first place for the pane of a plane, which changes places with the first one."""
        first = self.cells[0]
        other = next((cell for cell in self.cells if cell.plane == plane), first)
        places = {first.name: other, other.name: first}
        cells = (_at(cell, places.get(cell.name, cell)) for cell in self.cells)
        return replace(self, cells=tuple(cells))

    def put(self, name: str, series_uid: str, plane: str = "") -> PaneGrid:
        """Return the layout with another series, and if given plane, in one pane (the first if it has no such)."""
        at = self.cell(name) or self.cells[0]
        new = replace(at, series_uid=series_uid, plane=plane or at.plane, title="", why="")
        return replace(self, cells=tuple(new if cell is at else cell for cell in self.cells))

    def tilt(self, name: str, tilt: Tilt) -> PaneGrid:
        """Return the layout with an oblique pane turned."""
        return replace(
            self, cells=tuple(replace(each, tilt=tilt) if each.name == name else each for each in self.cells)
        )

    def lay(self, name: str, fuse: Fuse | None) -> PaneGrid:
        """Return the layout with a series laid over one pane; over all that follow the series that is drawn on."""
        at = self.cell(name) or self.cells[0]
        return replace(
            self,
            cells=tuple(replace(each, fuse=fuse) if each is at or not self.is_fixed else each for each in self.cells),
        )


def _at(cell: Cell, place: Cell) -> Cell:
    return replace(cell, row=place.row, col=place.col, rows=place.rows, cols=place.cols)


THREE_PLANE = PaneGrid(
    "three-plane", "Three planes",
    (
        Cell("axial", "axial", row=0, col=0, rows=2),
        Cell("sagittal", "sagittal", row=0, col=1),
        Cell("coronal", "coronal", row=1, col=1),
    ),
    (1.62, 1.0),
)  # fmt: skip
FOUR_PLANE = PaneGrid(
    "four-plane", "Three planes and oblique",
    (
        Cell("axial", "axial", row=0, col=0),
        Cell("sagittal", "sagittal", row=0, col=1),
        Cell("coronal", "coronal", row=1, col=1),
        Cell("oblique", OBLIQUE, row=1, col=0),
    ),
    (1.0, 1.0),
)  # fmt: skip


def grid(name: str, title: str, rows: Sequence[Sequence[Cell]]) -> PaneGrid:
    """Return a regular grid; names and places of the cells are set here."""
    cells = (
        replace(cell, name=f"{r + 1}-{c + 1}", row=r, col=c) for r, row in enumerate(rows) for c, cell in enumerate(row)
    )
    return PaneGrid(name, title, tuple(cells), (1.0,) * max(map(len, rows)))


def filled(rows: int, cols: int, series: Sequence[str]) -> PaneGrid:
    """Return a regular grid of acquired slices that shows these series in order, the last ones empty if too few."""
    shown = [Cell("", ACQUIRED, uid) for uid in series[: rows * cols]]
    rest = [Cell("", ACQUIRED, why="Choose a series in the list.") for _ in range(rows * cols - len(shown))]
    cells = [*shown, *rest]
    table = [cells[r * cols : (r + 1) * cols] for r in range(rows)]
    return grid(f"{rows}x{cols}", f"{rows} × {cols}", table)


def of_stage(stage: HangingStage) -> PaneGrid:
    """Return the grid of a stage of a hanging protocol; three planes of one series are the three-plane view."""
    cells = [cell for row in stage.rows for cell in row]
    if (
        len(cells) == len(PANES)
        and {cell.plane for cell in cells} == set(PANES)
        and len({c.series_uid for c in cells}) == 1
    ):
        planes = replace(THREE_PLANE, name=stage.name, title=stage.title).lay("", cells[0].fuse)
        return replace(planes, cells=tuple(replace(each, slot=cells[0].slot) for each in planes.cells))
    return grid(stage.name, stage.title, [[_of_slot(cell) for cell in row] for row in stage.rows])


def _of_slot(cell: StageCell) -> Cell:
    why = "" if cell.series_uid else "No series of this study fits."
    return Cell(
        "", cell.plane, cell.series_uid, title=cell.title, why=why, fuse=cell.fuse, aim=cell.aim, slot=cell.slot
    )


GRIDS = ((1, 1), (1, 2), (2, 2), (2, 3), (3, 3))


def offered(stages: Sequence[HangingStage], series: Sequence[str]) -> tuple[PaneGrid, ...]:
    """Return the layouts for a study: of its hanging protocol, then three planes, with an oblique one, and plain grids.

    Parameters
    ----------
    stages
        Stages of the hanging protocol.
    series
        All series that can be shown, those placed first.
    """
    own = [of_stage(stage) for stage in stages]
    plain = [filled(rows, cols, series) for rows, cols in GRIDS]
    unique = {layout.name: layout for layout in (*own, THREE_PLANE, FOUR_PLANE, *plain)}
    return tuple(unique.values())


def plane_of(stacks: Mapping[str, PlaneStack], plane: str) -> PlaneStack | None:
    """Return the planes of a volume that a cell shows; None if the volume cannot be shown in this plane."""
    if plane != ACQUIRED:
        return stacks.get(plane)
    return next(stack for stack in stacks.values() if stack.axis == 0)
