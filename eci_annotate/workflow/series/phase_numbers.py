"""Series of a dynamic examination that only a number tells apart, as "KM 1", "KM 2" and "KM 3", or "+C 25" and "+C 70".

They count from the first after contrast agent where their words name it, or another series is before it. "Dyn 1" alone
may be before it. Large numbers are delays in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eci_annotate.workflow.series.header_values import text_of
from eci_annotate.workflow.series.series_vocabulary import AGENT, words_of

NUMBERED = re.compile(r"(.*\D) ?(\d)(?:st|nd|rd|th|[aeo])?( w| water| wasser)?")
DELAYED = re.compile(r"(.*\D) (\d{2,3})( w| water| wasser)?")
DELAYS_S = {"arterial": (15, 45), "portal": (55, 100), "late": (120, 300)}
NAMED_AGENT = re.compile("|".join(AGENT))
LEAST = 3

Numbered = dict[str, dict[int, dict[str, Any]]]


def number_after_contrast(known: Sequence[dict[str, Any]]) -> None:
    """Give each its place in the dynamic series, the one before contrast agent being the first."""
    native = any(each.get("contrast") == "without" and each.get("content") == "T1" for each in known)
    for name, numbered in _alike(known, NUMBERED).items():
        stated = [each.get("phase") or each.get("contrast") or "" for number, each in numbered.items() if number]
        after = native or 0 in numbered or NAMED_AGENT.search(f"{name} 1") or NAMED_AGENT.search(f"{name}1")
        complete = max(numbered) >= LEAST and sorted({0, *numbered}) == [*range(max(numbered) + 1)]
        if after and complete and set(stated) <= {"", "with"}:
            for number, each in numbered.items():
                each |= {"dynamic_position": str(number + 1), "contrast": "with" if number else "without"}
    for name, delayed in _alike(known, DELAYED).items():
        if native or NAMED_AGENT.search(name):
            _name_delays(delayed)


def _name_delays(delayed: dict[int, dict[str, Any]]) -> None:
    """Name the phases of delays in seconds, if all are such, one is portal-venous, and no word names a phase."""
    phases = [next((p for p, (low, high) in DELAYS_S.items() if low <= s <= high), "") for s in sorted(delayed)]
    if all(phases) and len(set(phases)) > 1 and "portal" in phases and not any("phase" in e for e in delayed.values()):
        for phase, seconds in zip(phases, sorted(delayed), strict=True):
            delayed[seconds] |= {"phase": phase, "contrast": "with"}


def _alike(known: Sequence[dict[str, Any]], pattern: re.Pattern[str]) -> Numbered:
    """Return T1-weighted series by name, then by the number at its end."""
    alike: Numbered = {}
    for each in known:
        match = pattern.fullmatch(words_of(text_of(each.get, "SeriesDescription")))
        if match and each.get("Modality") == "MR" and each.get("content") == "T1" and "stack" not in each:
            alike.setdefault(match[1].strip(), {})[int(match[2])] = each
    return alike
