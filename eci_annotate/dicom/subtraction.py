"""Subtraction of two volumes, as a stack of its own that says what it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import BadVolume, FrameMismatch
from eci_annotate.imaging.reslice import resample
from eci_annotate.imaging.volume import grid_of, like, measured, series_uid_of, values_kji, volume_from_array


def subtract(post: xr.DataArray, pre: xr.DataArray, *, resampled: bool = False) -> xr.DataArray:
    """Return post - pre, with NaN where either has no measured value.

    Parameters
    ----------
    post, pre
        Volumes in one frame of reference.
    resampled
        Interpolate `pre` linearly onto the grid of `post` where their voxels differ; else that is refused.

    Returns
    -------
    DataArray
        On the grid of `post`, float32 or float64; `attrs["derived"]` says what was subtracted from what, and its
        series UID follows from both.

    Raises
    ------
    FrameMismatch
        If the frames of reference differ, or the voxels do and `resampled` is not set.
    BadVolume
        If the values are stated to have different units.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> float(abs(eci.subtract(ct, ct)).max())
    0.0
    """
    grid, other = grid_of(post), grid_of(pre)
    after, before = values_kji(post), values_kji(pre)
    if grid.frame_of_reference_uid != other.frame_of_reference_uid or any(
        each.attrs.get("kind") == "projection" for each in (post, pre)
    ):
        raise FrameMismatch("The two volumes have different frames of reference.", "Register them first.")
    if len({each.attrs["units"] for each in (post, pre) if "units" in each.attrs}) > 1:
        raise BadVolume("The two volumes have values in different units.", "Subtract volumes of one unit.")
    known = measured(pre.transpose("k", "j", "i"))
    moved = not grid.same_voxels(other)
    if moved:
        if not resampled:
            raise FrameMismatch(
                "The two volumes have different voxels.", "Interpolate one: subtract(post, pre, resampled=True)."
            )
        blank = like(pre, np.where(known, before, np.nan))
        before = resample(blank, like=grid).values
        known = np.isfinite(before)
    known &= measured(post.transpose("k", "j", "i"))
    small = all(each.dtype == np.float32 or each.dtype.itemsize < 4 for each in (after, before))
    kind = np.float32 if small else np.float64
    values = np.where(known, after.astype(kind) - before.astype(kind), np.nan)
    uids = series_uid_of(post), series_uid_of(pre)
    said: dict[str, Any] = {"derived": "subtraction, post - pre", "post_series_uid": uids[0], "pre_series_uid": uids[1]}
    if moved:
        said["resampled"] = "pre interpolated linearly onto the grid of post"
    names = ("modality", "study_uid", "units", "kind", "tilt_degrees", "private_frame")
    kept = {name: post.attrs[name] for name in names if name in post.attrs}
    return volume_from_array(
        values, grid, series_uid=uid_from("subtraction", *uids, str(moved)), attrs=kept | said, name="subtraction"
    )
