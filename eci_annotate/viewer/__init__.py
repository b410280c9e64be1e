"""The notebook user interface: the only package that uses ipywidgets, ipycanvas and anywidget.

Names are loaded on first use, since ipycanvas creates a widget when it is imported. Before any widget exists, the
kernel's handling of widget messages is configured.
"""

from __future__ import annotations

import importlib
from typing import Any

from eci_annotate.viewer.session.comm_order import hear

_HOMES = {
    "annotate": "notebook",
    "show": "notebook",
    "Workbench": "workbench",
    "Stage": "stage.stage",
    "work": "task_app",
    "compare": "compare_page",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)


hear()
