"""Series of one acquisition before and after contrast agent, by the agent in their headers and by their order.

The element often stays as it was: it counts only in a study where it is absent from the first series alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from eci_annotate.workflow.series.header_values import list_of, number_of, seconds_of

PHASES = ("arterial", "portal", "late")
ACQUISITION = (
    "study", "Modality", "nearest_plane", "ScanningSequence", "SequenceName", "RepetitionTime", "EchoTime",
    "SliceThickness", "ConvolutionKernel",
)  # fmt: skip
CONTENTS = {"CT": ("", "T1"), "MR": ("T1",)}
ALIKE = 1.35  # ratio of numbers of slices of the same part of the body
LEAST_SLICES = 4
NEXT_PHASE_S, LATE_S = 18.0, 480.0


def phases_by_agent(known: Sequence[dict[str, Any]]) -> None:
    """Give the only series without contrast agent that precedes those with it its phase, and three after it theirs.

    Of MR, whose last series may be hepatobiliary, they get their place in a dynamic series.
    """
    for run in _runs(known):
        native, after = run[0], run[1:]
        flags = [bool(each.get("ContrastBolusAgent")) for each in run]
        if flags != [False] + [True] * len(after) or not after or native.get("phase", "native") != "native":
            continue
        if any(each.get("phase") == "native" or each.get("contrast") == "without" for each in after):
            continue
        if native.get("Modality") == "CT":
            native |= {"phase": "native"}
        elif "phase" not in native:
            native |= {"dynamic_position": "1"}
        native["contrast"] = "without"
        for each in after:
            each["contrast"] = "with"
        _name(native, after)


def _name(native: dict[str, Any], after: list[dict[str, Any]]) -> None:
    """Name three phases after contrast agent, or the only one before the portal-venous one."""
    known_last = native.get("Modality") == "CT" or after[-1].get("phase") == "late"
    if after[-1].get("phase") == "hepatobiliary":
        after, known_last = after[:-1], True
    stated = [str(each.get("phase", "")) for each in after]
    positions = [str(each.get("dynamic_position", "")) for each in after]
    three = len(after) == len(PHASES) and all(phase in ("", due) for phase, due in zip(stated, PHASES, strict=True))
    clear = three and (known_last or not any(stated))
    if stated == ["", "portal"]:
        stated, clear = stated[:1], True
    ordered = all(place in ("", str(number)) for number, place in enumerate(positions, 2))
    if not (clear and ordered and _alike(native, after) and _timely(after)):
        return
    for number, (each, due) in enumerate(zip(after, PHASES, strict=False), 2):
        if each.get("phase"):
            continue
        each |= {"phase": due} if native.get("Modality") == "CT" else {"dynamic_position": str(number)}


def _timely(after: Sequence[dict[str, Any]]) -> bool:
    """Whether the times of three phases, where they are known, are neither of one phase twice nor hepatobiliary."""
    times = [seconds_of(str(each.get("AcquisitionTime") or "")) for each in after]
    if len(times) < len(PHASES) or None in times:
        return True
    arterial, portal, late = (time or 0.0 for time in times)
    return portal - arterial >= NEXT_PHASE_S and 0 < late - portal <= LATE_S


def _alike(native: dict[str, Any], after: Sequence[dict[str, Any]]) -> bool:
    """Whether arterial and late phase show as much of the body as the first series; the portal one may show more."""
    counts = [number_of(each.get("slices")) or 0.0 for each in (native, *after[::2])]
    return max(counts) <= ALIKE * min(counts)


def _runs(known: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the series of one acquisition that follow each other, in order."""
    pictures = [each for each in known if _is_picture(each)]
    pictures.sort(key=lambda each: (str(each.get("study", "")), number_of(each.get("SeriesNumber")) or 0.0))
    for _, run in groupby(pictures, key=_acquisition):
        if len(whole := list(run)) > 1:
            yield whole


def _is_picture(header: dict[str, Any]) -> bool:
    kinds = [str(each).upper() for each in list_of(header.get("ImageType"))]
    many = (number_of(header.get("slices")) or 0.0) >= LEAST_SLICES
    content = CONTENTS.get(str(header.get("Modality")), ("none",))
    original = "DERIVED" not in kinds or bool({"W", "WATER"} & set(kinds))
    return (
        original
        and "SECONDARY" not in kinds
        and many
        and "stack" not in header
        and header.get("content", "") in content
    )


def _acquisition(header: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(header.get(name, "")) for name in ACQUISITION)
