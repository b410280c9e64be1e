"""Orders of the controller for canvases and browser: values that tests read and a stage carries out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Colour
from eci_annotate.imaging.geometry import Floats
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.pane_geometry import View

CAPTION = "caption"  # a mark that is its `text`, beginning at its point


@dataclass(frozen=True, eq=False)
class Mark:
    """A line (or, with `spot`, handles; a place and a caption have a `text`) in device pixels, shape (n, 2)."""

    points_px: Floats
    colour: Colour
    width_px: float
    closed: bool = False
    fill: float = 0.0
    spot: str = ""
    text: str = ""


@dataclass(frozen=True)
class Panel:
    """Have canvases for these panes before anything is drawn: on one page, or (None) on all."""

    names: tuple[str, ...]
    page: str | None = None


@dataclass(frozen=True)
class Leave:
    """Close the canvases of a page that was closed."""

    page: str


@dataclass(frozen=True)
class Fit:
    """Resize a pane's canvases to its view; they are empty afterwards."""

    view: View


@dataclass(frozen=True, eq=False)
class Ink:
    """Replace a rectangle of the mask layer; with `wipe` the whole layer is cleared first."""

    pane: str
    x: int
    y: int
    rgba: NDArray[np.uint8] | None
    wipe: bool = False
    page: str = ""


@dataclass(frozen=True, eq=False)
class Lines:
    """Replace the vector layer; rings of one mark are filled together by the even-odd rule."""

    pane: str
    marks: tuple[Mark, ...]
    page: str = ""


@dataclass(frozen=True, eq=False)
class Send:
    """Send a message to the browser."""

    message: Message
    buffers: tuple[bytes, ...] = ()


Drawing = Fit | Ink | Lines
"""What is drawn on canvases."""
Order = Panel | Leave | Fit | Ink | Lines | Send
"""Everything a stage can carry out."""
