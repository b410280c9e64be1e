"""What tools keep for a series, as slices to draw: seeds in their annotations' colours, excluded zones hatched."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.blocks import Block, union
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.growcut.growcut import BACKGROUND, FIRST
from eci_annotate.tools.protocol import FULL, SEEDS, ZONE
from eci_annotate.viewer.stage.ink.solids import Extents, Solids
from eci_annotate.viewer.stage.pane_geometry import PlaneStack

BACKGROUND_COLOUR: Colour = (170, 170, 170)
ZONE_COLOUR: Colour = (250, 204, 21)
STRIPE = 4  # voxels from one line of the hatching to the next


def extent_of_fields(easel: Easel, extents: Extents, series_uid: str) -> Block:
    """Return the block that contains all seeds and zones of a series."""
    return union(*(extents.of(uid) for uid in _uids(easel, series_uid)))


def planes_of_fields(
    easel: Easel, solids: Solids, series_uid: str, stack: PlaneStack, index: int
) -> list[tuple[NDArray[np.uint16], Colour]]:
    """Return seeds and zones of one slice, with their colours.

    Parameters
    ----------
    easel, solids
        Source of the fields, and what cuts them on planes across the voxels.
    series_uid
        Series shown.
    stack, index
        Planes of the pane, and the one to draw.
    """
    found: list[tuple[NDArray[np.uint16], Colour]] = []
    for uid in _uids(easel, series_uid):
        plane = _plane(easel, solids, uid, series_uid, stack, index)
        if plane is not None:
            found += _hatched(plane) if uid.startswith(ZONE) else list(_seeds(easel, plane))
    return found


def _plane(
    easel: Easel, solids: Solids, uid: str, series_uid: str, stack: PlaneStack, index: int
) -> NDArray[np.uint16] | None:
    if stack.oblique:
        return solids.cut_field(uid, series_uid, stack, index)
    span = solids.extents.of(uid)[stack.axis]
    return stack.slice_of(easel.table.field(uid), index) if span.start <= index < span.stop else None


def _uids(easel: Easel, series_uid: str) -> list[str]:
    return [uid for uid in (f"{ZONE}{series_uid}", f"{SEEDS}{series_uid}") if uid in easel.table.history.fields]


def _seeds(easel: Easel, plane: NDArray[np.uint16]) -> Iterator[tuple[NDArray[np.uint16], Colour]]:
    order = easel.table.history.order
    for seed in np.unique(plane[plane > 0]):
        thing = easel.table.objects.get(order[seed - FIRST]) if FIRST <= seed < FIRST + len(order) else None
        if seed == BACKGROUND:
            yield _where(plane == seed), BACKGROUND_COLOUR
        elif thing is not None and thing.uid not in easel.table.hidden:
            yield _where(plane == seed), thing.colour


def _hatched(plane: NDArray[np.uint16]) -> list[tuple[NDArray[np.uint16], Colour]]:
    row, col = np.ogrid[: plane.shape[0], : plane.shape[1]]
    stripes = (plane > 0) & ((row + col) % STRIPE == 0)
    return [(_where(plane > 0), ZONE_COLOUR), (_where(stripes), ZONE_COLOUR)]


def _where(inside: NDArray[np.bool_]) -> NDArray[np.uint16]:
    return inside * np.uint16(FULL)
