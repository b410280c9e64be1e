"""eci_annotate: expert annotation of medical images in Jupyter.

The face of the package. Names are loaded when first used, so that importing it stays fast and
loads neither ipycanvas nor numba.
"""

from __future__ import annotations

import importlib
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from eci_annotate.version import __version__

_AHEAD_S = 1.0
_HOMES = {
    "open": "repository.open_repository",
    "Repository": "repository.repository",
    "Task": "repository.task",
    "Signed": "repository.task",
    "create_repository": "repository.admin.create",
    "import_folders": "repository.admin.import_dicom",
    "adopt": "repository.external.adopt_annotations",
    "annotate": "viewer.notebook",
    "show": "viewer.notebook",
    "replay": "viewer.notebook",
    "compare": "viewer.compare_page",
    "work": "viewer.task_app_start",
    "load_series": "dicom.images.series",
    "load_stacks": "dicom.images.series",
    "series_in": "dicom.images.study",
    "digital_signatures": "repository.keys.dicom_signatures",
    "read_rtstruct": "dicom.rtstruct.read",
    "write_rtstruct": "dicom.rtstruct.write",
    "read_segmentation": "dicom.seg.read",
    "read_report": "dicom.sr.read_report",
    "write_segmentation": "dicom.seg.write",
    "write_phantom": "dicom.phantom",
    "Box": "imaging.annotations",
    "Contours": "imaging.annotations",
    "Mask": "imaging.annotations",
    "Grid": "imaging.geometry",
    "grid_of": "imaging.volume",
    "volume_from_array": "imaging.volume",
    "without_padding": "imaging.volume",
    "resample": "imaging.reslice",
    "suv": "dicom.suv",
    "subtract": "dicom.subtraction",
    "read_registration": "dicom.read_registration",
    "map_onto": "imaging.registration.map_onto",
    "Registration": "imaging.registration.registration",
    "active_times": "repository.analysis.active_time",
    "proposal_table": "repository.assistants.proposal_report",
    "kinetic_curve": "repository.analysis.kinetics",
    "answer_table": "repository.analysis.answer_table",
    "ControlCases": "repository.analysis.control_cases",
    "TimePoint": "repository.analysis.kinetics",
    "upright": "imaging.reslice",
    "write_label_map": "imaging.write_label_map",
    "datasets": "repository.datasets.dataset_iterable",
    "EciError": "errors",
}

if TYPE_CHECKING:
    from eci_annotate.dicom.images.series import load_series, load_stacks
    from eci_annotate.dicom.images.study import series_in
    from eci_annotate.dicom.phantom import write_phantom
    from eci_annotate.dicom.read_registration import read_registration
    from eci_annotate.dicom.rtstruct.read import read_rtstruct
    from eci_annotate.dicom.rtstruct.write import write_rtstruct
    from eci_annotate.dicom.seg.read import read_segmentation
    from eci_annotate.dicom.seg.write import write_segmentation
    from eci_annotate.dicom.sr.read_report import read_report
    from eci_annotate.dicom.subtraction import subtract
    from eci_annotate.dicom.suv import suv
    from eci_annotate.errors import EciError
    from eci_annotate.imaging.annotations import Box, Contours, Mask
    from eci_annotate.imaging.geometry import Grid
    from eci_annotate.imaging.registration.map_onto import map_onto
    from eci_annotate.imaging.registration.registration import Registration
    from eci_annotate.imaging.reslice import resample, upright
    from eci_annotate.imaging.volume import grid_of, volume_from_array, without_padding
    from eci_annotate.imaging.write_label_map import write_label_map
    from eci_annotate.repository.admin.create import create_repository
    from eci_annotate.repository.admin.import_dicom import import_folders
    from eci_annotate.repository.analysis.active_time import active_times
    from eci_annotate.repository.analysis.answer_table import answer_table
    from eci_annotate.repository.analysis.control_cases import ControlCases
    from eci_annotate.repository.analysis.kinetics import TimePoint, kinetic_curve
    from eci_annotate.repository.assistants.proposal_report import proposal_table
    from eci_annotate.repository.datasets.dataset_iterable import datasets
    from eci_annotate.repository.external.adopt_annotations import adopt
    from eci_annotate.repository.keys.dicom_signatures import digital_signatures
    from eci_annotate.repository.open_repository import open
    from eci_annotate.repository.repository import Repository
    from eci_annotate.repository.task import Signed, Task
    from eci_annotate.viewer.compare_page import compare
    from eci_annotate.viewer.notebook import annotate, replay, show
    from eci_annotate.viewer.task_app_start import work


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    if name == "open" and "ipykernel" in sys.modules:
        threading.Thread(target=_load_ahead, daemon=True).start()
    return value


def _load_ahead() -> None:
    """In a notebook: load the viewer while the person looks at the worklist, so that a study opens at once."""
    time.sleep(_AHEAD_S)  # the worklist comes first
    importlib.import_module(f"{__name__}.viewer.notebook")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


__all__ = [
    "Box",
    "Contours",
    "ControlCases",
    "EciError",
    "Grid",
    "Mask",
    "Registration",
    "Repository",
    "Signed",
    "Task",
    "TimePoint",
    "__version__",
    "active_times",
    "adopt",
    "annotate",
    "answer_table",
    "compare",
    "create_repository",
    "datasets",
    "digital_signatures",
    "grid_of",
    "import_folders",
    "kinetic_curve",
    "load_series",
    "load_stacks",
    "map_onto",
    "open",
    "proposal_table",
    "read_registration",
    "read_report",
    "read_rtstruct",
    "read_segmentation",
    "replay",
    "resample",
    "series_in",
    "show",
    "subtract",
    "suv",
    "upright",
    "volume_from_array",
    "without_padding",
    "work",
    "write_label_map",
    "write_phantom",
    "write_rtstruct",
    "write_segmentation",
]
