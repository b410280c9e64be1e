"""Signing replays drawings and traces contours: those kernels are compiled at start-up, not while a user waits."""

from __future__ import annotations

import logging

from eci_annotate.errors import EciError

log = logging.getLogger("eci_annotate.hub")


def warm_up() -> None:
    """Process one small stroke: draw, fill, trace, write."""
    try:
        import numpy as np

        from eci_annotate.dicom import rtstruct  # noqa: F401
        from eci_annotate.imaging.contours import fill_rings, rings_of_mask
        from eci_annotate.imaging.geometry import Grid
        from eci_annotate.imaging.volume import volume_from_array
        from eci_annotate.tools.editing.easel import Easel

        directions = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
        grid = Grid((0.0, 0.0, 0.0), directions, (1.0, 1.0, 1.0), (4, 16, 16), "2.25.1")
        volume = volume_from_array(np.zeros(grid.shape, np.int16), grid, series_uid="2.25.2")
        Easel.for_volume(volume).warm_up()
        mask = np.zeros((16, 16), bool)
        mask[4:9, 4:9] = True
        fill_rings(rings_of_mask(mask), (16, 16))
    except (EciError, ImportError, TypeError, ValueError) as error:
        log.error("warming up failed", extra={"kind": type(error).__name__})
