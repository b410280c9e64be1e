"""Annotation tools as pure state machines, the history (the only writer), and the stroke journal.

Names are loaded on first use, because the kernels of SmartPaint take a moment to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eci_annotate.tools.editing.adoption import adoption as adoption
    from eci_annotate.tools.editing.easel import Easel as Easel
    from eci_annotate.tools.editing.journal import from_line as from_line
    from eci_annotate.tools.editing.journal import to_line as to_line
    from eci_annotate.tools.editing.snapshot import replay as replay
    from eci_annotate.tools.editing.snapshot import save as save
    from eci_annotate.tools.registry import TOOLS as TOOLS

_HOMES = {
    "Easel": "editing.easel",
    "TOOLS": "registry",
    "replay": "editing.snapshot",
    "save": "editing.snapshot",
    "to_line": "editing.journal",
    "from_line": "editing.journal",
    "adoption": "editing.adoption",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
