"""Contours that a file holds twice: by the even-odd rule they would cancel each other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from eci_annotate.imaging.geometry import Floats

_OFF_BORDERS = 1 / 3000  # sums of decimals are then no border of rounding, whatever the order of the points


@dataclass
class ContourRegister:
    """The rings of one structure so far.

    Attributes
    ----------
    repeated
        How many rings were there already, whatever their first point and direction.
    """

    repeated: int = 0
    _known: dict[tuple[float, ...], list[Floats]] = field(default_factory=dict, repr=False)

    def is_new(self, ring: Floats) -> bool:
        """Return whether no ring with the same points, (n, 3) in mm, was given before; it is known from then on."""
        key = (len(ring), *np.round(ring.sum(axis=0) + _OFF_BORDERS, 2).tolist())
        alike = self._known.setdefault(key, [])
        points = ring[np.lexsort(ring.T)] if alike else ring
        if any(np.array_equal(points, other[np.lexsort(other.T)]) for other in alike):
            self.repeated += 1
            return False
        alike.append(ring)
        return True
