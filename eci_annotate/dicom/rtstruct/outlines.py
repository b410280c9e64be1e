"""An annotation as closed planar contours of its series, slice by slice: the content of ContourSequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.rtstruct.decimals import to_decimals
from eci_annotate.dicom.rtstruct.keyhole import halves, keyholed
from eci_annotate.errors import BadAnnotation
from eci_annotate.imaging.annotation import Holes
from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.contours import rings_of_mask
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.regions import polygons_of, region_of

MOST_BYTES = 65_000  # per contour; beyond 65 534 it could not be written in an explicit VR


@dataclass(frozen=True)
class Outline:
    """One contour: its slice, its kind, and its points as DS bytes."""

    slice_k: int
    geometric_type: str
    data: bytes
    points: int


@dataclass(frozen=True)
class Outliner:
    """Create outlines on one grid with `decimals` digits after the decimal point, in millimetres.

    `origins_lps[k]` is ImagePositionPatient of slice k: the actual position of each slice is used.
    """

    grid: Grid
    origins_lps: Floats
    decimals: int
    holes: Holes = Holes.KEYHOLE

    def of(self, annotation: Annotation) -> Iterator[Outline]:
        """Return the contours of an annotation in slice order."""
        match annotation:
            case Box():
                return self._box(annotation)
            case Contours():
                return self._contours(annotation)
            case Mask():
                return self._mask(annotation.voxels_on(self.grid))
        raise BadAnnotation(f"A {type(annotation).__name__} cannot be written.", "Use a Box, Contours or a Mask.")

    def _outline(self, slice_k: int, points_lps: Floats, kind: str = "CLOSED_PLANAR") -> Outline:
        placed = points_lps + self._shift(slice_k)
        return Outline(slice_k, kind, to_decimals(placed, self.decimals), len(points_lps))

    def _shift(self, slice_k: int) -> Floats:
        """Return the offset from the even grid to the actual position of the slice."""
        if not 0 <= slice_k < len(self.origins_lps):
            return np.zeros(3)
        return self.origins_lps[slice_k] - self.grid.reference_from_image([slice_k, 0, 0])

    def _lps(self, slice_k: int, ring_ji: Floats) -> Floats:
        return self.grid.reference_from_image(np.column_stack([np.full(len(ring_ji), float(slice_k)), ring_ji]))

    # -- masks ------------------------------------------------------------------
    def _mask(self, voxels: NDArray[np.bool_]) -> Iterator[Outline]:
        for k in np.flatnonzero(voxels.any((1, 2))):
            yield from self._slice(int(k), voxels[k])

    def _slice(self, k: int, mask: NDArray[np.bool_]) -> Iterator[Outline]:
        """Yield the contours of one slice; if one would be too long, split the slice into bands of rows."""
        nested = self.holes is not Holes.KEYHOLE
        rings = rings_of_mask(mask, self.holes)
        kind = "CLOSEDPLANAR_XOR" if self.holes is Holes.CLOSEDPLANAR_XOR else "CLOSED_PLANAR"
        found: dict[int, Outline] = {}
        for n in sorted(range(len(rings)), key=lambda n: len(rings[n]), reverse=True):  # the longest decides first
            found[n] = self._outline(k, self._lps(k, rings[n]), kind)
            if not nested and len(found[n].data) > MOST_BYTES and mask.any(1).sum() > 1:
                yield from self._bands(k, mask)
                return
        yield from (found[n] for n in range(len(rings)))

    def _bands(self, k: int, mask: NDArray[np.bool_]) -> Iterator[Outline]:
        rows = np.flatnonzero(mask.any(1))
        middle = (rows[0] + rows[-1] + 1) // 2
        for band in (slice(None, middle), slice(middle, None)):
            part = np.zeros_like(mask)
            part[band] = mask[band]
            yield from self._slice(k, part)

    # -- contours -----------------------------------------------------------------
    def _contours(self, contours: Contours) -> Iterator[Outline]:
        by_slice: dict[int, list[Floats]] = {}
        is_across = contours.lies_across(self.grid)
        for ring in contours.rings_lps:
            k = int(np.floor(self.grid.image_from_reference(ring)[:, 0].mean() + 0.5))
            by_slice.setdefault(k, []).append(ring)
        for k in sorted(by_slice):
            yield from (self._across(k, by_slice[k]) if is_across else self._rings(k, by_slice[k]))

    def _across(self, k: int, rings: list[Floats]) -> Iterator[Outline]:
        """Yield the contours as they are: they lie in other planes than the slices, and combine in those."""
        kind = "CLOSEDPLANAR_XOR" if self.holes is Holes.CLOSEDPLANAR_XOR else "CLOSED_PLANAR"
        yield from (Outline(k, kind, to_decimals(ring, self.decimals), len(ring)) for ring in rings)

    def _rings(self, k: int, rings: list[Floats]) -> Iterator[Outline]:
        if len(rings) == 1 and 26 * 2 * len(rings[0]) < MOST_BYTES:
            yield self._outline(k, rings[0])
            return
        flat = [self.grid.image_from_reference(r) for r in rings]
        height = float(np.mean([f[:, 0].mean() for f in flat]))
        polygons = polygons_of(region_of(f[:, [2, 1]] for f in flat))
        while polygons:
            polygon = polygons.pop(0)
            ring = keyholed(polygon)
            points = np.column_stack([np.full(len(ring), height), ring[:, 1], ring[:, 0]])
            outline = self._outline(k, self.grid.reference_from_image(points))
            if len(outline.data) > MOST_BYTES:
                polygons = halves(polygon) + polygons
            else:
                yield outline

    # -- boxes --------------------------------------------------------------------
    def _box(self, box: Box) -> Iterator[Outline]:
        normal = self.grid.normal_lps
        for k in range(self.grid.shape[0]):
            centre = self.grid.reference_from_image([k, 0, 0])
            section = box.section(centre, normal, self.grid.slice_mm)
            if len(section) == 2:
                yield self._outline(k, section, "OPEN_PLANAR")
            elif len(section) > 2:
                yield self._outline(k, self._flattened(section, k))

    def _flattened(self, section: Floats, k: int) -> Floats:
        """Move a rectangle between two slices onto the slice."""
        image = self.grid.image_from_reference(section)
        image[:, 0] = k
        return self.grid.reference_from_image(image)


def decimals_for(grid: Grid) -> int:
    """Return the digits after the decimal point: a hundredth of the inset must survive rounding."""
    return 4 if min(grid.spacing_mm) >= 0.1 else 6
