"""How far two numbers in headers may differ and still be the same: as far as their written digits allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.geometry import Floats

MOST_DIGITS = 8
COSINE = 1e-4
COSINE_MOST = 2e-3
RELATIVE_SPACING = 1e-4
RELATIVE_SPACING_MOST = 1e-3


def unit_of(values: Iterable[Any]) -> float:
    """Return one unit of the last decimal that any of the values was written with.

    Binary numbers count as written with eight decimals. Trailing zeros may be missing in a file, so that of several
    numbers the one with the most decimals counts.
    """
    most = 0
    for value in values:
        most = max(most, _decimals(value))
    return float(10.0 ** -min(most, MOST_DIGITS))


def _decimals(value: Any) -> int:
    text = str(getattr(value, "original_string", None) or "").strip().lower()
    if not text and isinstance(value, float):
        return MOST_DIGITS
    text = text or str(value)
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    try:
        return max(decimals - int(exponent or 0), 0)
    except ValueError:
        return MOST_DIGITS


def clusters(rows: ArrayLike, tolerance: float | Floats) -> NDArray[np.int64]:
    """Number the rows (n, m) so that rows within a tolerance of each other have the same number.

    Numbers follow the order of the values (first column first).
    """
    array = np.asarray(rows, float)
    if array.ndim == 1 or array.shape[1] == 1:
        return _in_a_row(array.ravel(), float(np.max(tolerance)))
    distinct, which = np.unique(array, axis=0, return_inverse=True)
    first: list[Floats] = []
    number = np.empty(len(distinct), np.int64)
    for n, row in enumerate(distinct):
        near = (k for k, other in enumerate(first) if (np.abs(row - other) <= tolerance).all())
        if (k := next(near, -1)) < 0:
            k = len(first)
            first.append(row)
        number[n] = k
    return np.asarray(number[np.ravel(which)])


def _in_a_row(values: Floats, tolerance: float) -> NDArray[np.int64]:
    order = np.argsort(values, kind="stable")
    number = np.empty(len(values), np.int64)
    number[order] = np.cumsum(np.diff(values[order], prepend=values[order[:1]]) > tolerance)
    return number


def cosine_tolerance(values: Sequence[Any]) -> float:
    """Return the tolerance of direction cosines."""
    return COSINE + min(unit_of(values), COSINE_MOST)


def spacing_tolerance(values: Sequence[Any], spacing_mm: float) -> float:
    """Return the tolerance of pixel spacings about `spacing_mm`."""
    return RELATIVE_SPACING * spacing_mm + min(unit_of(values), RELATIVE_SPACING_MOST * spacing_mm)
