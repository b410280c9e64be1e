"""Messages to the browser; `esm/messages.js` has the same list, `browser_messages.py` the other direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eci_annotate.tools.info import Feedback
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.pane_geometry import View

Message = dict[str, Any]
RGB = "rgb"  # three bytes per pixel


def scene(layout: Message, panes: Sequence[Message], series: Mapping[str, Message], drawn: str) -> Message:
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
    drawn
        Series that is drawn on; a pane that shows it is active when the page opens.
    """
    return {"kind": "scene", "layout": layout, "panes": list(panes), "series": dict(series), "drawn": drawn}


def slice_message(want: Want, dtype: str, slope: float, intercept: float) -> Message:
    """Return one slice as displayed; its little-endian values are in the buffer.

    Parameters
    ----------
    want
        The request that it answers.
    dtype
        Type of the stored values; `RGB` for colours.
    slope, intercept
        Modality value = stored * slope + intercept.
    """
    return {
        "kind": "slice", "series": want.series, "plane": want.plane, "index": want.index,
        "dtype": dtype, "slope": slope, "intercept": intercept,
    }  # fmt: skip


def plane(pane: str, series: str, shape: Message) -> Message:
    """Return the new planes of an oblique pane.

    Parameters
    ----------
    pane, series
        The pane, and the series that it shows.
    shape
        The planes, as in a scene.
    """
    return {"kind": "plane", "pane": pane, "series": series, "shape": shape}


def drawn(
    page: str, frame: int, views: Sequence[tuple[View, str]], open_stroke: bool, touched: Sequence[str]
) -> Message:
    """Report that these views are drawn.

    Parameters
    ----------
    page
        Page that shows them.
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
    return {"kind": "drawn", "page": page, "frame": frame, "views": seen, "open": open_stroke, "touched": list(touched)}


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
        `corners` of a box, or `corner`, `size` and `coding` (`bits`, `runs`) of a mask in the buffer.
    """
    return {"kind": "echo", "uid": uid, "series": list(series), "colour": list(colour), "visible": visible, **shape}


def forget(uid: str, series: Sequence[str]) -> Message:
    """Report that an annotation is not, or no longer, on these series."""
    return {"kind": "forget", "uid": uid, "series": list(series)}


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


def status(text: str, level: str = "note", passing: bool = False) -> Message:
    """Return a line below the panes: `note`, `warning` or `error`; `passing`: it is over when the user draws again."""
    return {"kind": "status", "text": text, "level": level, "passing": passing}


def suggested(number: int) -> Message:
    """Report that a suggestion is drawn; the browser answers `seen` with its number once it shows it."""
    return {"kind": "suggested", "number": number}


def heard(gap: bool = False) -> Message:
    """Acknowledge messages that need no other reply; `gap`: an earlier message is missing."""
    return {"kind": "heard", "gap": gap}


def look(**what: Any) -> Message:
    """Set a `preset` or `window`, a `focus` point, show all panes of a `layout`, or carry out a `view` command.

    With a `series`, a pane that shows it becomes active first; if one pane is shown alone, it takes that pane's place.
    """
    return {"kind": "look", **what}
