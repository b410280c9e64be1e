"""The volume convention: a DataArray (k, j, i) = slice, row, column that knows its position.

Axis coordinates are millimetres from the first voxel; the scalar coordinate `frame` names the
coordinate frame and carries origin, directions and UIDs. A frame index refuses to combine two
volumes of different frames, which plain xarray would align silently. Colour images have a fourth axis, `rgb`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from xarray.indexes import PandasIndex

from eci_annotate.errors import BadVolume, FrameMismatch
from eci_annotate.imaging.geometry import ROUND_MM, Grid, tuple3

DIMS = ("k", "j", "i")
COLOUR = "rgb"  # fourth axis of colour images


class FrameIndex(xr.Index):
    """Index on the scalar coordinate `frame`: frames must be equal, otherwise operations are refused.

    Raises
    ------
    FrameMismatch
        Whenever xarray compares the frames of two volumes that differ: in arithmetic, `where`,
        `concat`, `merge`, `align`, `apply_ufunc`. Remedy: resample one onto the other's grid.
    """

    def __init__(self, digest: str, attrs: Mapping[Hashable, Any]) -> None:
        self.digest = digest
        self.attrs = dict(attrs)

    @classmethod
    def from_variables(cls, variables: Mapping[Any, xr.Variable], *, options: Mapping[str, Any]) -> Self:
        (variable,) = variables.values()
        return cls(str(variable.values), variable.attrs)

    def create_variables(self, variables: Any = None) -> dict[Any, xr.Variable]:
        return {"frame": xr.Variable((), self.digest, self.attrs)}

    def isel(self, indexers: Any) -> FrameIndex:
        return self

    def equals(self, other: xr.Index, **kwargs: Any) -> bool:
        if isinstance(other, FrameIndex) and self.digest == other.digest:
            return True
        raise FrameMismatch(
            "These two volumes are in different frames (origin, directions or frame of reference differ).",
            "Bring one onto the other's grid first: eci_annotate.resample(a, like=b).",
        )

    def join(self, other: xr.Index, how: str = "inner") -> FrameIndex:  # type: ignore[override]
        return self

    def reindex_like(self, other: xr.Index) -> dict[Hashable, Any]:  # type: ignore[override]
        return {}

    @classmethod
    def concat(cls, indexes: Sequence[Any], dim: Hashable, positions: Any = None) -> Self:
        for index in indexes[1:]:
            indexes[0].equals(index)
        first: Self = indexes[0]
        return first

    def copy(self, deep: bool = True) -> FrameIndex:  # type: ignore[override]
        return self

    def __copy__(self) -> FrameIndex:
        return self

    def __deepcopy__(self, memo: Any = None) -> FrameIndex:
        return self


def volume_from_array(
    values: ArrayLike,
    grid: Grid,
    *,
    series_uid: str = "",
    instance_uids: Sequence[str] = (),
    name: str | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Wrap an array (k, j, i) as a volume on a grid.

    Parameters
    ----------
    values
        Shape `grid.shape`, modality values (Hounsfield units for CT); or with a fourth axis of red, green and blue.
    grid
        Position of the voxels in the patient.
    series_uid
        Series the values come from; annotations drawn here are tied to it.
    instance_uids
        One SOP Instance UID per slice, or none.
    name, attrs
        As for `xarray.DataArray`.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (2, 4, 4), "1.2.3")
    >>> volume = eci.volume_from_array(np.zeros((2, 4, 4)), grid)
    >>> volume.k.values.tolist()
    [0.0, 3.0]
    """
    array = np.asarray(values)
    in_colour = array.ndim == 4 and array.shape[3] == 3
    if array.shape[: 3 if in_colour else None] != grid.shape:
        raise BadVolume(
            f"An array of shape {array.shape} does not fit a grid of {grid.shape}.",
            "Give an array of the grid's shape.",
        )
    frame_attrs: dict[Hashable, Any] = {
        "origin_lps": grid.origin_lps,
        **{f"{d}_lps": v for d, v in zip(DIMS, grid.directions, strict=True)},
        "spacing_mm": grid.spacing_mm,
        "frame_of_reference_uid": grid.frame_of_reference_uid,
        "series_uid": series_uid,
    }
    index = FrameIndex(grid.digest, frame_attrs)
    variables: dict[Any, Any] = {"frame": index.create_variables()["frame"]}
    indexes: dict[Any, xr.Index] = {"frame": index}
    for dim, count, step in zip(DIMS, grid.shape, grid.spacing_mm, strict=True):
        along_mm = np.round(np.arange(count) * step, ROUND_MM)
        variables[dim] = xr.Variable(dim, along_mm, {"units": "mm"})
        indexes[dim] = PandasIndex(along_mm, dim)
    if instance_uids:
        variables["instance_uid"] = xr.Variable("k", np.asarray(instance_uids, dtype=object))
    if in_colour:
        indexes[COLOUR] = PandasIndex(["r", "g", "b"], COLOUR)
        variables |= indexes[COLOUR].create_variables()
    dims = (*DIMS, COLOUR) if in_colour else DIMS
    return xr.DataArray(array, xr.Coordinates(variables, indexes), dims, name, attrs)


def _frame(volume: xr.DataArray) -> Mapping[Hashable, Any]:
    if "frame" not in volume.coords or "origin_lps" not in volume.coords["frame"].attrs:
        raise BadVolume(
            "This array has no frame: its position in the patient is unknown.",
            "Use a volume from load_series, or volume_from_array(values, grid); quantile drops it.",
        )
    return volume.coords["frame"].attrs


def _axis(volume: xr.DataArray, dim: str, nominal_mm: float) -> tuple[float, float]:
    """Return the first position and the spacing along one axis, in millimetres."""
    if dim not in volume.coords:
        raise BadVolume(f"The volume has lost its axis {dim!r}.", "Keep all three axes, for example isel(k=[3]).")
    along = np.atleast_1d(np.asarray(volume.coords[dim].values, float))
    if not np.isfinite(along).all():
        raise BadVolume(f"Axis {dim!r} has positions that are not numbers (pad creates such).", "Crop them away.")
    if along.size < 2:
        return float(along[0]), nominal_mm
    steps = np.diff(along)
    if np.abs(steps - steps.mean()).max() > 0.01 * abs(steps.mean()) + 10**-ROUND_MM:
        raise BadVolume(f"Axis {dim!r} is not evenly spaced.", "Select a regular part, or resample.")
    return float(along[0]), float((along[-1] - along[0]) / (along.size - 1))


def grid_of(volume: xr.DataArray) -> Grid:
    """Read the grid of a volume, also after `isel`, `sel`, `[::2]`, `[::-1]` or `interp`.

    Raises
    ------
    BadVolume
        If frame or axes were lost, or an axis is unevenly spaced.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> eci.grid_of(eci.load_series(folder)[2:5]).shape
    (3, 40, 56)
    """
    frame = _frame(volume)
    if set(volume.dims) - {COLOUR} != set(DIMS):
        raise BadVolume(f"A volume has dims (k, j, i), not {tuple(volume.dims)}.", "Keep all three axes.")
    origin = np.asarray(frame["origin_lps"], float)
    directions, spacing = [], []
    for dim, nominal in zip(DIMS, frame["spacing_mm"], strict=True):
        first, step = _axis(volume, dim, nominal)
        direction = np.asarray(frame[f"{dim}_lps"], float)
        origin = origin + first * direction
        directions.append(direction * np.sign(step))
        spacing.append(abs(step))
    nk, nj, ni = (volume.sizes[d] for d in DIMS)
    return Grid.from_arrays(tuple3(origin), directions, spacing, (nk, nj, ni), str(frame["frame_of_reference_uid"]))


def is_colour(volume: xr.DataArray) -> bool:
    """Whether a volume is in colour: red, green and blue in place of one value per voxel."""
    return COLOUR in volume.dims


def colours_kji(volume: xr.DataArray) -> NDArray[np.uint8]:
    """Return the colours with axes in the order k, j, i, (red, green, blue)."""
    return np.asarray(volume.transpose(*DIMS, COLOUR).values, np.uint8)


def values_kji(volume: xr.DataArray) -> NDArray[Any]:
    """Return the values with axes in the order k, j, i, whatever the order of dims.

    Raises
    ------
    BadVolume
        If the volume is in colour.
    """
    if is_colour(volume):
        raise BadVolume(
            "This volume is in colour: it has no single value per voxel.",
            "Choose a channel, for instance volume.sel(rgb='r'), or make one: volume.mean('rgb').",
        )
    return np.asarray(volume.transpose(*DIMS).values)


def series_uid_of(volume: xr.DataArray) -> str:
    """Return the Series Instance UID to which the volume (or what it was computed from) belongs."""
    return str(_frame(volume)["series_uid"])


def instance_uids_of(volume: xr.DataArray) -> tuple[str, ...]:
    """Return the SOP Instance UIDs by slice, or an empty tuple."""
    if "instance_uid" not in volume.coords:
        return ()
    return tuple(str(u) for u in np.atleast_1d(volume.coords["instance_uid"].values))


def like(volume: xr.DataArray, values: ArrayLike, name: str | None = None) -> xr.DataArray:
    """Return other values (k, j, i) with the coordinates of a volume, so that the two combine.

    Parameters
    ----------
    volume
        A volume, or any part of one.
    values
        Shape as the volume's sizes of k, j, i.
    """
    grid_of(volume)  # raises if the volume has lost its position
    volume = volume.isel({COLOUR: 0}, drop=True) if is_colour(volume) else volume
    out = volume.transpose(*DIMS).copy(deep=False, data=np.asarray(values))
    out = out.drop_vars("overlay", errors="ignore")  # graphics of the file, not of other values
    out.attrs, out.name = {}, name
    return out


def padding_of(volume: xr.DataArray) -> tuple[float, float] | None:
    """Return the first and the last value that are padding, not measured; None if there are none."""
    given = volume.attrs.get("padding")
    return (float(given[0]), float(given[1])) if isinstance(given, (tuple, list)) and len(given) == 2 else None


def measured(volume: xr.DataArray) -> NDArray[np.bool_]:
    """Return which voxels (in the order of the volume's dims) hold measured values: neither padding nor NaN."""
    values = np.asarray(volume.values)
    found = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    if (padding := padding_of(volume)) is not None:
        found &= (values < padding[0]) | (values > padding[1])
    return found


def filled(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return values with the lowest measured one in place of NaN and infinity, so that padding is shown as nothing."""
    numbers = np.asarray(values, np.float64)
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers
    return np.where(finite, numbers, numbers[finite].min() if finite.any() else 0.0)


def without_padding(volume: xr.DataArray) -> xr.DataArray:
    """Return a volume in which padding is NaN, so that xarray's statistics leave it out.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (1, 1, 3), "1.2.3")
    >>> values = np.array([[[-2000, 40, 60]]], np.int16)
    >>> ct = eci.volume_from_array(values, grid, attrs={"padding": (-2000, -2000)})
    >>> float(eci.without_padding(ct).mean())
    50.0
    """
    if padding_of(volume) is None:
        return volume
    out = volume.where(like(volume, measured(volume.transpose(*DIMS))))
    out.attrs = {name: value for name, value in volume.attrs.items() if name != "padding"}
    return out
