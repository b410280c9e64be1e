"""Taking over somebody's annotation: it travels in the journal as it is, so that a replay needs nobody else's work."""

from __future__ import annotations

import base64
import binascii
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from eci_annotate.errors import BadJournal, Refused
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.editing.entries import Adopt
from eci_annotate.tools.editing.npz import Shelf, field_out, object_in, object_out, opened, where_of
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.protocol import ArrayEdit, Edit, Fields, Object, ObjectEdit, Paint

VERSION = 1


def adoption(table: Table, uid: str, source: str) -> Adopt:
    """The entry that takes over annotation `uid` of another easel.

    Parameters
    ----------
    source
        Block it comes from: task and version, as ``annotate.1/2``.
    """
    thing, shelf = table.objects[uid], Shelf()
    body = {"version": VERSION, "object": object_out(thing, shelf)}
    if isinstance(thing, Paint):
        body["field"] = field_out(uid, table.field(uid), shelf)
    shape = base64.b64encode(shelf.closed(body)).decode()
    return Adopt(uid, thing.series_uid, shape, source)


def adopted(entry: Adopt, grid_shape: tuple[int, ...], fields: Mapping[str, Fields]) -> tuple[Object, list[Edit]]:
    """What an adoption puts on an easel: the annotation, and the edits that put it there.

    Raises
    ------
    BadJournal
        The entry cannot be read.
    Refused
        It was painted on another grid.
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
            raise Refused(f"{thing.label!r} was painted on another grid.", "Draw it yourself.")
        values, where = arrays[block["values"]], where_of(block["where"])
    except (binascii.Error, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise BadJournal("An adoption in the journal cannot be read.", "Reopen from an earlier snapshot.") from error
    before = fields[entry.uid]
    after = np.zeros_like(before)
    after[where] = values
    whole = bounding_box((before > 0) | (after > 0))
    return thing, [*edits, ArrayEdit(entry.uid, whole, before[whole].copy(), after[whole].copy())]
