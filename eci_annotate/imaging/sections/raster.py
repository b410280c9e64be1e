"""The pixels of a plane in any position, and values that kernels read without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.geometry import Floats

EXACT = (np.dtype(np.int16), np.dtype(np.float32))


@dataclass(frozen=True, eq=False)
class Raster:
    """The pixels of one plane.

    ::

        origin ──right──▶ columns
          │
         down
          ▼ rows

    Attributes
    ----------
    origin_lps
        Centre of the first pixel, patient millimetres.
    right_lps, down_lps
        Steps from one column, and from one row, to the next, patient millimetres.
    rows, cols
        Number of pixels.
    """

    origin_lps: Floats
    right_lps: Floats
    down_lps: Floats
    rows: int
    cols: int

    def points(self) -> Floats:
        """Return the centres of all pixels, shape (rows, cols, 3), patient millimetres."""
        down = np.arange(self.rows)[:, None, None] * self.down_lps
        return np.asarray(self.origin_lps + down + np.arange(self.cols)[None, :, None] * self.right_lps)


def readable(values: NDArray[Any]) -> NDArray[Any]:
    """Return values (k, j, i) as the kernel reads them: int16 or float32, in one piece; others are converted."""
    kept = values if values.dtype in EXACT else values.astype(np.float32)
    return np.ascontiguousarray(kept)
