"""Move DICOM dates by days (PS3.5 6.2: DA, DT); precision, time and zone stay. What is no date gives None."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

_DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_MOMENT = re.compile(r"([0-9]{4})(?:([0-9]{2})(?:([0-9]{2})((?:[0-9]{2}){0,3}(?:\.[0-9]{1,6})?))?)?([+-][0-9]{4})?")

_TIME = re.compile(r"[0-9]{2}(?::?[0-9]{2}){0,2}(?:\.[0-9]{1,6})?")
_ZONE = re.compile(r"[+-][0-9]{4}")


@lru_cache(maxsize=4096)
def shifted_date(text: str, days: int) -> str | None:
    """Return a DA value moved by days; None if it is no date."""
    found = _DATE.fullmatch(text)
    return _moved(int(found[1]), int(found[2]), int(found[3]), days) if found else None


@lru_cache(maxsize=4096)
def shifted_datetime(text: str, days: int) -> str | None:
    """Return a DT value moved by days, of the same precision; None if it is no date and time.

    A date without day or month is moved from the middle of its month or year.
    """
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    year, month, day, rest, zone = found.groups()
    moved = _moved(int(year), int(month or 7), int(day or (15 if month else 1)), days)
    length = 8 if day else 6 if month else 4
    return None if moved is None else moved[:length] + (rest or "") + (zone or "")


def _moved(year: int, month: int, day: int, days: int) -> str | None:
    try:
        moved = date(year, month, day) + timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"


def is_temporal(text: str) -> bool:
    """Whether a text is a DA, DT or TM value, or an offset from UTC."""
    return bool(_DATE.fullmatch(text) or _MOMENT.fullmatch(text) or _TIME.fullmatch(text) or _ZONE.fullmatch(text))


def capped_age(text: str) -> str:
    """Return an AS value; ages above 89 years become 090Y."""
    found = re.fullmatch(r"([0-9]{1,3})([DWMY])", text.strip(" \0"))
    if not found:
        return ""
    per_year = {"D": 365, "W": 52, "M": 12, "Y": 1}[found[2]]
    return "090Y" if int(found[1]) >= 90 * per_year else f"{int(found[1]):03d}{found[2]}"
