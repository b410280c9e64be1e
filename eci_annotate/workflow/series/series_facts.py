"""Facts for hanging protocols that no single element gives, each only where it is certain.

They are read from elements, and from descriptions as several vendors and languages write them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eci_annotate.workflow.series import series_vocabulary as vocabulary
from eci_annotate.workflow.series.agent_order import phases_by_agent
from eci_annotate.workflow.series.b_values import b_value, forget_first_b_values
from eci_annotate.workflow.series.breast_views import mark_unprocessed, side_of, special_view_of, view_of
from eci_annotate.workflow.series.header_values import Get, compiled, list_of, named_in, number_of, text_of
from eci_annotate.workflow.series.phase_letters import phases_by_letter
from eci_annotate.workflow.series.phase_numbers import number_after_contrast
from eci_annotate.workflow.series.series_vocabulary import words_of

PLANES = ("sagittal", "coronal", "axial")  # by the axis (x, y, z) of the normal
STRAIGHT = 0.97  # cosine: within some 14 degrees

PHASES, CONTENTS, REGIONS = compiled(vocabulary.PHASES), compiled(vocabulary.CONTENTS), compiled(vocabulary.REGIONS)
MOST_REPEATED = 3  # series of one name; more are the times of a dynamic examination
FIRST = 1  # temporal position: before contrast agent
FOLLOWING = re.compile(r"ph(\d+)/(.+)")
ONE_TIME = re.compile(r"^ph\d+/|\bphase \d+ of \d")
PHASE_OF = re.compile(r"\bphase (\d+) of \d")
TIME_OF_STACK = re.compile(r"acquisition (\d+)(?:, phase (\d+) of \d+)?")
ORDER = re.compile("|".join(vocabulary.ORDER))
NAMED_PLANES = compiled(vocabulary.PLANES)
WITH_CONTRAST = re.compile("|".join(vocabulary.WITH_CONTRAST))
COMPUTED, KERNELS = compiled(vocabulary.COMPUTED), compiled(vocabulary.SHARP_KERNELS)
LONG_TE_MS, SHORT_TE_MS, LONG_TR_MS, SHORT_TR_MS = 60.0, 20.0, 1500.0, 900.0


def facts_of(get: Get) -> dict[str, str]:
    """Return `plane`, `phase`, `content` and so on, each where it is certain; forms/README.md lists them.

    Parameters
    ----------
    get
        Gives the value of an element by its keyword; None if it is absent.
    """
    words = words_of(text_of(get, "SeriesDescription"))
    modality = text_of(get, "Modality").upper()
    phase = _phase_of(words, modality)
    plane, nearest = _planes(get, words)
    order = _order(get, words)
    found = {"plane": plane, "nearest_plane": nearest, "phase": phase, "content": _content(get, words, modality)}
    found |= {
        "contrast": _contrast(get, words, phase, order),
        "region": _region(get, words),
        "b_value": b_value(get),
        "side": side_of(get),
        "view": view_of(get),
        "special_view": special_view_of(get, words) if modality == "MG" else "",
        "order": order,
        "dynamic_position": _dynamic_position(get, words, order),
    }
    return {name: value for name, value in found.items() if value}


def facts_among(series: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the headers of a study with the facts of each, and those that only the others of the study tell.

    The series without contrast agent has the bare name of those that follow as "Ph1/…"; series of one name that say
    nothing of their order are numbered as they were acquired.
    """
    known = [{**facts_of(header.get), **header} for header in series]
    names = [str(each.get("SeriesDescription", "")).strip().lower() for each in known]
    natives = any(each.get("contrast") == "without" for each in known)
    followed = {match.group(2) for name in names if (match := FOLLOWING.match(name))}
    _number_times(known)
    forget_first_b_values(known)
    mark_unprocessed(known)
    _forget_first_times(known)
    stated = [str(each.get("phase", "")) for each in known]
    for each, phase in zip(known, phases_by_letter([words_of(name) for name in names], stated), strict=True):
        if phase and "phase" not in each:
            each |= {"phase": phase, "contrast": "without" if phase == "native" else "with"}
    phases_by_agent(known)
    number_after_contrast(known)
    for each, name in zip(known, names, strict=True):
        if name in followed:
            each |= {"dynamic_position": str(FIRST), "contrast": "without"}
        elif (match := FOLLOWING.match(name)) and match.group(2) in names:
            each["dynamic_position"] = str(int(match.group(1)) + FIRST)
        same = [other for other, its in zip(known, names, strict=True) if its == name and "order" not in other]
        if name and len(same) > 1 and "order" not in each:
            for place, other in enumerate(in_order := sorted(same, key=_series_number), 1):
                other["order"] = str(place)
            if len(same) > MOST_REPEATED and vocabulary.DYNAMIC.search(words_of(name)) and not natives:
                in_order[0] |= {"dynamic_position": str(FIRST), "contrast": "without"}
    _number_subtractions(known)
    return known


def _number_subtractions(known: Sequence[dict[str, Any]]) -> None:
    """Number the subtractions of a study in their order, where no description tells it."""
    found = [each for each in known if each.get("content") == "subtraction" and each.get("Modality") == "MR"]
    numbers = {_series_number(each) for each in found}
    if len(numbers) == len(found) and not any("order" in each or "stack" in each for each in found):
        for place, each in enumerate(sorted(found, key=_series_number), 1):
            each["order"] = str(place)


def _number_times(known: Sequence[dict[str, Any]]) -> None:
    """Number the times of a dynamic series whose stacks are different acquisitions; the first is without agent."""
    stacks: dict[str, list[tuple[int, int, dict[str, Any]]]] = {}
    for each in known:
        dynamic = vocabulary.DYNAMIC.search(words_of(text_of(each.get, "SeriesDescription")))
        match = TIME_OF_STACK.fullmatch(str(each.get("stack", "")))
        if dynamic and match and each.get("Modality") == "MR":
            stacks.setdefault(str(each.get("stack_of")), []).append((int(match[1]), int(match[2] or 0), each))
    for times in stacks.values():
        in_order = sorted(times, key=lambda time: time[:2]) if len(times) > 2 else []
        for place, (*_, each) in enumerate(in_order, FIRST):
            contrast = "without" if place == FIRST else "with"
            each |= {"dynamic_position": str(place), "order": str(place), "contrast": contrast}


def _forget_first_times(known: Sequence[dict[str, Any]]) -> None:
    """Forget that a series is before contrast agent, where only its header says so, which may be of its first image.

    It is a whole dynamic examination if its study has nothing after contrast agent beside it, or if it says so.
    """
    pictures = [each for each in known if each.get("Modality") == "MR" and each.get("content") != "subtraction"]
    after = any(each.get("contrast") == "with" or (each.get("phase") or "native") != "native" for each in pictures)
    for each in pictures:
        description = text_of(each.get, "SeriesDescription").lower()
        first = number_of(each.get("TemporalPositionIdentifier")) == FIRST and not ONE_TIME.search(description)
        if (
            first
            and "stack" not in each
            and each.get("phase") != "native"
            and (not after or vocabulary.SEVERAL_TIMES.search(description))
        ):
            for name in ("contrast", "order", "dynamic_position"):
                each.pop(name, None)


def _series_number(header: Mapping[str, Any]) -> float:
    return number_of(header.get("SeriesNumber")) or 0.0


def _phase_of(words: str, modality: str) -> str:
    """Return the contrast phase that the words of a description name; empty if they name none, or several."""
    named = [phase for phase, pattern in PHASES.items() if pattern.search(words)]
    if modality == "CT":  # no agent of CT is taken up by hepatocytes: minutes are a delay
        named = [phase for phase in named if phase != "hepatobiliary"]
        if "late" not in named and vocabulary.MINUTES.search(words):
            named.append("late")
    if named == ["arterial", "late"] and vocabulary.LATE_ARTERIAL.search(words):
        return "arterial"
    if named == ["late", "hepatobiliary"]:
        return "hepatobiliary"
    if named == ["portal", "late"] and vocabulary.LATE_VENOUS.search(words):
        return "late"
    return named[0] if len(named) == 1 else ""


def _content(get: Get, words: str, modality: str) -> str:
    """Return what the pictures are: by image type, then by description, b-value, and times of the sequence."""
    kinds = [str(each).upper() for each in list_of(get("ImageType"))]
    for kind, content in vocabulary.IMAGE_TYPES.items():
        if kind in kinds and not (content == "DWI" and named_in(CONTENTS, words) in ("ADC", "exponential ADC")):
            return content
    if modality == "CT" and (computed := _computed(get, words)):
        return computed
    weighting = _weighting(number_of(get("EchoTime")), number_of(get("RepetitionTime")))
    if named := named_in(CONTENTS, words):
        return "T1" if named == "T2" and _is_second(get, words, weighting) else named
    if number_of(get("DiffusionBValue")) is not None:
        return "DWI"
    echo_planar = "EP" in [str(each).upper() for each in list_of(get("ScanningSequence"))]
    return "" if echo_planar and weighting == "T2" else weighting


def _is_second(get: Get, words: str, weighting: str) -> bool:
    """Whether "T2" is the second time after the agent: as described, or by an agent and the times of T1 weighting."""
    by_times = weighting == "T1" and words.endswith(" t2") and bool(get("ContrastBolusAgent"))
    return by_times or bool(vocabulary.TIME_2.search(words))


def _computed(get: Get, words: str) -> str:
    """Return what a CT was computed for, as lung or bone: by its description, else by its kernel."""
    kernel = words_of(text_of(get, "ConvolutionKernel"))
    return named_in(COMPUTED, words) or named_in(KERNELS, kernel)


def _contrast(get: Get, words: str, phase: str, order: str) -> str:
    """Return with or without, by phase, temporal position and description: the element often stays as it was."""
    position = number_of(get("TemporalPositionIdentifier"))
    if phase == "native" or (position == FIRST and not phase) or order == "0":
        return "without"
    return "with" if phase or (position or 0) > FIRST or WITH_CONTRAST.search(words) else ""


def _order(get: Get, words: str) -> str:
    """Return the number of a series in a dynamic examination: as it is described, else by temporal position."""
    if found := PHASE_OF.search(words):
        return str(int(found.group(1)))
    if text_of(get, "Modality") not in ("MR", ""):  # a number at the end is a thickness
        return ""
    named = [next(filter(None, each)) for each in ORDER.findall(words)]
    if seconds := vocabulary.ORDER_IN_SECONDS.search(words):
        number: float | None = float(seconds[1]) / 60  # as minutes, which others of the study may state
    else:
        number = float(named[0]) if named else number_of(get("TemporalPositionIdentifier"))
    return "" if number is None else f"{number:g}"


def _dynamic_position(get: Get, words: str, order: str) -> str:
    """Return the number of a phase of a series with several, by its stack's title, else its temporal position."""
    if found := PHASE_OF.search(words):
        return str(int(found.group(1)))
    if order == "0":
        return str(FIRST)
    number = number_of(get("TemporalPositionIdentifier"))
    return f"{number:g}" if number and WITH_CONTRAST.search(words) else ""


def _region(get: Get, words: str) -> str:
    """Return the part of the body if one is named: by the description, else by the element."""
    named = [name for name, pattern in REGIONS.items() if pattern.search(words)]
    if named:
        return named[0] if len(named) == 1 else ""
    return vocabulary.BODY_PARTS.get(text_of(get, "BodyPartExamined").upper(), "")


def _weighting(te_ms: float | None, tr_ms: float | None) -> str:
    if te_ms is None or tr_ms is None:
        return ""
    if te_ms >= LONG_TE_MS and tr_ms >= LONG_TR_MS:
        return "T2"
    return "T1" if te_ms <= SHORT_TE_MS and tr_ms <= SHORT_TR_MS else ""


def _planes(get: Get, words: str) -> tuple[str, str]:
    """Return the plane and the straight one that is nearest to it: by orientation, else the one that is named."""
    try:
        a, b, c, d, e, f = (float(each) for each in list_of(get("ImageOrientationPatient")))
    except (TypeError, ValueError):
        named = [plane for plane, pattern in NAMED_PLANES.items() if pattern.search(words)]
        return (named[0], named[0]) if len(named) == 1 else ("", "")
    normal = (abs(b * f - c * e), abs(c * d - a * f), abs(a * e - b * d))
    axis = normal.index(max(normal))
    return PLANES[axis] if normal[axis] > STRAIGHT else "oblique", PLANES[axis]
