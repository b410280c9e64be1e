"""eci_annotate: expert annotation of medical images in Jupyter.

The face of the package. Names are loaded when first used, so that importing it stays fast and
loads neither ipycanvas nor numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "open": "repository",
    "annotate": "viewer",
    "show": "viewer",
    "load_series": "dicom",
    "load_stacks": "dicom",
    "read_rtstruct": "dicom",
    "write_rtstruct": "dicom",
    "write_phantom": "dicom",
    "Box": "imaging.annotations",
    "Contours": "imaging.annotations",
    "Mask": "imaging.annotations",
    "Grid": "imaging.geometry",
    "grid_of": "imaging.volume",
    "volume_from_array": "imaging.volume",
    "resample": "imaging.reslice",
    "EciError": "errors",
}

if TYPE_CHECKING:
    from eci_annotate.dicom.phantom import write_phantom
    from eci_annotate.dicom.rtstruct import read_rtstruct, write_rtstruct
    from eci_annotate.dicom.series import load_series, load_stacks
    from eci_annotate.errors import EciError
    from eci_annotate.imaging.annotations import Box, Contours, Mask
    from eci_annotate.imaging.geometry import Grid
    from eci_annotate.imaging.reslice import resample
    from eci_annotate.imaging.volume import grid_of, volume_from_array


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


__all__ = [
    "Box",
    "Contours",
    "EciError",
    "Grid",
    "Mask",
    "grid_of",
    "load_series",
    "load_stacks",
    "read_rtstruct",
    "resample",
    "volume_from_array",
    "write_phantom",
    "write_rtstruct",
]
