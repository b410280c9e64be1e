"""Accepting what a tool suggested: the journal stores the result, so that a replay does not compute it again."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from eci_annotate.errors import BadJournal, Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.editing.entries import Accept
from eci_annotate.tools.editing.npz import UNREADABLE, Shelf, object_in, object_out, opened, where_of
from eci_annotate.tools.protocol import FULL, ArrayEdit, Edit, Fields, Object, ObjectEdit, Paint, Unplaced
from eci_annotate.tools.suggestion import Suggestion

VERSION = 1


def acceptance(suggestion: Suggestion, grid_shape: tuple[int, ...]) -> Accept:
    """Return the entry that accepts a suggestion.

    Parameters
    ----------
    suggestion
        What a tool suggested.
    grid_shape
        Shape of its series (k, j, i).
    """
    shelf = Shelf()
    masks = [
        {"uid": p.uid, "where": [[s.start, s.stop] for s in p.where], "voxels": shelf.put(p.voxels.astype(np.uint8))}
        for p in suggestion.parts
    ]
    body = {
        "version": VERSION,
        "shape": list(grid_shape),
        "adds": object_out(Paint(**suggestion.adds.header) if suggestion.adds else None, shelf),
        "masks": masks,
        "objects": [object_out(thing, shelf) for thing in suggestion.objects],
        "clears": list(suggestion.clears),
    }
    shape = base64.b64encode(shelf.closed(body)).decode()
    return Accept(suggestion.series_uid, shape, suggestion.source, suggestion.name)


def accepted(
    entry: Accept, objects: Mapping[str, Object], fields: Mapping[str, Fields], grid_shape: tuple[int, ...]
) -> list[Edit]:
    """Return the edits of an acceptance.

    Parameters
    ----------
    entry
        Journal entry that contains the result.
    objects, fields
        Annotations and fields as they are now.
    grid_shape
        Shape of the series (k, j, i).

    Raises
    ------
    BadJournal
        If the entry cannot be read.
    Refused
        If an annotation was deleted meanwhile, is of another kind or grid, or the one to add exists already.
    """
    try:
        body, arrays = opened(base64.b64decode(entry.shape, validate=True))
        if body["version"] != VERSION:
            raise ValueError(body["version"])
        if tuple(body["shape"]) != tuple(grid_shape):
            raise Refused("The suggestion was made on a different grid.", "Make it again on this series.")
        added = object_in(body["adds"], arrays)
        if added and (not isinstance(added, Paint) or added.series_uid != entry.series_uid):
            raise ValueError(added.uid)
        if added and added.uid in objects:
            raise Refused("The annotation of this suggestion exists already.", "Make the suggestion again.")
        known = {**objects, **({added.uid: added} if added else {})}
        return [
            *([ObjectEdit(added.uid, None, added)] if added else []),
            *_objects(body["objects"], arrays, objects),
            *_masks(body["masks"], arrays, known, fields, grid_shape),
            *_cleared(body["clears"], fields),
        ]
    except UNREADABLE as error:
        raise BadJournal("An acceptance in the journal cannot be read.", "Reopen from an earlier snapshot.") from error


def accepted_uids(shape: str) -> list[str]:
    """Return the uids of the painted annotations that an acceptance (its `shape`) writes; BadJournal if unreadable."""
    try:
        return [str(mask["uid"]) for mask in opened(base64.b64decode(shape, validate=True))[0]["masks"]]
    except UNREADABLE as error:
        raise BadJournal("An acceptance in the journal cannot be read.", "Reopen from an earlier snapshot.") from error


def _objects(bodies: list[Any], arrays: Any, objects: Mapping[str, Object]) -> Iterator[Edit]:
    for body in bodies:
        thing = object_in(body, arrays)
        before = objects.get(thing.uid) if thing else None
        placed = isinstance(before, Unplaced) and isinstance(thing, Box)
        if thing is None or before is None or not (placed or type(before) is type(thing)):
            raise Refused("The annotation of this suggestion no longer exists.", "Select an annotation and try again.")
        yield ObjectEdit(thing.uid, before, thing)


def _masks(
    bodies: list[Any],
    arrays: Any,
    objects: Mapping[str, Object],
    fields: Mapping[str, Fields],
    grid_shape: tuple[int, ...],
) -> Iterator[Edit]:
    for body in bodies:
        uid, where = str(body["uid"]), where_of(body["where"])
        if not isinstance(objects.get(uid), Paint):
            raise Refused("The annotation of this suggestion no longer exists.", "Select an annotation and try again.")
        before = fields[uid][where].copy() if uid in fields else np.zeros(grid_shape, np.uint16)[where]
        after = (arrays[body["voxels"]] > 0).astype(np.uint16) * np.uint16(FULL)
        if after.shape != before.shape:
            raise ValueError(uid)
        yield ArrayEdit(uid, where, before, after)


def _cleared(uids: list[Any], fields: Mapping[str, Fields]) -> Iterator[Edit]:
    for uid in uids:
        if uid in fields and (where := bounding_box(fields[uid] > 0))[0].stop:
            before = fields[uid][where].copy()
            yield ArrayEdit(uid, where, before, np.zeros_like(before))
