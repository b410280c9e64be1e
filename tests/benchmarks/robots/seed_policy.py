"""A robot with GrowCut: seeds along the middle, background around it in three planes, then seeds where it is wrong."""

from __future__ import annotations

import numpy as np

from eci_annotate.imaging.blocks import bounding_box, union
from eci_annotate.imaging.distances import dice
from eci_annotate.tools.growcut.growth_request import Gardener, growth_request
from eci_annotate.tools.suggestion import Suggestion
from tests.benchmarks.robots.belief import Bools
from tests.benchmarks.robots.click_policy import mask_of
from tests.benchmarks.robots.paint_policy import GOOD, PATIENCE, PROGRESS, fault_of
from tests.benchmarks.robots.paths import around, depth_of, middle_path
from tests.benchmarks.robots.workplace import Workplace

RADIUS = 0.35  # of the seeds inside, as a share of the depth; chosen beforehand
AWAY_MM = 4.0  # from the border to the seeds of the background
BACKGROUND_MM = 1.5  # their radius
MOST = 12  # corrections


def grow_seeds(place: Workplace, belief: Bools) -> None:
    """GrowCut with seeds; the suggestion is accepted when it is good or does not get better."""
    gardener = Gardener()
    _sow(place, belief)
    found = _suggested(place, gardener)
    place.decide()
    patience, before = PATIENCE, dice(mask_of(found, belief.shape), belief) if found else 0.0
    for _ in range(MOST):
        if found is None or before >= GOOD or not patience or not _improve(place, belief, found):
            break
        found = _suggested(place, gardener)
        place.decide()
        after = dice(mask_of(found, belief.shape), belief) if found else 0.0
        if after < before:
            place.undo()
            found, patience = _suggested(place, gardener), patience - 1
            continue
        patience = PATIENCE if after > before + PROGRESS else patience - 1
        before = after
    if found is not None:
        place.accept(found)


def _suggested(place: Workplace, gardener: Gardener) -> Suggestion | None:
    request = growth_request(place.easel.table)
    found = gardener.suggest(request, lambda share: True) if request else None
    return found if isinstance(found, Suggestion) else None


def _sow(place: Workplace, belief: Bools) -> None:
    """Seeds inside on two planes, then the background around the lesion on three and at its ends."""
    depth = depth_of(belief, place.spacing_mm)
    middle = np.unravel_index(int(np.argmax(depth)), belief.shape)
    place.decide()
    place.turn("radius_mm", round(max(RADIUS * float(depth.max()), 1.0), 1), 2)
    for axis in (0, 1):
        if belief.shape[axis] > 1:
            region = np.take(belief, middle[axis], axis)
            path = middle_path(region, _flat(place, axis), 2 * RADIUS * float(depth.max()))
            place.stroke(np.insert(path, axis, middle[axis], axis=1), float(depth.max()), axis)
    place.turn("erase", True)
    place.turn("radius_mm", BACKGROUND_MM, 2)
    away = max(round(AWAY_MM / min(place.spacing_mm)), 2)
    for axis in (0, 1, 2):
        if min(np.delete(belief.shape, axis)) > 2 * away:
            place.decide()
            path = around(np.take(belief, middle[axis], axis), away)
            place.stroke(np.insert(path, axis, middle[axis], axis=1), BACKGROUND_MM, axis)


def _flat(place: Workplace, axis: int) -> tuple[float, float]:
    first, second = (s for n, s in enumerate(place.spacing_mm) if n != axis)
    return first, second


def _improve(place: Workplace, belief: Bools, found: Suggestion) -> bool:
    """Sow a stroke in the middle of the worst fault; False if there is none."""
    mask = mask_of(found, belief.shape)
    where = union(bounding_box(belief), bounding_box(mask)) if mask.any() else bounding_box(belief)
    fault = fault_of(mask[where], belief[where], place.spacing_mm)
    if fault is None:
        return False
    flat = _flat(place, fault.axis)
    deep = float(depth_of(fault.piece, place.spacing_mm).max())
    path = middle_path(np.take(fault.piece, fault.slice, fault.axis), flat, deep / 2)
    corner = np.array([s.start for s in where])
    place.turn("erase", fault.erase)
    place.turn("radius_mm", round(max(deep / 2, min(flat)), 1), 2)
    place.stroke(np.insert(path, fault.axis, fault.slice, axis=1) + corner, deep, fault.axis)
    return True
