"""Agreement for people: a page with what was left out, tables and a Bland–Altman plot; the only drawing of it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from eci_annotate.repository.analysis.ratings import Targets
from eci_annotate.repository.analysis.readings import Comparison

LIMITS = 1.96  # standard deviations (Bland and Altman, Lancet 1986;327:307)


def new_figure(width_in: float, height_in: float) -> Any:
    """A matplotlib figure that a notebook shows as a picture, whether or not pyplot was imported there."""
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that draws itself."""

        def _repr_png_(self) -> bytes:
            return _png(self)

    return Picture(figsize=(width_in, height_in), layout="constrained")


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return out.getvalue()


def bland_altman(comparison: Comparison, targets: Targets) -> Any:
    """Two plots side by side: each lesion's two volumes, and their difference over their mean, in millilitres."""
    both = np.asarray([row for row in targets.rows if None not in row], float).reshape(-1, 2) / 1000
    alone = len(targets.rows) - len(both)
    first, second = comparison.columns
    figure = new_figure(10, 4.4)
    left, right = figure.subplots(1, 2)
    _scatter(left, both, first, second)
    _differences(right, both, first, second)
    said = f"; {alone} of one reading alone not shown" if alone else ""
    figure.suptitle(f"Volumes, {comparison.name}: {len(both)} lesions of {comparison.counted}{said}")
    return figure


def _scatter(axes: Any, both: Any, first: str, second: str) -> None:
    most = float(both.max()) * 1.05 if len(both) else 1.0
    axes.plot([0, most], [0, most], color="#94a3b8", linewidth=1)
    axes.scatter(both[:, 0], both[:, 1], color="#0369a1", alpha=0.75)
    axes.set(xlabel=f"{first} [ml]", ylabel=f"{second} [ml]", xlim=(0, most), ylim=(0, most), title="Each lesion")
    axes.set_aspect("equal")


def _differences(axes: Any, both: Any, first: str, second: str) -> None:
    middle, apart = both.mean(1), both[:, 1] - both[:, 0]
    axes.scatter(middle, apart, color="#0369a1", alpha=0.75)
    axes.axhline(0, color="#94a3b8", linewidth=1)
    if len(both) > 1:
        bias, spread = float(apart.mean()), LIMITS * float(apart.std(ddof=1))
        for at, name, style in (
            (bias, "bias", "-"),
            (bias - spread, "−1.96 SD", "--"),
            (bias + spread, "+1.96 SD", "--"),
        ):
            axes.axhline(at, color="#b45309", linestyle=style, linewidth=1)
            place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom", "color": "#b45309"}
            axes.annotate(f"{name} {at:.2f}", (0.995, at), **place)
    axes.set(xlabel="mean of the two [ml]", ylabel=f"{second} − {first} [ml]", title="Bland–Altman")


def page(title: str, notes: Sequence[str], tables: Sequence[tuple[str, pd.DataFrame]], picture: Any) -> str:
    """A title, notes, tables with what stands above each, and a figure or None, as HTML."""
    items = "".join(f"<li>{html.escape(each)}</li>" for each in notes)
    parts = [f"<b>{html.escape(title)}</b><ul>{items}</ul>"]
    for name, table in tables:
        parts.append(f"<p><b>{html.escape(name)}</b></p>")
        parts.append(str(table.to_html(index=False, float_format=lambda value: f"{value:.2f}", na_rep="")))
    return "".join(parts) + (_image(picture) if picture else "")


def _image(figure: Any) -> str:
    content = base64.b64encode(_png(figure)).decode()
    return f"<img alt='Bland–Altman plot' src='data:image/png;base64,{content}'>"
