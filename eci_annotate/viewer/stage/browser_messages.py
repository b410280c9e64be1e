"""Messages from the browser, as typed values. They are not trusted: each is read into a value, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.viewer.stage.pane_geometry import View

MOST_POINTS = 20_000
MOST_VIEWS = 100
LONGEST_NAME = 200


@dataclass(frozen=True)
class Ready:
    """A page has built its stage and shows nothing yet."""

    page: str = ""


@dataclass(frozen=True)
class Bye:
    """A page was closed."""

    page: str


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
    redraw
        Drawings were lost.
    page
        The page that shows them.
    """

    views: tuple[View, ...]
    windows: Mapping[str, tuple[float, float]]
    active: str = ""
    focus: Vector | None = None
    redraw: bool = False
    page: str = ""


@dataclass(frozen=True)
class Hand:
    """One pointer event in a pane: `press`, `drag`, `release` or `cancel`.

    Attributes
    ----------
    series, plane, window
        With a press: what the pane showed to the user, which the kernel may have changed meanwhile.
    """

    do: str
    pane: str
    index: int
    points: tuple[Vector, ...]
    pressures: tuple[float, ...]
    time_s: float
    modifiers: frozenset[str]
    button: int = 0
    reach_mm: float = 2.0
    series: str = ""
    plane: str = ""
    window: tuple[float, float] | None = None


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


Incoming = Ready | Bye | Want | Views | Hands | BrowserCommand | Here


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


def _turn(raw: Any) -> int:
    if raw not in range(8):
        raise ValueError("turn")
    return int(raw)


def _view(raw: Mapping[str, Any], page: str) -> View:
    width, height = int(raw["width"]), int(raw["height"])
    if not (0 < width <= 8192 and 0 < height <= 8192 and 1e-4 < float(raw["px_per_mm"]) < 1e4):
        raise ValueError("view")
    return View(
        _name(raw["pane"]), int(raw["seq"]), int(raw["index"]), float(raw["left_mm"]), float(raw["top_mm"]),
        float(raw["px_per_mm"]), width, height, float(raw["ratio"]), page, _turn(raw.get("turn", 0)),
    )  # fmt: skip


def _hand(raw: Mapping[str, Any]) -> Hand:
    flat = [float(x) for x in raw["points"][: 3 * MOST_POINTS]]
    points = tuple(zip(flat[::3], flat[1::3], flat[2::3], strict=True))
    window = _window(raw["window"]) if raw.get("window") is not None else None
    return Hand(
        str(raw["do"]), _name(raw["pane"]), int(raw["index"]), points,
        tuple(float(p) for p in raw["pressures"][:MOST_POINTS]), float(raw["time_s"]),
        frozenset(str(m) for m in raw["modifiers"]), int(raw.get("button", 0)), float(raw.get("reach_mm", 2.0)),
        _name(raw.get("series", "")), _name(raw.get("plane", "")), window,
    )  # fmt: skip


def read(raw: Mapping[str, Any]) -> Incoming:
    """Return the typed message.

    Raises
    ------
    Refused
        If it has none of the formats above.
    """
    try:
        page = _name(raw.get("page", ""))
        match raw["kind"]:
            case "ready":
                return Ready(page)
            case "bye":
                return Bye(page)
            case "here":
                return Here()
            case "want":
                return Want(_name(raw["series"]), _name(raw["plane"]), int(raw["index"]))
            case "views":
                views = tuple(_view(v, page) for v in raw["views"][:MOST_VIEWS])
                windows = {_name(series): _window(each) for series, each in raw["windows"].items()}
                active, focus = _name(raw.get("active", "")), point(raw.get("focus"))
                return Views(views, windows, active, focus, bool(raw.get("redraw")), page)
            case "hands":
                return Hands(int(raw["frame"]), tuple(_hand(e) for e in raw["events"]))
            case "command":
                return BrowserCommand(str(raw["name"]), raw.get("value"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("The browser sent an unreadable message.", "Reload the page.") from error
    raise Refused("The browser sent an unknown message.", "Reload the page.")
