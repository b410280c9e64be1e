"""A robot with click segment: it clicks in the middle, makes the suggestion larger or smaller, and accepts it."""

from __future__ import annotations

import numpy as np

from eci_annotate.imaging.distances import dice
from eci_annotate.tools.clicksegment.click_request import ClickRequest, Grower
from eci_annotate.tools.clicksegment.clicksegment import Clicked
from eci_annotate.tools.info import ToolName
from eci_annotate.tools.suggestion import Suggestion
from tests.benchmarks.robots.belief import Bools
from tests.benchmarks.robots.draw_policy import draw_some
from tests.benchmarks.robots.paint_policy import BARRIER, GOOD, repaint, show
from tests.benchmarks.robots.paths import depth_of
from tests.benchmarks.robots.workplace import Workplace

CLICKS = 3  # points that it tries
KEYS = 4  # of [ and ]
POOR = 0.6  # Dice with its belief at which it clicks elsewhere; chosen beforehand
NEARLY = 0.85  # the same, if it would rather draw than paint
PROGRESS = 0.01
DEEP = 0.6  # of the greatest depth: where it clicks the second time


def mask_of(suggestion: Suggestion, shape: tuple[int, ...]) -> Bools:
    """Return the first mask of a suggestion on the whole grid (k, j, i)."""
    found = np.zeros(shape, bool)
    found[suggestion.parts[0].where] = suggestion.parts[0].voxels
    return found


def click(place: Workplace, belief: Bools) -> None:
    """Click segment alone."""
    clicked(place, belief)


def click_and_paint(place: Workplace, belief: Bools) -> None:
    """Click segment, then SmartPaint by the barrier rule where the belief is not met."""
    clicked(place, belief)
    _paint_on(place, belief)


def by_eye(place: Workplace, belief: Bools) -> None:
    """Click segment first; SmartPaint where that was nearly right, FreeDraw with interpolation where it was not."""
    if clicked(place, belief, NEARLY):
        _paint_on(place, belief)
    else:
        place.begin_again(ToolName.FREEDRAW)
        draw_some(place, belief)


def _paint_on(place: Workplace, belief: Bools) -> None:
    if dice(place.mask(), belief) >= GOOD:
        place.decide()
        return
    place.choose(ToolName.SMARTPAINT)
    show(place, belief, BARRIER)
    repaint(place, belief, BARRIER)


def clicked(place: Workplace, belief: Bools, least: float = POOR) -> bool:
    """Click, adjust, accept; return whether a suggestion was good enough.

    Parameters
    ----------
    place
        Where the robot works; click segment is chosen.
    belief
        What it believes, (k, j, i).
    least
        Dice with its belief from which it accepts a suggestion.
    """
    depth = depth_of(belief, place.spacing_mm)
    for point in _points(depth):
        place.decide()
        place.stroke(point[None], float(depth.max()))
        if isinstance(place.easel.state, Clicked) and (found := _adjusted(place, belief, place.easel.state, least)):
            place.accept(found)
            return True
    return False


def _points(depth: np.ndarray) -> list[np.ndarray]:
    """Return the deepest point, then deep points far from it and from each other."""
    deep = np.argwhere(depth >= DEEP * depth.max())
    chosen = [np.array(np.unravel_index(int(np.argmax(depth)), depth.shape))]
    while len(chosen) < CLICKS:
        away = np.min([((deep - each) ** 2).sum(1) for each in chosen], axis=0)
        chosen.append(deep[int(np.argmax(away))])
    return [each.astype(float) for each in chosen]


def _adjusted(place: Workplace, belief: Bools, state: Clicked, least: float) -> Suggestion | None:
    """Press ] or [ while that helps; None if the suggestion stays poor."""
    table, grower = place.easel.table, Grower()

    def at(offset: int) -> tuple[Suggestion | None, float, int]:
        thing = table.objects[place.uid]
        request = ClickRequest(table.sheet, table.series_uid, state.at, state.flat_axis, offset, thing, False)
        found = grower.suggest(request, lambda share: True)
        if not isinstance(found, Suggestion):
            return None, 0.0, 0
        mask = mask_of(found, belief.shape)
        return found, dice(mask, belief), int(mask.sum())

    place.decide()
    best, quality, size = at(0)
    if best is None:
        return None
    side = 1 if size < belief.sum() else -1
    for n in range(1, KEYS + 1):
        if quality >= GOOD:
            break
        place.press_key()
        place.decide()
        found, after, _ = at(side * n)
        if after <= quality + PROGRESS:
            if after < quality:
                place.press_key()
            break
        best, quality = found, after
    return best if quality >= least else None
