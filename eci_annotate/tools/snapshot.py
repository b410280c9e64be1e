"""A snapshot is an easel as bytes: objects, fields, undo history, options. It saves replaying long journals.

Format: a NumPy .npz (zip, deflated) with `easel.json` data and the arrays it names.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import BadJournal, EciError
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.easel import TOOLS, Easel
from eci_annotate.tools.history import Item
from eci_annotate.tools.journal import from_line
from eci_annotate.tools.protocol import ArrayEdit, Edit, Object, ObjectEdit, Options, Paint, Unplaced, Where

VERSION = 1
KINDS: dict[str, type[Any]] = {"box": Box, "contours": Contours, "paint": Paint, "unplaced": Unplaced}


class _Shelf:
    """Arrays by running name."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def put(self, array: NDArray[Any]) -> str:
        name = f"a{len(self.arrays)}"
        self.arrays[name] = array
        return name


def _object_out(thing: Object | None, shelf: _Shelf) -> dict[str, Any] | None:
    if thing is None:
        return None
    body: dict[str, Any] = {"kind": next(k for k, t in KINDS.items() if type(thing) is t)}
    body |= thing.header
    match thing:
        case Box():
            body |= {n: getattr(thing, n) for n in ("centre_lps", "size_mm", "axes_lps")}
        case Contours(rings_lps=rings, spacing_mm=spacing):
            ends = np.cumsum([len(r) for r in rings], dtype=np.int64)
            points = np.concatenate(rings) if rings else np.empty((0, 3))
            body |= {"spacing_mm": spacing, "points": shelf.put(points), "ends": shelf.put(ends)}
    return body


def _object_in(body: dict[str, Any] | None, arrays: Any) -> Object | None:
    if body is None:
        return None
    kind = KINDS[body.pop("kind")]
    if kind is Contours:
        body["rings_lps"] = tuple(np.split(arrays[body.pop("points")], arrays[body.pop("ends")])[:-1])
    body["colour"] = tuple(body["colour"])
    thing: Object = kind(**body)
    return thing


def _edit_out(edit: Edit, shelf: _Shelf) -> dict[str, Any]:
    if isinstance(edit, ObjectEdit):
        return {
            "uid": edit.uid,
            "before": _object_out(edit.before, shelf),
            "after": _object_out(edit.after, shelf),
        }
    where = [[s.start, s.stop] for s in edit.where]
    return {"uid": edit.uid, "where": where, "was": shelf.put(edit.before), "is": shelf.put(edit.after)}


def _edit_in(body: dict[str, Any], arrays: Any) -> Edit:
    if "where" not in body:
        return ObjectEdit(body["uid"], _object_in(body["before"], arrays), _object_in(body["after"], arrays))
    return ArrayEdit(body["uid"], _where(body["where"]), arrays[body["was"]], arrays[body["is"]])


def _where(pairs: list[list[int]]) -> Where:
    k, j, i = (slice(a, b) for a, b in pairs)
    return k, j, i


def _field_out(uid: str, easel: Easel, shelf: _Shelf) -> dict[str, Any]:
    field = easel.field(uid)
    where = bounding_box(field > 0)
    return {
        "uid": uid,
        "shape": field.shape,
        "where": [[s.start, s.stop] for s in where],
        "values": shelf.put(field[where]),
    }


def save(easel: Easel) -> bytes:
    """Return the easel as bytes, undo history included."""
    shelf = _Shelf()
    body = {
        "version": VERSION,
        "series_uid": easel.series_uid,
        "active": easel.active,
        "hidden": sorted(easel.hidden),
        "tool": easel.tool,
        "options": asdict(easel.options),
        "objects": [_object_out(t, shelf) for t in easel.objects.values()],
        "fields": [_field_out(uid, easel, shelf) for uid in easel.history.fields],
        "done": [_item_out(i, shelf) for i in easel.history.done],
        "undone": [_item_out(i, shelf) for i in easel.history.undone],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("easel.json", json.dumps(body, ensure_ascii=False))
        for name, array in shelf.arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
    return out.getvalue()


def _item_out(item: Item, shelf: _Shelf) -> dict[str, Any]:
    return {"name": item.name, "edits": [_edit_out(e, shelf) for e in item.edits]}


def _item_in(body: dict[str, Any], arrays: Any) -> Item:
    return Item(body["name"], tuple(_edit_in(e, arrays) for e in body["edits"]))


def load(content: bytes, volume_of: Callable[[str], xr.DataArray]) -> Easel:
    """Return the easel that `save` made bytes of.

    Raises
    ------
    BadJournal
        If the bytes are no snapshot of a version known here.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            body = json.loads(archive.read("easel.json"))
            arrays = {n[:-4]: _array(archive.read(n)) for n in archive.namelist() if n.endswith(".npy")}
        if body["version"] != VERSION:
            raise BadJournal(f"The snapshot has format {body['version']}, known is {VERSION}.", "Update eci_annotate.")
        return _filled(Easel(volume_of), body, arrays)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise BadJournal("The snapshot cannot be read.", "Reopen from an earlier one.") from error


def _array(content: bytes) -> NDArray[Any]:
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def _filled(easel: Easel, body: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Easel:
    if body["series_uid"]:
        easel.show(body["series_uid"])
    easel.active, easel.hidden = body["active"], frozenset(body["hidden"])
    easel.tool, easel.state = body["tool"], TOOLS[body["tool"]].idle
    options = body["options"]
    easel.options = Options(**{**options, "window": tuple(options["window"])})
    for one in body["objects"]:
        thing = _object_in(one, arrays)
        if thing is not None:
            easel.history.objects[thing.uid] = thing
    for one in body["fields"]:
        field = np.zeros(one["shape"], np.uint16)
        field[_where(one["where"])] = arrays[one["values"]]
        easel.history.fields[one["uid"]] = field
    easel.history.done = [_item_in(i, arrays) for i in body["done"]]
    easel.history.undone = [_item_in(i, arrays) for i in body["undone"]]
    return easel


def replay(volume_of: Callable[[str], xr.DataArray], snapshot: bytes | None, lines: Iterable[str]) -> Easel:
    """Return the easel after a snapshot (or none) and the journal lines that followed it.

    A gesture that was refused when it was made is refused again, and changes nothing again. A stroke
    that broke off (the kernel was killed) is closed, so that nothing of it is lost.
    """
    easel = Easel(volume_of) if snapshot is None else load(snapshot, volume_of)
    for line in lines:
        entry = from_line(line)
        try:
            easel.do(entry)
        except BadJournal:
            raise
        except EciError:
            continue
    easel.finish()
    return easel
