"""What all annotations have in common: label, colour, identity, and the series they were drawn on."""

from __future__ import annotations

import uuid
from dataclasses import KW_ONLY, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import BadAnnotation, FrameMismatch
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of, like, series_uid_of

Colour = tuple[int, int, int]


class AnnotationKind(StrEnum):
    """What an annotation is: a box, contours in planes, or a mask of voxels."""

    BOX = "box"
    CONTOURS = "contours"
    MASK = "mask"


class Holes(StrEnum):
    """How contours show holes: by keyholes, or as inner rings that combine with the outer ones by exclusive or."""

    KEYHOLE = "keyhole"
    XOR_NESTED = "xor_nested"
    CLOSEDPLANAR_XOR = "closedplanar_xor"  # nested too, but each ring says so (PS3.3 2024)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("xor_nested") if value == "nested" else None

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the way with this name; BadAnnotation if there is none."""
        try:
            return cls(name)
        except ValueError:
            raise BadAnnotation(f"Holes cannot be written as {name!r}.", f"Choose {', '.join(cls)}.") from None


def new_uid() -> str:
    """Return a fresh DICOM UID (2.25 + random UUID, PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


@dataclass(frozen=True, eq=False)
class Annotation:
    """What boxes, contours and masks have in common.

    Attributes
    ----------
    label
        Free text; need not be unique.
    colour
        Red, green, blue, each 0..255.
    uid
        Identity of this annotation through all its versions (DICOM tracking UID).
    frame_uid, series_uid
        DICOM frame of reference and series it was drawn on.
    """

    kind: ClassVar[AnnotationKind]

    _: KW_ONLY
    label: str = ""
    colour: Colour = (255, 0, 0)
    frame_uid: str = ""
    series_uid: str = ""
    uid: str = field(default_factory=new_uid)

    def __post_init__(self) -> None:
        red, green, blue = (int(c) for c in self.colour)
        if not all(0 <= c <= 255 for c in (red, green, blue)):
            raise BadAnnotation(f"{self.colour} is not a colour.", "Give three numbers from 0 to 255.")
        object.__setattr__(self, "colour", (red, green, blue))

    @property
    def header(self) -> dict[str, Any]:
        """Return all fields except the shape, for creating another annotation with the same identity."""
        return {name: getattr(self, name) for name in ("label", "colour", "frame_uid", "series_uid", "uid")}

    def with_label(self, label: str) -> Self:
        """Return the same annotation with another label."""
        return replace(self, label=label)

    def with_colour(self, colour: Colour) -> Self:
        """Return the same annotation with another colour."""
        return replace(self, colour=colour)

    def grid_for(self, volume: xr.DataArray) -> Grid:
        """Return the grid of a volume that shares a frame with this annotation; FrameMismatch for any other."""
        grid = grid_of(volume)
        if self.series_uid and self.series_uid == series_uid_of(volume):
            return grid  # its own series, whatever frame of reference the file that it came from names
        if self.frame_uid and grid.frame_of_reference_uid != self.frame_uid:
            raise FrameMismatch(
                f"Annotation {self.label!r} is in another frame of reference than this volume.",
                "Use a series of the same frame of reference, or register the two first.",
            )
        if self.series_uid and not self.frame_uid:
            raise FrameMismatch(
                f"Annotation {self.label!r} was drawn on another series and names no frame of reference.",
                "Use the series it was drawn on; or state that they match: dataclasses.replace(a, series_uid='').",
            )
        return grid

    def mask_on(self, volume: xr.DataArray) -> xr.DataArray:
        """Return which voxels of a volume belong to this annotation.

        Parameters
        ----------
        volume
            Any volume of the same frame of reference; its grid may differ from the series drawn on.

        Returns
        -------
        DataArray
            Boolean, (k, j, i), on the grid of `volume`.

        Raises
        ------
        FrameMismatch
            If the volume is in another frame of reference.
        """
        return like(volume, self.voxels_on(self.grid_for(volume)), name="mask")

    def voxels_on(self, grid: Grid) -> NDArray[np.bool_]:
        """Return the boolean array (k, j, i) on a grid in the same frame of reference."""
        raise NotImplementedError

    @property
    def volume_mm3(self) -> float:
        """Volume in cubic millimetres."""
        raise NotImplementedError
