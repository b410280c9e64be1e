"""The panes of the current layout: the series and the planes that each shows, and the pictures of these series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eci_annotate.errors import EciError, Refused
from eci_annotate.imaging.display import Window
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.layouts import ACQUIRED, THREE_PLANE, Cell, PaneGrid, plane_of
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, marks_of, planes_of_volume
from eci_annotate.viewer.stage.sections.oblique_panes import ObliquePanes
from eci_annotate.viewer.stage.sections.oblique_stack import OBLIQUE
from eci_annotate.viewer.stage.sections.series_overlays import ONTO, Overlays
from eci_annotate.viewer.stage.slices import Pictures, slab_of

ONE_PLANE = "These images have only their acquired plane."
NOT_OBLIQUE = "An oblique pane is for viewing: it cuts voxels askew, and a line would not be exact."


class Panes:
    """What each pane shows.

    Parameters
    ----------
    easel
        Its series is shown in cells that name none.

    Attributes
    ----------
    layout
        The current layout.
    stacks
        For each stack of a series that has several: all of them, UID and title.
    studies
        For each series of a subject with several studies: whether its study is prior or current, and its date.
    overlays
        What is laid in colour over the series.
    windows
        Initial window of a series by its UID, as the hanging protocol states it; otherwise the default.
    """

    def __init__(self, easel: Easel) -> None:
        self.easel = easel
        self.layout: PaneGrid = THREE_PLANE
        self.overlays = Overlays(easel)
        self.obliques = ObliquePanes(lambda uid: easel.table.sheet_of(uid).volume)
        self.windows: Mapping[str, Window] = {}
        self.stacks: Mapping[str, Sequence[tuple[str, str]]] = {}
        self.studies: Mapping[str, str] = {}
        self._planes: dict[str, dict[str, PlaneStack]] = {}
        self._pictures: dict[str, Pictures] = {}

    def series(self, pane: str) -> str:
        """Return the series that a pane shows; empty if it shows none."""
        cell = self.layout.cell(pane)
        return "" if cell is None or cell.why else cell.series_uid or self.easel.table.series_uid

    def planes(self, series_uid: str) -> dict[str, PlaneStack]:
        """Return the stacks of planes of a series, by plane: three, or only the acquired one.

        Raises
        ------
        EciError
            If the series cannot be loaded.
        """
        if series_uid not in self._planes:
            self._planes[series_uid] = planes_of_volume(self.easel.table.sheet_of(series_uid).volume)
        return self._planes[series_uid]

    def stack(self, pane: str) -> PlaneStack | None:
        """Return the planes that a pane shows; None if it shows none."""
        cell, series_uid = self.layout.cell(pane), self.series(pane)
        if cell is None or not series_uid:
            return None
        if cell.plane == OBLIQUE:
            return self.obliques.stack(cell, series_uid)
        return plane_of(self.planes(series_uid), cell.plane)

    def drawable(self, pane: str) -> PlaneStack:
        """Return the planes of a pane in which a tool draws.

        Raises
        ------
        Refused
            If it shows no images, or is oblique.
        """
        stack = self.stack(pane)
        if stack is None:
            raise Refused("This pane shows no images.", "Draw in another pane.")
        if stack.oblique:
            raise Refused(NOT_OBLIQUE, "Draw in another pane.")
        return stack

    @property
    def shown(self) -> tuple[str, ...]:
        """The series shown, each once."""
        series = (self.series(cell.name) for cell in self.layout.cells)
        return tuple(dict.fromkeys(uid for uid in series if uid))

    def groups(self) -> list[tuple[str, ...]]:
        """Return the series shown, those with the same voxels together: annotations look the same on them."""
        found: list[tuple[str, ...]] = []
        for uid in self.shown:
            grid = self.easel.table.sheet_of(uid).grid
            same = next(
                (n for n, group in enumerate(found) if self.easel.table.sheet_of(group[0]).grid.same_voxels(grid)), None
            )
            if same is None:
                found.append((uid,))
            else:
                found[same] = (*found[same], uid)
        return found

    def arrange(self, layout: PaneGrid) -> None:
        """Show another layout; a series that cannot be loaded leaves its pane empty and says why."""
        cells = tuple(self._checked(cell) for cell in layout.cells)
        self.layout = replace(layout, cells=cells)

    def _checked(self, cell: Cell) -> Cell:
        if cell.why or not cell.series_uid:
            return cell
        try:
            self.planes(cell.series_uid)
        except EciError as error:
            return replace(cell, series_uid="", why=error.what)
        return cell

    def pictures(self, series_uid: str) -> Pictures:
        """Return the pictures of a series."""
        if series_uid not in self._pictures:
            volume = self.easel.table.sheet_of(series_uid).volume
            self._pictures[series_uid] = Pictures(volume, self.windows.get(series_uid))
        return self._pictures[series_uid]

    def slice_order(self, want: Want) -> Send | None:
        """Return the order that answers a request; None if that is not shown or does not exist."""
        name, _, onto = want.plane.partition(ONTO)
        below, (plane, _, _) = onto or want.series, slab_of(name)
        stack = self._named(below, plane) if below in self.shown else None
        if stack is None:
            return None
        if not onto and not stack.oblique:
            return self.pictures(want.series).slice_order(want, stack)
        known = not onto or (below, want.series) in self._laid
        return self.overlays.slice_order(want, below, stack) if known else None

    def _named(self, series_uid: str, plane: str) -> PlaneStack | None:
        found: dict[str, PlaneStack] = {**self.planes(series_uid), **self._tilted(series_uid)}
        return found.get(plane)

    def _tilted(self, series_uid: str) -> dict[str, PlaneStack]:
        """Return the oblique planes in which a series is shown, by name."""
        names = (cell.name for cell in self.layout.cells if cell.plane == OBLIQUE)
        stacks = (self.stack(name) for name in names if self.series(name) == series_uid)
        return {stack.name: stack for stack in stacks if stack}

    @property
    def _laid(self) -> set[tuple[str, str]]:
        """Which series is shown over which."""
        cells = ((self.series(cell.name), cell.fuse) for cell in self.layout.cells)
        found = ((below, self.overlays.to_wire(below, fuse)) for below, fuse in cells)
        return {(below, wire["series"]) for below, wire in found if wire and wire["series"]}

    def scene(self) -> Message:
        """Return the message that shows the layout and its series in a browser."""
        wire = [self._pane(cell) for cell in self._placed()]
        place = {"name": self.layout.name, "columns": list(self.layout.columns), "rows": self.layout.rows}
        series = dict.fromkeys((*self.shown, *sorted(above for _, above in self._laid)))
        return messages.scene(place, wire, {uid: self._facts(uid) for uid in series}, self.easel.table.series_uid)

    def _placed(self) -> tuple[Cell, ...]:
        """Return the cells; of three planes of one series, the acquired one has the largest pane."""
        if self.layout.is_fixed:
            return self.layout.cells
        acquired = plane_of(self.planes(self.easel.table.series_uid), ACQUIRED)
        return self.layout.led_by(acquired.name if acquired else "").cells

    def _pane(self, cell: Cell) -> Message:
        stack, series = self.stack(cell.name), self.series(cell.name)
        if stack is None and series:
            return {**cell.to_wire(), "series": "", "plane": "", "why": ONE_PLANE}
        fuse = self.overlays.to_wire(series, cell.fuse)
        return {**cell.to_wire(), "series": series, "plane": stack.name if stack else "", "fuse": fuse}

    def _facts(self, series_uid: str) -> Message:
        """Return frame of reference, shapes by plane, initial window and inversion of a series."""
        sheet, pictures = self.easel.table.sheet_of(series_uid), self.pictures(series_uid)
        marks = marks_of(sheet.volume)
        shapes = {name: stack.to_wire(marks) for name, stack in self.planes(series_uid).items()}
        shapes |= {name: stack.to_wire() for name, stack in self._tilted(series_uid).items()}
        window = list(pictures.window)
        frame = sheet.grid.frame_of_reference_uid
        quantity = str(sheet.volume.attrs.get("units", ""))
        facts = {"window": window, "invert": pictures.invert, "quantity": quantity, "colour": pictures.in_colour}
        facts["study"] = self.studies.get(series_uid, "")
        facts |= {"voi": pictures.voi, "windows": pictures.choices, "suv": sheet.volume.attrs.get("suv_factor", 0)}
        stacks = [list(each) for each in self.stacks.get(series_uid, ())]
        return {"frame": frame, "shapes": shapes, "stacks": stacks, **facts}
