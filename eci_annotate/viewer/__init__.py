"""The face on the screen: the only room that knows ipywidgets, ipycanvas and anywidget.

Names are loaded when first used, since ipycanvas makes a widget when it is imported. Before there is any, the kernel
is told how to hear what a page says to them.
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
