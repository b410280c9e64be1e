"""A robot with FreeDraw: it draws around its belief on some slices, interpolates between them, and corrects."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from scipy.ndimage import label

from eci_annotate.errors import Refused
from eci_annotate.imaging.distances import dice
from eci_annotate.tools.shape_edit import ShapeOperation, suggested_shape
from tests.benchmarks.robots.belief import Bools
from tests.benchmarks.robots.paint_policy import GOOD, PATIENCE, PROGRESS
from tests.benchmarks.robots.paths import around, largest
from tests.benchmarks.robots.workplace import Workplace

GAP_MM = 9.0  # between drawn slices; chosen beforehand
LEAST_PX = 12  # smaller pieces are not drawn
MOST = 30  # corrections
WIDTH_MM = 1.5  # how precisely a contour begins


def draw_some(place: Workplace, belief: Bools) -> None:
    """FreeDraw on some slices, interpolation between them, then corrections."""
    slices = np.flatnonzero(belief.any((1, 2)))
    step = max(round(GAP_MM / place.spacing_mm[0]), 1)
    count = max(int(np.ceil((slices[-1] - slices[0]) / step)), 1)
    chosen = sorted({int(k) for k in np.round(np.linspace(slices[0], slices[-1], count + 1))})
    _draw(place, belief, chosen)
    with suppress(Refused):  # no slice is between them
        place.accept_from_button(suggested_shape(place.easel.table, place.uid, ShapeOperation.INTERPOLATE))
    _correct(place, belief)


def draw_all(place: Workplace, belief: Bools) -> None:
    """FreeDraw on each slice."""
    _draw(place, belief, [int(k) for k in np.flatnonzero(belief.any((1, 2)))])
    _correct(place, belief)


def _draw(place: Workplace, belief: Bools, slices: list[int]) -> None:
    for k in slices:
        pieces, count = label(belief[k])
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        for n in range(1, count + 1):
            if sizes[n] >= min(LEAST_PX, sizes[1:].max()):
                place.decide()
                _outline(place, k, pieces == n)


def _outline(place: Workplace, k: int, region: Bools) -> None:
    path = around(region)
    place.stroke(np.insert(path, 0, k, axis=1), WIDTH_MM)


def _correct(place: Workplace, belief: Bools) -> None:
    """Add or cut out the largest wrong piece of a slice until nothing helps."""
    patience, before = PATIENCE, dice(place.mask(), belief)
    place.decide()
    for _ in range(MOST):
        if before >= GOOD or not patience:
            return
        erase, k, piece = _worst(place.mask(), belief)
        place.turn("erase", erase)
        _outline(place, k, piece)
        place.decide()
        after = dice(place.mask(), belief)
        if after < before:
            place.undo()
            return
        patience = PATIENCE if after > before + PROGRESS else patience - 1
        before = after


def _worst(mask: Bools, belief: Bools) -> tuple[bool, int, Bools]:
    """Return whether to cut out, on which slice, and what: the largest piece of difference on one slice."""
    found = []
    for erase, wrong in ((False, belief & ~mask), (True, mask & ~belief)):
        k = int(np.argmax(wrong.sum((1, 2))))
        piece = largest(wrong[k])
        found.append((int(piece.sum()), erase, k, piece))
    _, erase, k, piece = max(found, key=lambda each: each[0])
    return erase, k, piece
