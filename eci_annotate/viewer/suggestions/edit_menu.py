"""The menu of operations on the selected annotation."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.mask_edit import Combination, MaskEdit, MaskOperation, others_of
from eci_annotate.tools.protocol import Paint
from eci_annotate.tools.shape_edit import ShapeOperation, paints_near, size_as_typed

TITLE = "Edit …"


class EditMenu:
    """Offers what can be done with the selected annotation.

    Parameters
    ----------
    easel
        What is drawn.
    ask
        Called with the operation that was chosen.
    """

    def __init__(self, easel: Easel, ask: Callable[[MaskEdit], None]) -> None:
        self._easel, self._ask = easel, ask
        self.widget = w.Dropdown(options=[TITLE], layout=w.Layout(width="110px"))
        self.widget.observe(self._chosen, "index")
        self.size = w.Text(layout=w.Layout(width="150px"), continuous_update=False)
        self.size.tooltip = "Size of the box: width x height x depth, mm"
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
                snap = [(str(ShapeOperation.SNAP), MaskEdit(uid, ShapeOperation.SNAP))]
                return snap + [
                    (f"{ShapeOperation.FIT} {label}", MaskEdit(uid, ShapeOperation.FIT, o)) for o, label in fits
                ]
        return []

    def _show_size(self) -> None:
        """Show the size of the selected box; no field for other annotations."""
        thing = self._easel.table.objects.get(self._easel.table.active or "")
        self._shown = size_as_typed(thing) if isinstance(thing, Box) else ""
        self.size.value, self.size.layout.display = self._shown, "" if self._shown else "none"

    def _typed(self, change: dict[str, str]) -> None:
        if change["new"] != self._shown:
            self._ask(MaskEdit(self._easel.table.active or "", ShapeOperation.SIZE, change["new"]))

    def _chosen(self, change: dict[str, int | None]) -> None:
        """Ask as an action, not a state: the menu returns to its title."""
        index = change["new"]
        if index:
            self.widget.index = 0
            self._ask(self._edits[index - 1])
