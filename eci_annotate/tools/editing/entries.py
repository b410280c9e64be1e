"""User actions between gestures; together with gestures these are the entries of the stroke journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eci_annotate.imaging.annotations import Colour
from eci_annotate.tools.gestures import Gesture


@dataclass(frozen=True)
class Add:
    """Start a new annotation with a tool; it becomes the active one.

    `for_stroke`: the stroke that follows needs it, and is one undo item with it.
    """

    uid: str
    tool: str
    label: str
    colour: Colour
    series_uid: str
    for_stroke: bool = False


@dataclass(frozen=True)
class Adopt:
    """Adopt an annotation as another user drew it; it becomes the active one.

    `shape` is created by `adoption.adoption`; `source` is its origin: task and version.
    """

    uid: str
    series_uid: str
    shape: str
    source: str


@dataclass(frozen=True)
class Accept:
    """Accept what a tool suggested; the result itself is stored, so that a replay computes nothing.

    `shape` is created by `acceptance.acceptance`; `source` names the tool or model and its version, as in
    ``growcut/1``; `name` is the name of the undo item.
    """

    series_uid: str
    shape: str
    source: str
    name: str


@dataclass(frozen=True)
class Select:
    """Make an annotation the active one (None: none)."""

    uid: str | None


@dataclass(frozen=True)
class Alter:
    """Change label, colour or visibility; None keeps the current value."""

    uid: str
    label: str | None = None
    colour: Colour | None = None
    visible: bool | None = None


@dataclass(frozen=True)
class Delete:
    """Remove an annotation; undo brings it back."""

    uid: str


@dataclass(frozen=True)
class SetOption:
    """Change one of the tool options."""

    name: str
    value: Any


@dataclass(frozen=True)
class ChooseTool:
    """Choose another tool."""

    tool: str


@dataclass(frozen=True)
class Show:
    """Show another series."""

    series_uid: str


@dataclass(frozen=True)
class Undo:
    """Undo the last item."""


@dataclass(frozen=True)
class Redo:
    """Redo the last undone item."""


Entry = Gesture | Add | Adopt | Accept | Select | Alter | Delete | SetOption | ChooseTool | Show | Undo | Redo
