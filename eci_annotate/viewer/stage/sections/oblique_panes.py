"""The oblique panes of a layout: the planes that each shows, kept until it is turned or shows another series."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from eci_annotate.errors import EciError
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.imaging.volume import grid_of, is_colour
from eci_annotate.viewer.stage.layouts import Cell
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, stacks_of
from eci_annotate.viewer.stage.sections.oblique_stack import Tilt, oblique_stack


class ObliquePanes:
    """Planes of oblique panes.

    Parameters
    ----------
    volume_of
        Returns the volume of a series for its UID.
    """

    def __init__(self, volume_of: Callable[[str], xr.DataArray]) -> None:
        self._volume_of = volume_of
        self._kept: dict[str, tuple[str, Tilt, PlaneStack]] = {}

    def stack(self, cell: Cell, series_uid: str) -> PlaneStack | None:
        """Return the planes of a pane; None if a series has no place in the patient, is flat, or is in colour."""
        volume = self._volume_of(series_uid)
        grid = grid_of(volume)
        if is_projection(volume) or is_colour(volume) or min(grid.shape) < 2:
            return None
        tilt = self.tilt(cell, grid)
        kept = self._kept.get(cell.name)
        if kept is None or kept[:2] != (series_uid, tilt):
            self._kept[cell.name] = kept = (series_uid, tilt, oblique_stack(grid, tilt))
        return kept[2]

    def tilt(self, cell: Cell, grid: Grid) -> Tilt:
        """Return how a pane is turned: by the user, else by the protocol, else as its slices were acquired."""
        if cell.tilt is not None and cell.tilt.frame_uid == grid.frame_of_reference_uid:
            return cell.tilt
        middle = grid.reference_from_image((np.asarray(grid.shape) - 1) / 2)
        aim, frame = cell.aim, grid.frame_of_reference_uid
        try:
            if aim is not None and aim.normal is not None:
                return Tilt.from_normal(aim.normal, aim.right, middle, frame)
            like = grid_of(self._volume_of(aim.series_uid)) if aim is not None and aim.series_uid else grid
        except EciError:
            like = grid
        same = like if like.frame_of_reference_uid == frame else grid
        stack = next(each for each in stacks_of(same).values() if each.axis == 0)
        return Tilt.from_vectors(stack.right_lps, stack.down_lps, middle, frame)
