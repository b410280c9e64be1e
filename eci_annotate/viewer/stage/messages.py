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
from eci_annotate.viewer.stage.pane_geometry import View

Message = dict[str, Any]
MOST_POINTS = 20_000
MOST_VIEWS = 100
LONGEST_NAME = 200


# -- from the browser ------------------------------------------------------------------
@dataclass(frozen=True)
class Ready:
    """A browser has built its stage and shows nothing yet."""


@dataclass(frozen=True)
class Want:
    """A slice is requested."""

    series: str
    plane: str
    index: int


@dataclass(frozen=True)
class Views:
    """Views at rest.

    Attributes
    ----------
    views
        What each pane shows.
    windows
        Modality values displayed black and white, by series.
    active
        Pane with the keyboard focus.
    focus
        Position of the crosshair in that pane (patient mm).
    anew
        Drawings were lost.
    """

    views: tuple[View, ...]
    windows: Mapping[str, tuple[float, float]]
    active: str = ""
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


def _name(raw: Any) -> str:
    """Return the name of a pane, plane or series; whether it exists is for the layout to say."""
    if not isinstance(raw, str) or len(raw) > LONGEST_NAME:
        raise ValueError("name")
    return raw


def _window(raw: Any) -> tuple[float, float]:
    low, high = (float(x) for x in raw)
    if not (isfinite(low) and isfinite(high)):
        raise ValueError("window")
    return low, high


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
        _name(raw["pane"]), int(raw["seq"]), int(raw["index"]), float(raw["left_mm"]), float(raw["top_mm"]),
        float(raw["px_per_mm"]), width, height, float(raw["ratio"]),
    )  # fmt: skip


def _hand(raw: Mapping[str, Any]) -> Hand:
    flat = [float(x) for x in raw["points"][: 3 * MOST_POINTS]]
    points = tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
    return Hand(
        str(raw["do"]), _name(raw["pane"]), int(raw["index"]), points,
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
                return Want(_name(raw["series"]), _name(raw["plane"]), int(raw["index"]))
            case "views":
                views = tuple(_view(v) for v in raw["views"][:MOST_VIEWS])
                windows = {_name(series): _window(each) for series, each in raw["windows"].items()}
                active, focus = _name(raw.get("active", "")), point(raw.get("focus"))
                return Views(views, windows, active, focus, bool(raw.get("anew")))
            case "hands":
                return Hands(int(raw["frame"]), tuple(_hand(e) for e in raw["events"]))
            case "command":
                return BrowserCommand(str(raw["name"]), raw.get("value"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("The browser sent an unreadable message.", "Reload the page.") from error
    raise Refused("The browser sent an unknown message.", "Reload the page.")


# -- to the browser ----------------------------------------------------------------------
def scene(layout: Message, panes: Sequence[Message], series: Mapping[str, Message]) -> Message:
    """Return what to show.

    Parameters
    ----------
    layout
        Name, relative widths of the columns, number of rows.
    panes
        Name, place, title, series and plane of each pane.
    series
        By UID: frame of reference, shape of each plane, initial window (modality values displayed black and white),
        and whether low values are displayed white.
    """
    return {"kind": "scene", "layout": layout, "panes": list(panes), "series": dict(series)}


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
        "kind": "slice", "series": want.series, "plane": want.plane, "index": want.index,
        "dtype": dtype, "slope": slope, "intercept": intercept,
    }  # fmt: skip


def drawn(frame: int, views: Sequence[tuple[View, str]], open_stroke: bool, touched: Sequence[str]) -> Message:
    """Report that these views are drawn.

    Parameters
    ----------
    frame
        Number of the frame that it answers; 0 answers none.
    views
        Views that are drawn, with the series that each shows.
    open_stroke
        Whether a stroke is in progress.
    touched
        Names of panes that look different.
    """
    seen = [{"pane": view.pane, "seq": view.seq, "series": series} for view, series in views]
    return {"kind": "drawn", "frame": frame, "views": seen, "open": open_stroke, "touched": list(touched)}


def echo(uid: str, series: Sequence[str], colour: Sequence[int], visible: bool, **shape: Any) -> Message:
    """Return a compact annotation.

    Parameters
    ----------
    uid
        Its uid.
    series
        Series with one grid, on which it looks like this.
    colour
        Red, green, blue, each 0..255.
    visible
        Whether it is shown.
    shape
        `corners` of a box, or `corner` and `size` of a bit mask in the buffer.
    """
    return {"kind": "echo", "uid": uid, "series": list(series), "colour": list(colour), "visible": visible, **shape}


def forget(uid: str, series: Sequence[str]) -> Message:
    """Report that an annotation is not, or no longer, on these series."""
    return {"kind": "forget", "uid": uid, "series": list(series)}


def tool(name: str, feedback: Feedback, radius_mm: float, erase: bool, colour: Sequence[int], why_not: str) -> Message:
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
    """
    return {
        "kind": "tool", "tool": name, "feedback": feedback.value, "radius_mm": radius_mm, "erase": erase,
        "colour": list(colour), "read_only": bool(why_not), "why": why_not,
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
