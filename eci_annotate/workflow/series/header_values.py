"""Elements of a header as text and numbers, whatever type they have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Get = Callable[[str], Any]


def number_of(value: Any) -> float | None:
    """Return a value as a number; None if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def text_of(get: Get, *keywords: str) -> str:
    """Return the first element that is present and not empty."""
    return next((str(value).strip() for each in keywords if (value := get(each)) not in (None, "")), "")


def seconds_of(text: str) -> float | None:
    """Return a DICOM time (HHMMSS.ffffff, or the end of a date and time) in seconds; None if it is none."""
    whole, _, rest = text.split("+")[0].strip().partition(".")
    whole = whole[8:] if len(whole) > 8 else whole
    if len(whole) != 6 or not whole.isdigit() or (rest and not rest.isdigit()):
        return None
    return int(whole[:2]) * 3600 + int(whole[2:4]) * 60 + int(whole[4:]) + (float(f"0.{rest}") if rest else 0.0)


def compiled(patterns: Mapping[str, Sequence[str]]) -> dict[str, re.Pattern[str]]:
    """Return one pattern for the alternatives of each name."""
    return {name: re.compile("|".join(pattern)) for name, pattern in patterns.items()}


def named_in(patterns: Mapping[str, re.Pattern[str]], words: str) -> str:
    """Return the first name whose pattern occurs in the words; empty if none does."""
    return next((name for name, pattern in patterns.items() if pattern.search(words)), "")


def list_of(value: Any) -> Sequence[Any]:
    """Return the values of an element, which may be one or absent."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
