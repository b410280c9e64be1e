"""What a tool states about itself. Tool bar, keyboard, help and the browser's feedback are drawn from it.

To add a tool: name it in `ToolName`, write its module, list it in `registry.TOOLS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eci_annotate.imaging.annotations import Kind


class ToolName(StrEnum):
    """The tools, by the names that journals and use cases store."""

    BOX = "box"
    FREEDRAW = "freedraw"
    SMARTPAINT = "smartpaint"


class Feedback(StrEnum):
    """What the browser shows of a stroke before the kernel has drawn it."""

    NONE = "none"
    TRAIL = "trail"  # the whole stroke as a line
    RING = "ring"  # the brush, and the last points of the stroke


@dataclass(frozen=True)
class ToolInfo:
    """A tool as people meet it.

    Parameters
    ----------
    name, title
        What journals store, and what people read.
    icon
        Name of a Font Awesome 4 icon.
    key
        The key that chooses it, in lower case.
    makes
        Kind of annotation that it draws.
    options
        Names of the fields of `Options` that it uses.
    feedback
        What the browser shows at once.
    three_plane
        Choosing it shows all panes.
    trials
        Options under which its kernels are compiled ahead of the first stroke; empty: it has none.
    """

    name: ToolName
    title: str
    icon: str
    key: str
    makes: Kind
    options: tuple[str, ...] = ()
    feedback: Feedback = Feedback.NONE
    three_plane: bool = False
    trials: tuple[Mapping[str, Any], ...] = ()
