"""A snapshot is an easel as bytes: objects, fields, undo history, options, and what is open. It avoids long replays.

Format: a NumPy .npz (zip, deflated) with `easel.json` data and the arrays it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from eci_annotate.errors import BadJournal, EciError
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Entry
from eci_annotate.tools.editing.history import Change, Item
from eci_annotate.tools.editing.journal import from_line
from eci_annotate.tools.editing.npz import UNREADABLE, Shelf, field_out, object_in, object_out, opened, where_of
from eci_annotate.tools.editing.open_state import options_in, state_in, state_out
from eci_annotate.tools.protocol import ArrayEdit, Edit, ObjectEdit, Paint
from eci_annotate.tools.registry import TOOLS

VERSION = 1


def _edit_out(edit: Edit, shelf: Shelf) -> dict[str, Any]:
    if isinstance(edit, ObjectEdit):
        return {
            "uid": edit.uid,
            "before": object_out(edit.before, shelf),
            "after": object_out(edit.after, shelf),
        }
    where = [[s.start, s.stop] for s in edit.where]
    return {"uid": edit.uid, "where": where, "was": shelf.put(edit.before), "is": shelf.put(edit.after)}


def _edit_in(body: dict[str, Any], arrays: Any) -> Edit:
    if "where" not in body:
        return ObjectEdit(body["uid"], object_in(body["before"], arrays), object_in(body["after"], arrays))
    return ArrayEdit(body["uid"], where_of(body["where"]), arrays[body["was"]], arrays[body["is"]])


def save(easel: Easel) -> bytes:
    """Return the easel as bytes, undo history and open stroke included."""
    shelf = Shelf()
    body = {
        "version": VERSION,
        "series_uid": easel.table.series_uid,
        "active": easel.table.active,
        "hidden": sorted(easel.table.hidden),
        "tool": easel.tool,
        "options": asdict(easel.options),
        "order": easel.table.history.order,
        "objects": [object_out(t, shelf) for t in easel.table.objects.values()],
        "fields": [field_out(uid, field, shelf) for uid, field in easel.table.history.fields.items()],
        "done": [_item_out(i, shelf) for i in easel.table.history.done],
        "undone": [_item_out(i, shelf) for i in easel.table.history.undone],
        "state": state_out(TOOLS[easel.tool], easel.state, shelf),
        "stroke": [_edit_out(e, shelf) for e in easel.table.history.stroke],
    }
    return shelf.closed(body)


def _item_out(item: Item, shelf: Shelf) -> dict[str, Any]:
    return {"name": item.name, "edits": [_edit_out(e, shelf) for e in item.edits]}


def _item_in(body: dict[str, Any], arrays: Any) -> Item:
    return Item(body["name"], tuple(_edit_in(e, arrays) for e in body["edits"]))


def load(content: bytes, volume_of: Callable[[str], xr.DataArray]) -> Easel:
    """Return the easel from the bytes that `save` returned.

    Raises
    ------
    BadJournal
        If the bytes are not a snapshot of a known version.
    """
    try:
        body, arrays = opened(content)
        if body["version"] != VERSION:
            raise BadJournal(
                f"The snapshot has format {body['version']}; this release reads {VERSION}.", "Update eci_annotate."
            )
        return _filled(Easel(volume_of), body, arrays)
    except UNREADABLE as error:
        raise BadJournal("The snapshot cannot be read.", "Reopen from an earlier one.") from error


def _filled(easel: Easel, body: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Easel:
    if body["series_uid"]:
        easel.show(body["series_uid"])
    easel.table.active, easel.table.hidden = body["active"], frozenset(body["hidden"])
    easel.tool = body["tool"]
    easel.state = state_in(TOOLS[easel.tool], body.get("state"), arrays)
    easel.options = options_in(body["options"])
    easel.table.history.keep_order(body.get("order", ()))
    for one in body["objects"]:
        thing = object_in(one, arrays)
        if thing is not None:
            easel.table.history.place(thing)
    for one in body["fields"]:
        field = np.zeros(one["shape"], np.uint16)
        field[where_of(one["where"])] = arrays[one["values"]]
        easel.table.history.place_field(one["uid"], field)
    table = easel.table
    if any(isinstance(thing, Paint) and uid not in table.history.fields for uid, thing in table.objects.items()):
        raise ValueError("a painted annotation without voxels")
    easel.table.history.done = [_item_in(i, arrays) for i in body["done"]]
    easel.table.history.undone = [_item_in(i, arrays) for i in body["undone"]]
    easel.table.history.stroke = [_edit_in(e, arrays) for e in body.get("stroke", ())]
    return easel


def replay(volume_of: Callable[[str], xr.DataArray], snapshot: bytes | None, lines: Iterable[str]) -> Easel:
    """Return the easel after a snapshot (or none) and the journal lines that followed it.

    A gesture that was refused when it was made is refused again and again changes nothing. An interrupted stroke
    (the kernel was killed) is closed, so that nothing of it is lost.
    """
    easel = Easel(volume_of) if snapshot is None else load(snapshot, volume_of)
    for line in lines:
        apply_again(easel, from_line(line))
    easel.finish()
    return easel


def apply_again(easel: Easel, entry: Entry) -> tuple[Change, ...]:
    """Apply an entry of a journal; one that was refused when it was made is refused again and changes nothing.

    Raises
    ------
    BadJournal
        If it cannot be read, or its values are such that no tool can do anything with them.
    """
    try:
        return easel.do(entry)
    except BadJournal:
        raise
    except EciError:
        return ()
    except (*UNREADABLE, ShapelyError) as error:
        raise BadJournal("A step of the stroke journal cannot be done.", "Reopen from the last snapshot.") from error
