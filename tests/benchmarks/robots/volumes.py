"""What the robots annotate: phantoms of three levels of noise, and four masks of two real data sets.

Phantoms with seeds from 1000 are for setting the brush, those with seeds from 0 for the tables; no seed is in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of, values_kji, volume_from_array
from tests.benchmarks.robots.belief import Bools, signed_mm

DATA = Path(__file__).parents[2] / "data"
SHAPE, SPACING_MM = (32, 80, 80), (2.5, 0.9, 0.9)
CONTRAST = 50.0
RATIOS = (5.0, 2.5, 1.25)  # contrast over noise
SHELL_MM = 10.0
TUNING_SEED = 1000  # and above: for setting the brush only


@dataclass(frozen=True, eq=False)
class Case:
    """A volume with its reference; only the scorer and the maker of beliefs read the reference.

    Attributes
    ----------
    name, volume
        Its name, and what is annotated.
    reference
        The reference mask (k, j, i), bool.
    made_with
        Contrast over noise that a phantom was made with; None: it is measured.
    """

    name: str
    volume: xr.DataArray
    reference: Bools
    made_with: float | None = None

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along k, j, i."""
        return grid_of(self.volume).spacing_mm

    @cached_property
    def contrast_to_noise(self) -> float:
        """Difference of the means inside and up to 10 mm outside, over the pooled standard deviation of the two."""
        if self.made_with is not None:
            return self.made_with
        away = signed_mm(self.reference, self.spacing_mm)
        values = values_kji(self.volume).astype(float)
        inside, shell = values[self.reference], values[(away > 0) & (away <= SHELL_MM)]
        return float(abs(inside.mean() - shell.mean()) / np.sqrt((inside.var() + shell.var()) / 2))


def _lesion(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a lobulated ellipsoid as a field that is at most 1 inside, (k, j, i)."""
    radii = rng.uniform(10, 18, 3)
    centre = (np.array(SHAPE) - 1) / 2 + rng.uniform(-2, 2, 3)
    at = [(n - c) * s for n, c, s in zip(np.indices(SHAPE), centre, SPACING_MM, strict=True)]
    bumps = gaussian_filter(rng.normal(size=SHAPE), [7 / s for s in SPACING_MM])
    return np.sqrt(sum((x / r) ** 2 for x, r in zip(at, radii, strict=True))) + 0.12 * bumps / bumps.std()


def phantom_case(seed: int, ratio: float, has_neighbour: bool) -> Case:
    """Return a phantom: a lobulated lesion in noise, on request with a neighbour of its intensity 2 mm beside it.

    Parameters
    ----------
    seed
        Shape and noise.
    ratio
        Contrast over the standard deviation of the noise.
    has_neighbour
        Whether a structure of the same intensity is nearby.
    """
    rng = np.random.default_rng(seed)
    lesion = _lesion(rng) <= 1
    bright = lesion.copy()
    if has_neighbour:
        away = signed_mm(lesion, SPACING_MM)
        bright |= (away > 2.0) & (away < 14.0) & (np.indices(SHAPE)[2] > SHAPE[2] / 2 + 4)
    clean = gaussian_filter(np.where(bright, 60 + CONTRAST, 60.0), (0.2, 0.6, 0.6))
    values = np.round(clean + rng.normal(0, CONTRAST / ratio, SHAPE)).astype(np.int16)
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], SPACING_MM, SHAPE, "2.25.17")
    name = f"phantom {seed}, {ratio:g}" + (", neighbour" if has_neighbour else "")
    return Case(name, volume_from_array(values, grid, series_uid=f"2.25.17{seed}"), lesion, ratio)


def phantoms(first_seed: int, shapes: int = 1) -> Iterator[Case]:
    """Yield phantoms of each level of noise, with and without a neighbour, and of some shapes each."""
    for n in range(shapes):
        for m, ratio in enumerate(RATIOS):
            yield phantom_case(first_seed + 10 * n + 2 * m, ratio, has_neighbour=False)
            yield phantom_case(first_seed + 10 * n + 2 * m + 1, ratio, has_neighbour=True)


def real_cases() -> Iterator[Case]:
    """Yield a soft-tissue sarcoma on CT, MR and PET, and the liver on three slices of CT."""
    import eci_annotate as eci

    for modality in ("CT", "MR_T1", "PET"):
        folder = DATA / "rtstruct_mim_sts008" / modality
        volume = eci.load_series(folder / "image")
        (tumour,) = eci.read_rtstruct(folder / "rtstruct" / "RS.dcm")
        yield Case(f"STS_008 {modality}", volume, np.asarray(tumour.mask_on(volume), bool))
    volume = eci.load_series(DATA / "liver_seg_dcmqi" / "ct-3slice")
    liver = eci.read_segmentation(DATA / "liver_seg_dcmqi" / "seg" / "liver.dcm")[0]
    yield Case("liver CT", volume, np.asarray(liver.mask_on(volume), bool))
