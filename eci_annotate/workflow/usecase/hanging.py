"""A hanging protocol is data: which series goes where. Input: header dicts; output: a layout with reasons in words.

The reasons are shown to the reader, so that nobody has to guess why a series was chosen or left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Header = Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """A series in a slot, and the reason."""

    slot: str
    title: str
    series_uid: str
    window: tuple[float, float] | None
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class LeftOut:
    """A series that fits no slot, and the reason."""

    series_uid: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Hanging:
    """The layout of a study: its name, its planes in order, and the series placed, left out and missing."""

    layout: str
    planes: tuple[str, ...]
    placed: tuple[Placed, ...]
    left_out: tuple[LeftOut, ...]
    missing: tuple[str, ...]

    @property
    def first(self) -> str | None:
        """UID of the series to show first; None if no series fits."""
        return self.placed[0].series_uid if self.placed else None


def hang(protocol: Mapping[str, Any], series: Sequence[Header]) -> Hanging:
    """Place `series` (header dicts with ``series_uid``) according to `protocol`, each into one slot at most."""
    placed: list[Placed] = []
    missing: list[str] = []
    why_out: dict[str, list[str]] = {str(each["series_uid"]): [] for each in series}
    for slot in protocol["slots"]:
        taken = {each.series_uid for each in placed}
        free = [each for each in series if each["series_uid"] not in taken]
        best = _best(slot, free, why_out)
        if best:
            placed.append(best)
        else:
            missing.append(f"No series fits {slot['title']!r}.")
    taken = {each.series_uid for each in placed}
    left = tuple(LeftOut(uid, tuple(why)) for uid, why in why_out.items() if uid not in taken)
    return Hanging(protocol["layout"], tuple(protocol["planes"]), tuple(placed), left, tuple(missing))


def _best(slot: Mapping[str, Any], free: Sequence[Header], why_out: dict[str, list[str]]) -> Placed | None:
    scored: list[tuple[float, str, list[str]]] = []
    for header in free:
        uid = str(header["series_uid"])
        broken = [_no(rule) for rule in slot.get("require", ()) if not _fits(rule, header)]
        if broken:
            why_out[uid].append(f"not {slot['title']!r}: {broken[0]}")
            continue
        kept = [rule for rule in slot.get("prefer", ()) if _fits(rule, header)]
        met = [rule["why"] for rule in (*slot.get("require", ()), *kept)]
        scored.append((sum(rule.get("score", 1) for rule in kept), uid, met))
    if not scored:
        return None
    scored.sort(key=lambda each: -each[0])
    return _placed(slot, scored, why_out)


def _placed(
    slot: Mapping[str, Any], scored: list[tuple[float, str, list[str]]], why_out: dict[str, list[str]]
) -> Placed:
    (_, uid, reasons), *others = scored
    for _, other, _ in others:
        why_out[other].append(f"not {slot['title']!r}: another series fits it better")
    window = tuple(slot["window"]) if "window" in slot else None
    return Placed(slot["name"], slot["title"], uid, window, tuple(reasons))


def _fits(rule: Mapping[str, Any], header: Header) -> bool:
    value = header.get(rule["field"])
    if value is None:
        return False
    if "is" in rule:
        wanted = rule["is"] if isinstance(rule["is"], list) else [rule["is"]]
        return value in wanted
    if "matches" in rule:
        return re.search(rule["matches"], str(value), re.IGNORECASE) is not None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return float(rule.get("at_least", number)) <= number <= float(rule.get("at_most", number))


def _no(rule: Mapping[str, Any]) -> str:
    return str(rule.get("else", f"it does not meet '{rule['why']}'"))
