"""The authoritative drawing of painted annotations: fields of one slice to RGBA at screen resolution.

Voxels are inside where the bilinear field is at least one half; a contour of constant width covers the border,
a light fill the inside. The caller allocates, the kernels fill. Letters: r, c rows and columns of the slice;
y, x device pixels; m margin in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from eci_annotate.tools.protocol import HALF
from eci_annotate.viewer.stage.pane_geometry import PlaneStack, Rect, View

FILL = 0.25
HALF_LINE_PX = 1.25  # half the width of the contour, in CSS pixels


@njit(
    "void(Array(uint16, 2, 'A'), float64, float64, float64, float64, Array(boolean, 2, 'C'))",
    cache=True, nogil=True,
)  # fmt: skip
def _inside(field, row, per_y, col, per_x, out):  # type: ignore[no-untyped-def]
    """Sample at rows `row + y * per_y` and columns `col + x * per_x`."""
    rows, cols = field.shape
    for y in range(out.shape[0]):
        r = row + y * per_y
        seen = -0.5 <= r < rows - 0.5
        r = min(max(r, 0.0), rows - 1.0)
        r0 = int(r)
        r1 = min(r0 + 1, rows - 1)
        fr = r - r0
        for x in range(out.shape[1]):
            c = col + x * per_x
            if not seen or c < -0.5 or c >= cols - 0.5:
                out[y, x] = False
                continue
            c = min(max(c, 0.0), cols - 1.0)
            c0 = int(c)
            c1 = min(c0 + 1, cols - 1)
            fc = c - c0
            above = field[r0, c0] * (1.0 - fc) + field[r0, c1] * fc
            below = field[r1, c0] * (1.0 - fc) + field[r1, c1] * fc
            out[y, x] = above * (1.0 - fr) + below * fr >= HALF


@njit(
    "void(Array(boolean, 2, 'C'), Array(int64, 2, 'C'), Array(float64, 1, 'C'), int64, Array(float64, 1, 'C'), float64,"
    " Array(float64, 3, 'C'))",
    cache=True, nogil=True,
)  # fmt: skip
def _ink(inside, offsets, alphas, m, colour, fill, out):  # type: ignore[no-untyped-def]
    """Draw contour and fill over `out` (premultiplied); offsets are sorted, nearest first."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            here = inside[y + m, x + m]
            alpha = fill if here else 0.0
            for n in range(offsets.shape[0]):
                if inside[y + m + offsets[n, 0], x + m + offsets[n, 1]] != here:
                    alpha = max(alpha, alphas[n])
                    break
            if alpha > 0.0:
                for channel in range(3):
                    out[y, x, channel] = colour[channel] * alpha + out[y, x, channel] * (1.0 - alpha)
                out[y, x, 3] = alpha + out[y, x, 3] * (1.0 - alpha)


@njit("void(Array(float64, 3, 'C'), Array(uint8, 3, 'C'))", cache=True, nogil=True)
def _bytes(layer, out):  # type: ignore[no-untyped-def]
    """Convert premultiplied floats to straight RGBA bytes."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            alpha = layer[y, x, 3]
            for channel in range(3):
                straight = layer[y, x, channel] / alpha if alpha > 0.0 else 0.0
                out[y, x, channel] = np.uint8(min(straight + 0.5, 255.0))
            out[y, x, 3] = np.uint8(alpha * 255.0 + 0.5)


@njit("int64(Array(uint8, 3, 'C', readonly=True), Array(int32, 2, 'C'), Array(uint8, 2, 'C'))", cache=True, nogil=True)
def _runs(rgba, spans, inks):  # type: ignore[no-untyped-def]
    """Find spans (x, y, length) of equal ink and their colours; return their number, or -1 if there is no room."""
    count = 0
    for y in range(rgba.shape[0]):
        open_ = False
        for x in range(rgba.shape[1]):
            if rgba[y, x, 3] == 0:
                open_ = False
                continue
            same = open_
            for channel in range(4):
                same = same and rgba[y, x, channel] == inks[count - 1, channel]
            if same:
                spans[count - 1, 2] += 1
                continue
            if count == spans.shape[0]:
                return -1
            spans[count, 0], spans[count, 1], spans[count, 2] = x, y, 1
            inks[count] = rgba[y, x]
            count += 1
            open_ = True
    return count


def runs_of(rgba: NDArray[np.uint8], most: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]] | None:
    """Return a picture as horizontal spans (x, y, length) and their RGBA; None if there are more than `most`."""
    spans, inks = np.empty((most, 3), np.int32), np.empty((most, 4), np.uint8)
    count = _runs(np.ascontiguousarray(rgba), spans, inks)
    return None if count < 0 else (spans[:count], inks[:count])


@cache
def pen(half_width: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return offsets (y, x) to search for the other side of the border, nearest first, and the ink at each distance."""
    reach = int(np.ceil(half_width + 1))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    distance = np.hypot(y, x)
    near = np.flatnonzero((distance > 0) & (distance < half_width + 1))
    near = near[np.argsort(distance[near], kind="stable")]
    alphas = np.minimum(half_width + 1 - distance[near], 1.0)
    return np.ascontiguousarray(np.stack([y[near], x[near]], -1).astype(np.int64)), alphas


def margin_px(view: View) -> int:
    """Return how far ink extends beyond a border, in device pixels."""
    return int(np.ceil(HALF_LINE_PX * view.ratio + 1))


def compose(
    stack: PlaneStack,
    view: View,
    rect: Rect,
    painted: Sequence[tuple[NDArray[np.uint16], tuple[int, int, int]]],
    bare: int = 0,
) -> NDArray[np.uint8]:
    """Draw fields of one slice, as displayed (row, column), with their colours into one rectangle of a pane.

    Parameters
    ----------
    stack
        Planes of the pane.
    view
        What the pane shows.
    rect
        Rectangle to draw, device pixels.
    painted
        Fields, uint16 (row, column), with their colours (red, green, blue), bottom first.
    bare
        Number of leading fields that get a contour but no fill.

    Returns
    -------
    ndarray
        uint8, (height, width, 4), straight alpha.
    """
    m = margin_px(view)
    layer = np.zeros((rect.height, rect.width, 4))
    inside = np.empty((rect.height + 2 * m, rect.width + 2 * m), np.bool_)
    offsets, alphas = pen(HALF_LINE_PX * view.ratio)
    for number, (plane, colour) in enumerate(painted):
        _inside(plane, *_sampling(stack, view, rect, m), inside)
        if inside.any():
            _ink(inside, offsets, alphas, m, np.asarray(colour, float), 0.0 if number < bare else FILL, layer)
    out = np.empty(layer.shape, np.uint8)
    _bytes(layer, out)
    return out


def _sampling(stack: PlaneStack, view: View, rect: Rect, m: int) -> tuple[float, float, float, float]:
    """Return first row, rows per pixel, first column, columns per pixel, at pixel centres."""
    per_y, per_x = 1 / (view.px_per_mm * stack.dv_mm), 1 / (view.px_per_mm * stack.du_mm)
    row = view.top_mm / stack.dv_mm + (rect.y - m + 0.5) * per_y - 0.5
    col = view.left_mm / stack.du_mm + (rect.x - m + 0.5) * per_x - 0.5
    return row, per_y, col, per_x
