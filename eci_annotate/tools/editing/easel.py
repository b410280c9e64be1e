"""The easel is where drawing happens: entries go in, changes come out. It knows neither browser nor files.

The same entries applied in the same order to the same volumes give the same bits; the stroke journal relies on this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.geometry import tuple3
from eci_annotate.imaging.volume import series_uid_of
from eci_annotate.tools.editing.acceptance import accepted
from eci_annotate.tools.editing.adoption import adopted
from eci_annotate.tools.editing.entries import (
    Accept,
    Add,
    Adopt,
    Alter,
    ChooseTool,
    Delete,
    Entry,
    Redo,
    Select,
    SetOption,
    Show,
    Undo,
)
from eci_annotate.tools.editing.history import Change
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import ToolName
from eci_annotate.tools.protocol import Edit, ObjectEdit, Options, Overlay, Paint, Scene, Step, Tool
from eci_annotate.tools.registry import TOOLS, title_for

# lifts the pen wherever it was: closes an interrupted stroke, and has no other effect
LIFT = Release((0.0, 0.0, 0.0), Plane("", (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 1.0))


class Easel:
    """Annotations being drawn.

    Parameters
    ----------
    volume_of
        Returns the volume of a series for its Series Instance UID.

    Attributes
    ----------
    table
        The series shown and the annotations drawn, to read.
    tool
        Name of the current tool, a key of `TOOLS`.
    options
        Tool options.
    """

    def __init__(self, volume_of: Callable[[str], xr.DataArray]) -> None:
        self.table = Table(volume_of)
        self.tool = ToolName.BOX.value
        self.options = Options()
        self.state: Any = TOOLS[self.tool].idle
        self._foreseen: tuple[Gesture, Step] | None = None  # computed to see whether it is in vain

    @classmethod
    def for_volume(cls, volume: xr.DataArray) -> Easel:
        """Return an easel with one volume already shown."""
        easel = cls(lambda uid: volume)
        easel.show(series_uid_of(volume))
        return easel

    # -- reading ------------------------------------------------------------------
    def overlay(self, plane: Plane, reach_mm: float) -> Overlay:
        """Return handles and preview lines of the current tool for one pane."""
        return TOOLS[self.tool].overlay(self.state, self._scene(), plane, reach_mm)

    def warm_up(self) -> None:
        """Compile kernels and smooth the volume before the first stroke needs them."""
        self.table.sheet.smooth.size  # noqa: B018
        trial = Easel(lambda uid: self.table.volume[:3, :8, :8])
        trial.show(self.table.series_uid)
        at = tuple3(trial.table.grid.reference_from_image([1, 4, 4]))
        plane = Plane("axial", (0, 0, 0), trial.table.grid.directions[2], trial.table.grid.directions[1], 1.0)
        for name, tool in TOOLS.items():
            for options in tool.info.trials:
                trial.do(Add(f"{name} {options}", name, "", (0, 0, 0), self.table.series_uid))
                for option, value in options.items():
                    trial.do(SetOption(option, value))
                trial.do(Press(at, plane))
                trial.do(Cancel())

    def become(self, other: Easel) -> None:
        """Take over the state of another easel, for instance to go back in a replay; prepared series are kept."""
        self.table.become(other.table)
        self.tool, self.options, self.state = other.tool, other.options, other.state

    # -- changing -------------------------------------------------------------------
    def show(self, series_uid: str) -> tuple[Change, ...]:
        """Show a series."""
        return self.do(Show(series_uid))

    def do(self, entry: Entry) -> tuple[Change, ...]:
        """Apply one entry.

        Raises
        ------
        WrongPlane, Refused
            If the tool cannot do this here; nothing is changed then.
        """
        match entry:
            case Press() | Drag() | Release() | Cancel():
                return self._gesture(entry)
            case Undo():
                return (*self.settle(), *self.table.history.undo())
            case Redo():
                return (*self.settle(), *self.table.history.redo())
            case Adopt():
                return (*self.settle(), *self._adopt(entry))
            case Accept():
                return (*self.settle(), *self._accept(entry))
            case Add() | Alter() | Delete():
                return (*self.settle(), *self._arrange(entry))
            case SetOption():
                self._turn(entry)
                return ()
            case _:
                changes = self.settle()
                self._turn(entry)
                return changes

    def settle(self) -> tuple[Change, ...]:
        """End a running stroke as if it had been cancelled."""
        self.state = TOOLS[self.tool].idle
        if self.table.active in self.table.history.added:
            self.table.active = None
        return self.table.history.rollback()

    def finish(self) -> tuple[Change, ...]:
        """Close an interrupted stroke, as if the pen had been lifted where it was."""
        return self.do(LIFT)

    def is_vain(self, gesture: Gesture) -> bool:
        """Whether a gesture would end a stroke that changes nothing; the caller may cancel it instead.

        Raises
        ------
        WrongPlane, Refused
            If the tool cannot do this here.
        """
        tool = TOOLS[self.tool]
        if self.state == tool.idle or not isinstance(gesture, Press | Release):
            return False
        step = tool.handle(self.state, gesture, self._scene())
        self._foreseen = gesture, step
        return bool(step.name) and self.table.history.is_vain(step.edits)

    def _gesture(self, gesture: Press | Drag | Release | Cancel) -> tuple[Change, ...]:
        tool = TOOLS[self.tool]
        if isinstance(gesture, Press) and not tool.info.prompts:
            _require_fit(tool, self.table)
            if tool.info.keeps and getattr(self.options, tool.info.keeps_if, True):
                self.table.history.open_field(f"{tool.info.keeps}{self.table.series_uid}", self.table.grid.shape)
        foreseen, self._foreseen = self._foreseen, None
        if isinstance(gesture, Cancel) or (isinstance(gesture, Release) and self.state == tool.idle):
            return self.settle()
        known = foreseen is not None and foreseen[0] is gesture
        step = foreseen[1] if foreseen and known else tool.handle(self.state, gesture, self._scene())
        self.state = step.state
        changes = self.table.history.apply(step.edits)
        if step.name:
            self.table.history.commit(step.name)
        return changes

    def _arrange(self, entry: Add | Alter | Delete) -> tuple[Change, ...]:
        """Add, rename, recolour, hide or delete; everything but hiding is one undo item."""
        if isinstance(entry, Add):
            return self._add(entry)
        thing = self.table.objects.get(entry.uid)
        if thing is None:
            return ()
        label = thing.label or "annotation"
        if isinstance(entry, Delete):
            self.table.active = None if self.table.active == entry.uid else self.table.active
            return self._commit([ObjectEdit(entry.uid, thing, None)], f"deletion of {label}")
        if entry.visible is not None:
            self.table.hidden = self.table.hidden - {entry.uid} if entry.visible else self.table.hidden | {entry.uid}
        changed = thing if entry.label is None else thing.with_label(entry.label)
        changed = changed if entry.colour is None else changed.with_colour(entry.colour)
        if changed is thing:
            return (Change(entry.uid, None),)
        what = "renaming" if changed.label != thing.label else "new colour"
        return self._commit([ObjectEdit(entry.uid, thing, changed)], f"{what} of {label}")

    def _add(self, entry: Add) -> tuple[Change, ...]:
        if entry.uid in self.table.objects or entry.tool not in TOOLS:
            raise Refused(f"Cannot add {entry.label!r} with {entry.tool!r}.", f"Tools are {', '.join(TOOLS)}.")
        self._turn(Show(entry.series_uid))
        self._turn(ChooseTool(entry.tool))
        header = Annotation(
            label=entry.label,
            colour=entry.colour,
            uid=entry.uid,
            series_uid=entry.series_uid,
            frame_uid=self.table.grid.frame_of_reference_uid,
        )
        thing = TOOLS[entry.tool].create(header, self._scene())
        if isinstance(thing, Paint):
            self.table.history.open_field(entry.uid, self.table.grid.shape)
        self.table.active = entry.uid
        added = ObjectEdit(entry.uid, None, thing)
        if entry.for_stroke:
            return self.table.history.apply([added])
        return self._commit([added], f"addition of {entry.label or 'annotation'}")

    def _adopt(self, entry: Adopt) -> tuple[Change, ...]:
        if entry.uid in self.table.objects:
            what = f"{self.table.objects[entry.uid].label!r} was taken over already."
            raise Refused(what, "Edit it, or delete it and take it over again.")
        shape = self.table.sheet_of(entry.series_uid).grid.shape
        before = self.table.history.fields.get(entry.uid, np.zeros(shape, np.uint16))
        thing, edits = adopted(entry, shape, before)
        if isinstance(thing, Paint):
            self.table.history.open_field(entry.uid, shape)
        if not self.table.series_uid:
            self._turn(Show(entry.series_uid))
        self.table.active = entry.uid
        return self._commit(edits, f"taking over of {thing.label or 'annotation'}")

    def _accept(self, entry: Accept) -> tuple[Change, ...]:
        shape = self.table.sheet_of(entry.series_uid).grid.shape
        edits = accepted(entry, self.table.objects, self.table.history.fields, shape)
        for edit in edits:
            if isinstance(edit, ObjectEdit) and edit.before is None and isinstance(edit.after, Paint):
                self.table.history.open_field(edit.uid, shape)
                self.table.active = edit.uid
        return self._commit(edits, entry.name)

    def _commit(self, edits: Sequence[Edit], name: str) -> tuple[Change, ...]:
        changes = self.table.history.apply(edits)
        self.table.history.commit(name)
        return changes

    def _turn(self, entry: Entry) -> None:
        """Change selection, series, tool or options; no annotation changes."""
        match entry:
            case Select(uid):
                self.table.active = uid if uid in self.table.objects else None
            case Show(series_uid):
                self.table.sheet_of(series_uid)
                self.table.series_uid = series_uid
            case ChooseTool(tool) if tool in TOOLS:
                self.tool, self.state = tool, TOOLS[tool].idle
            case SetOption(name, value) if name in {f.name for f in fields(Options)}:
                chosen: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value}
                self.options = replace(self.options, **chosen)
            case _:
                raise Refused(f"{entry} is not known.", f"Tools are {', '.join(TOOLS)}.")

    def _scene(self) -> Scene:
        sheet = self.table.sheet
        return Scene(
            sheet.values,
            sheet.smooth if TOOLS[self.tool].needs_smoothing(self.options) else sheet.values,
            sheet.scale,
            sheet.grid,
            self.table.series_uid,
            self.table.objects,
            {uid: _read_only(f) for uid, f in self.table.history.fields.items()},
            self.table.active,
            self.options,
            tuple(self.table.history.order),
            sheet.origin,
        )


def _require_fit(tool: Tool, table: Table) -> None:
    thing = table.objects.get(table.active or "")
    if thing is None:
        raise Refused("No annotation is selected.", f"Add one for {tool.info.title}, or select one in the list.")
    if not table.is_editable_on(thing, table.series_uid):
        raise Refused(
            f"{thing.label!r} was drawn on another series.", "Switch to that series, or add a new annotation."
        )
    if not tool.works_on(thing):
        title, chosen = title_for(thing), tool.info.title
        raise Refused(f"{thing.label!r} was made with {title}.", f"Choose {title}, or add one for {chosen}.")


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
