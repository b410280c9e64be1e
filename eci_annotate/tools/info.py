"""What a tool declares about itself. Toolbar, keyboard, help and the browser's feedback are derived from it.

To add a tool: name it in `ToolName`, write its module, list it in `registry.TOOLS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eci_annotate.imaging.annotations import AnnotationKind


class ToolName(StrEnum):
    """The tools, with the names that journals and use cases store."""

    BOX = "box"
    FREEDRAW = "freedraw"
    SMARTPAINT = "smartpaint"
    GROWCUT = "growcut"
    CLICK = "clicksegment"


class Feedback(StrEnum):
    """What the browser shows of a stroke before the kernel has drawn it."""

    NONE = "none"
    TRAIL = "trail"  # the whole stroke as a line
    AROUND = "around"  # nothing; a rectangle around its first point if the kernel is late
    RING = "ring"  # the brush, and the last points of the stroke


@dataclass(frozen=True)
class ToolInfo:
    """A tool as users see it.

    Parameters
    ----------
    name, title
        Name stored in journals, and title shown to users.
    icon
        Name of a Font Awesome 4 icon.
    key
        Key that selects the tool, in lower case.
    makes
        Kind of annotation that it draws.
    options
        Names of the fields of `Options` that it uses.
    feedback
        What the browser shows immediately.
    three_plane
        Selecting the tool shows all panes.
    keeps
        Prefix of the field that it keeps for each series, such as `SEEDS`; empty: none.
    keeps_if
        Option that must be on for it; empty: always.
    prompts
        Its gestures only ask for a suggestion, which becomes an annotation when it is accepted.
    help
        What a user does with it, in one or two sentences.
    trials
        Options under which its kernels are compiled ahead of the first stroke; empty if it has no kernels.
    """

    name: ToolName
    title: str
    icon: str
    key: str
    makes: AnnotationKind
    options: tuple[str, ...] = ()
    feedback: Feedback = Feedback.NONE
    three_plane: bool = False
    keeps: str = ""
    keeps_if: str = ""
    prompts: bool = False
    help: str = ""
    trials: tuple[Mapping[str, Any], ...] = ()
