"""Pointer events of a pane as gestures in patient millimetres on the plane of that pane."""

from __future__ import annotations

from eci_annotate.errors import Refused
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Press, Release
from eci_annotate.viewer.stage.browser_messages import Hand
from eci_annotate.viewer.stage.pane_geometry import PlaneStack


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
