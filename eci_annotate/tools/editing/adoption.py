"""Adopting another user's annotation: the journal stores it in full, so that a replay does not need their work."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np

from eci_annotate.errors import BadJournal, Refused
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.tools.editing.npz import UNREADABLE, Shelf, field_out, object_in, object_out, opened, where_of
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import ArrayEdit, Edit, Fields, Object, ObjectEdit, Paint

VERSION = 1


def adoption(table: Table, uid: str, source: str) -> Adopt:
    """Return the entry that adopts annotation `uid` of another easel.

    Parameters
    ----------
    source
        Origin of the annotation: task and version, as in ``annotate.1/2``.
    """
    thing = table.objects[uid]
    return adoption_of(thing, table.field(uid) if isinstance(thing, Paint) else None, source)


def adoption_of(thing: Object, field: Fields | None, source: str) -> Adopt:
    """Return the entry that adopts an annotation; a painted one with its field, uint16 (k, j, i) of its series."""
    shelf = Shelf()
    body = {"version": VERSION, "object": object_out(thing, shelf)}
    if field is not None:
        body["field"] = field_out(thing.uid, field, shelf)
    shape = base64.b64encode(shelf.closed(body)).decode()
    return Adopt(thing.uid, thing.series_uid, shape, source)


def adopted(entry: Adopt, grid_shape: tuple[int, ...], before: Fields) -> tuple[Object, list[Edit]]:
    """Return the annotation that an adoption adds to an easel, and the edits that add it.

    Parameters
    ----------
    entry
        Journal entry that contains the annotation.
    grid_shape
        Shape of the series (k, j, i).
    before
        Previous field of this annotation, uint16 of that shape.

    Raises
    ------
    BadJournal
        If the entry cannot be read.
    Refused
        If it was painted on a different grid.
    """
    try:
        body, arrays = opened(base64.b64decode(entry.shape, validate=True))
        thing = object_in(body["object"], arrays)
        block = body.get("field")
        if body["version"] != VERSION or thing is None or (block is None) is isinstance(thing, Paint):
            raise ValueError(entry.uid)
        thing = replace(thing, uid=entry.uid)
        edits: list[Edit] = [ObjectEdit(entry.uid, None, thing)]
        if block is None:
            return thing, edits
        if tuple(block["shape"]) != tuple(grid_shape):
            raise Refused(f"{thing.label!r} was painted on a different grid.", "Draw it again on this series.")
        values, where = arrays[block["values"]], where_of(block["where"])
    except UNREADABLE as error:
        raise BadJournal("An adoption in the journal cannot be read.", "Reopen from an earlier snapshot.") from error
    after = np.zeros_like(before)
    after[where] = values
    whole = bounding_box((before > 0) | (after > 0))
    return thing, [*edits, ArrayEdit(entry.uid, whole, before[whole].copy(), after[whole].copy())]
