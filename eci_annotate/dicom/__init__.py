"""The single entry point for DICOM: series in, RTSTRUCT, SEG and reports in and out. Names are loaded on first use."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "load_series": "images.series",
    "load_stacks": "images.series",
    "load_files": "images.series",
    "pixel_digest": "images.series",
    "scan": "images.headers",
    "Found": "images.headers",
    "read_rtstruct": "rtstruct.read",
    "write_rtstruct": "rtstruct.write",
    "structure_set": "rtstruct.dataset",
    "read_segmentation": "seg.read",
    "write_segmentation": "seg.write",
    "report_object": "sr.report",
    "write_phantom": "phantom",
    "phantom_lesions": "phantom",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
