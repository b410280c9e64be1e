"""The menu of operations on the selected annotation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ipywidgets as w

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.mask_edit import Combination, MaskEdit, MaskOperation, others_of
from eci_annotate.tools.protocol import Paint, Unplaced
from eci_annotate.tools.shape_edit import ShapeOperation, paints_near, size_as_typed
from eci_annotate.viewer.stage.controller import Controller

TITLE = "Edit …"
SIZE = "Size of the box: width x height x depth, mm"
FIRST_SIZE = f"{SIZE}. The box is placed at the crosshair, which Shift and the arrow keys move."


class EditMenu:
    """Offers what can be done with the selected annotation.

    Parameters
    ----------
    easel
        What is drawn.
    ask
        Called with the operation that was chosen.
    crosshair
        Returns the crosshair in the frame of reference of an annotation (its uid); None if it is in another one.
    """

    def __init__(
        self, easel: Easel, ask: Callable[[MaskEdit], None], crosshair: Callable[[str], Vector | None]
    ) -> None:
        self._easel, self._ask, self._crosshair = easel, ask, crosshair
        self.widget = w.Dropdown(options=[TITLE], layout=w.Layout(width="110px"))
        self.widget.observe(self._chosen, "index")
        self.size = w.Text(layout=w.Layout(width="150px"), continuous_update=False)
        self.size.placeholder = "width x height x depth"
        self.size.observe(self._typed, "value")
        self._edits: list[MaskEdit] = []
        self._shown = ""
        self.refresh()

    def refresh(self) -> None:
        """Offer what fits the selected annotation."""
        uid = self._easel.table.active or ""
        offered = self._offered(uid)
        if offered:
            offered.insert(0, (str(ShapeOperation.MEASURE), MaskEdit(uid, ShapeOperation.MEASURE)))
        self._edits = [edit for _, edit in offered]
        titles = (TITLE, *(title for title, _ in offered))
        if titles != tuple(self.widget.options):
            self.widget.options = titles
        self._show_size()
        self.widget.disabled = not offered
        self.widget.tooltip = "Change the selected annotation" if offered else "Select an annotation first"

    def _offered(self, uid: str) -> list[tuple[str, MaskEdit]]:
        match self._easel.table.objects.get(uid):
            case Paint():
                alone = [(str(each), MaskEdit(uid, each)) for each in MaskOperation]
                others = others_of(self._easel.table, uid).items()
                return alone + [
                    (f"{c} {label}", MaskEdit(uid, c, other)) for other, label in others for c in Combination
                ]
            case Contours():
                return [(str(ShapeOperation.INTERPOLATE), MaskEdit(uid, ShapeOperation.INTERPOLATE))]
            case Box():
                fits = paints_near(self._easel.table, uid).items()
                whole = [(str(each), MaskEdit(uid, each)) for each in (ShapeOperation.SNAP, ShapeOperation.CENTRE)]
                return whole + [
                    (f"{ShapeOperation.FIT} {label}", MaskEdit(uid, ShapeOperation.FIT, o)) for o, label in fits
                ]
        return []

    def _show_size(self) -> None:
        """Show the size of the selected box, empty before it is placed; no field for other annotations."""
        thing = self._easel.table.objects.get(self._easel.table.active or "")
        self._shown = size_as_typed(thing) if isinstance(thing, Box) else ""
        self.size.tooltip = FIRST_SIZE if isinstance(thing, Unplaced) else SIZE
        self.size.value = self._shown
        self.size.layout.display = "" if isinstance(thing, Box | Unplaced) else "none"

    def _typed(self, change: dict[str, str]) -> None:
        if change["new"] != self._shown:
            uid = self._easel.table.active or ""
            self._ask(MaskEdit(uid, ShapeOperation.SIZE, change["new"], self._crosshair(uid)))

    def _chosen(self, change: dict[str, int | None]) -> None:
        """Ask as an action, not a state: the menu returns to its title."""
        index = change["new"]
        if index:
            self.widget.index = 0
            edit = self._edits[index - 1]
            self._ask(replace(edit, at=self._crosshair(edit.uid)) if edit.what is ShapeOperation.CENTRE else edit)


def crosshair_for(controller: Controller, uid: str) -> Vector | None:
    """Return the crosshair of the active pane if that shows the frame of reference of an annotation, else None."""
    table = controller.easel.table
    thing, series = table.objects.get(uid), controller.panes.series(controller.active_pane)
    return controller.focus if thing and series and table.is_on(thing, series) else None
