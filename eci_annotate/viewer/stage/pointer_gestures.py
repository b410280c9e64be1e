"""Pointer events of a pane as gestures in patient millimetres on the plane of that pane."""

from __future__ import annotations

from dataclasses import dataclass, field

from eci_annotate.errors import Refused
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Press, Release
from eci_annotate.viewer.stage.browser_messages import Hand
from eci_annotate.viewer.stage.pane_geometry import PlaneStack
from eci_annotate.viewer.stage.panes import Panes

CHANGED = ("The images of this pane changed while you drew: the stroke was not kept.", "Draw it again.")


@dataclass(frozen=True)
class StrokePlace:
    """Where a stroke is drawn: page and pane, the series and the plane that it shows, and with a press its window."""

    page: str = ""
    pane: str = ""
    series: str = ""
    plane: str = ""
    window: tuple[float, float] | None = field(default=None, compare=False)


NOWHERE = StrokePlace()


@dataclass(frozen=True)
class Remark:
    """A sentence about an annotation at the end of a stroke; `revision`: said only if it has changed since."""

    uid: str
    text: str
    revision: int | None = None


def aimed(hand: Hand, page: str, panes: Panes) -> tuple[Gesture, StrokePlace]:
    """Return the gesture of one pointer event, and where it happened.

    Parameters
    ----------
    hand
        Event as sent by the browser.
    page
        Page that sent it.
    panes
        What each pane shows.

    Raises
    ------
    Refused
        If nothing can be drawn in the pane, or if it shows other images than the user saw.
    """
    stack, series = panes.drawable(hand.pane), panes.series(hand.pane)
    if hand.series and (hand.series, hand.plane) != (series, stack.name):
        raise Refused(*CHANGED)
    return gesture_of(hand, stack), StrokePlace(page, hand.pane, series, stack.name, hand.window)


def gesture_of(hand: Hand, stack: PlaneStack) -> Gesture:
    """Return the gesture of one pointer event.

    Parameters
    ----------
    hand
        Event as sent by the browser; points in LPS.
    stack
        Planes of the pane in which it happened.

    Raises
    ------
    Refused
        If it contains no point.
    """
    if hand.do == "cancel":
        return Cancel()
    plane = stack.plane(min(max(hand.index, 0), stack.count - 1))
    if not hand.points:
        raise Refused("The stroke contains no points.", "Draw again.")
    match hand.do:
        case "press":
            pressure = hand.pressures[0] if hand.pressures else 1.0
            return Press(hand.points[0], plane, hand.reach_mm, hand.button, hand.modifiers, pressure, hand.time_s)
        case "drag":
            return Drag(hand.points, plane, hand.modifiers, hand.pressures, hand.time_s)
    return Release(hand.points[-1], plane, hand.modifiers, hand.time_s)
