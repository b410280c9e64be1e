"""All message formats, the kernel's side; `esm/messages.js` is the same list in the browser.

Messages from a browser are not trusted: they are read into typed values, or refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.info import Feedback
from eci_annotate.viewer.stage.pane_geometry import PANES, View

Message = dict[str, Any]
MOST_POINTS = 20_000


# -- from the browser ------------------------------------------------------------------
@dataclass(frozen=True)
class Ready:
    """A browser has built its stage and shows nothing yet."""


@dataclass(frozen=True)
class Want:
    """A slice is requested."""

    series: str
    pane: str
    index: int


@dataclass(frozen=True)
class Views:
    """Views at rest, the window, and the position of the crosshair (patient mm); `anew`: drawings were lost."""

    views: tuple[View, ...]
    window: tuple[float, float]
    focus: Vector | None = None
    anew: bool = False


@dataclass(frozen=True)
class Hand:
    """One pointer event in a pane: `press`, `drag`, `release` or `cancel`."""

    do: str
    pane: str
    index: int
    points: tuple[Vector, ...]
    pressures: tuple[float, ...]
    time_s: float
    modifiers: frozenset[str]
    button: int = 0
    reach_mm: float = 2.0


@dataclass(frozen=True)
class Hands:
    """A frame of pointer events; `drawn` with the same number answers it."""

    frame: int
    events: tuple[Hand, ...]


@dataclass(frozen=True)
class BrowserCommand:
    """A key or button: its name is one of `shortcuts.SHORTCUTS`."""

    name: str
    value: Any


@dataclass(frozen=True)
class Here:
    """The user is present: something moved in the browser."""


Incoming = Ready | Want | Views | Hands | BrowserCommand | Here


def _pane(name: Any) -> str:
    if name not in PANES:
        raise ValueError(name)
    return str(name)


def point(raw: Any) -> Vector | None:
    """Return a point in patient millimetres; raises ValueError or TypeError if it is not one."""
    if raw is None:
        return None
    x, y, z = (float(each) for each in raw)
    if not all(map(isfinite, (x, y, z))):
        raise ValueError("point")
    return x, y, z


def _view(raw: Mapping[str, Any]) -> View:
    width, height = int(raw["width"]), int(raw["height"])
    if not (0 < width <= 8192 and 0 < height <= 8192 and 1e-4 < float(raw["px_per_mm"]) < 1e4):
        raise ValueError("view")
    return View(
        _pane(raw["pane"]), int(raw["seq"]), int(raw["index"]), float(raw["left_mm"]), float(raw["top_mm"]),
        float(raw["px_per_mm"]), width, height, float(raw["ratio"]),
    )  # fmt: skip


def _hand(raw: Mapping[str, Any]) -> Hand:
    flat = [float(x) for x in raw["points"][: 3 * MOST_POINTS]]
    points = tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
    return Hand(
        str(raw["do"]), _pane(raw["pane"]), int(raw["index"]), points,
        tuple(float(p) for p in raw["pressures"][:MOST_POINTS]), float(raw["time_s"]),
        frozenset(str(m) for m in raw["modifiers"]), int(raw.get("button", 0)), float(raw.get("reach_mm", 2.0)),
    )  # fmt: skip


def read(raw: Mapping[str, Any]) -> Incoming:
    """Return the typed message.

    Raises
    ------
    Refused
        If it has none of the formats above.
    """
    try:
        match raw["kind"]:
            case "ready":
                return Ready()
            case "here":
                return Here()
            case "want":
                return Want(str(raw["series"]), _pane(raw["pane"]), int(raw["index"]))
            case "views":
                low, high = (float(x) for x in raw["window"])
                views = tuple(_view(v) for v in raw["views"])
                return Views(views, (low, high), point(raw.get("focus")), bool(raw.get("anew")))
            case "hands":
                return Hands(int(raw["frame"]), tuple(_hand(e) for e in raw["events"]))
            case "command":
                return BrowserCommand(str(raw["name"]), raw.get("value"))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("The browser sent an unreadable message.", "Reload the page.") from error
    raise Refused("The browser sent an unknown message.", "Reload the page.")


# -- to the browser ----------------------------------------------------------------------
def scene(series: str, frame: str, shapes: Mapping[str, Message], window: tuple[float, float], invert: bool) -> Message:
    """Return a series to show: frame of reference, pane shapes, initial window and inversion.

    Parameters
    ----------
    series, frame
        Series Instance UID, and UID of its frame of reference.
    shapes
        Shape of each pane by name.
    window
        Modality values displayed black and white.
    invert
        Whether low values are displayed white.
    """
    look = {"window": list(window), "invert": invert}
    return {"kind": "scene", "series": series, "frame": frame, "shapes": dict(shapes), **look}


def slice_message(want: Want, dtype: str, slope: float, intercept: float) -> Message:
    """Return one slice as displayed; its little-endian values are in the buffer.

    Parameters
    ----------
    want
        The request that it answers.
    dtype
        Type of the stored values.
    slope, intercept
        Modality value = stored * slope + intercept.
    """
    return {
        "kind": "slice", "series": want.series, "pane": want.pane, "index": want.index,
        "dtype": dtype, "slope": slope, "intercept": intercept,
    }  # fmt: skip


def drawn(frame: int, views: Sequence[View], series: str, open_stroke: bool, touched: Sequence[str]) -> Message:
    """Report that these views are drawn.

    Parameters
    ----------
    frame
        Number of the frame that it answers; 0 answers none.
    views
        Views that are drawn.
    series
        Series Instance UID.
    open_stroke
        Whether a stroke is in progress.
    touched
        Names of panes that look different.
    """
    seen = [{"pane": v.pane, "seq": v.seq} for v in views]
    return {
        "kind": "drawn", "frame": frame, "views": seen, "series": series,
        "open": open_stroke, "touched": list(touched),
    }  # fmt: skip


def echo(uid: str, colour: Sequence[int], visible: bool, **shape: Any) -> Message:
    """Return a compact annotation: `corners` of a box, or `corner` and `size` of a bit mask in the buffer."""
    return {"kind": "echo", "uid": uid, "colour": list(colour), "visible": visible, **shape}


def forget(uid: str) -> Message:
    """Report that an annotation no longer exists."""
    return {"kind": "forget", "uid": uid}


def tool(
    name: str,
    feedback: Feedback,
    radius_mm: float,
    erase: bool,
    colour: Sequence[int],
    why_not: str,
    hovers: bool = False,
) -> Message:
    """Return the current tool and the browser's feedback for its strokes.

    Parameters
    ----------
    name
        Name of the tool.
    feedback
        What the browser shows of its strokes.
    radius_mm
        Brush radius, millimetres.
    erase
        Whether strokes subtract.
    colour
        Red, green, blue, each 0..255.
    why_not
        Why drawing is disabled; empty if it is enabled.
    hovers
        Whether the kernel wants to know where the pointer rests.
    """
    return {
        "kind": "tool", "tool": name, "feedback": feedback.value, "radius_mm": radius_mm, "erase": erase,
        "colour": list(colour), "read_only": bool(why_not), "why": why_not, "hovers": hovers,
    }  # fmt: skip


def status(text: str, level: str = "note") -> Message:
    """Return a line below the panes: `note`, `warning` or `error`."""
    return {"kind": "status", "text": text, "level": level}


def heard(gap: bool = False) -> Message:
    """Acknowledge messages that need no other reply; `gap`: an earlier message is missing."""
    return {"kind": "heard", "gap": gap}


def look(**what: Any) -> Message:
    """Set a window `preset`, a `window`, a `focus` point, or the `layout` of three planes."""
    return {"kind": "look", **what}
