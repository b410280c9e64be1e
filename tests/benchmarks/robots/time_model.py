"""How long a gesture takes a person: the constants of issue 17, and nothing measured here.

References: Fitts, J Exp Psychol 47(6), 1954; Card, Moran and Newell, Commun ACM 23(7), 1980 (keystroke-level model).
"""

from __future__ import annotations

from math import log2

CLICK_S = 0.2
KEY_S = 0.28
DECISION_S = 1.2
DRAW_MM_PER_S = 50.0  # on the screen
FITTS_S = (0.1, 0.15)  # fixed part, and seconds per bit


def move_s(distance_mm: float, width_mm: float) -> float:
    """Return the seconds to move the pointer to a target, by Fitts' law.

    Parameters
    ----------
    distance_mm, width_mm
        Distance to the target and its width, millimetres on the screen.
    """
    return FITTS_S[0] + FITTS_S[1] * log2(distance_mm / width_mm + 1)


def draw_s(length_mm: float) -> float:
    """Return the seconds to draw a line of some millimetres on the screen."""
    return length_mm / DRAW_MM_PER_S
