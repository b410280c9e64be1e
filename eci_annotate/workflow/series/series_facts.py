"""Facts for hanging protocols that no single element gives, each only where it is certain.

They are read from elements, and from descriptions as several vendors and languages write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eci_annotate.workflow.series import series_vocabulary as vocabulary
from eci_annotate.workflow.series.series_vocabulary import SIDE_AND_VIEW, VIEW_AND_SIDE, words_of

Get = Callable[[str], Any]
PLANES = ("sagittal", "coronal", "axial")  # by the axis (x, y, z) of the normal
STRAIGHT = 0.97  # cosine: within some 14 degrees
B_VALUE = re.compile(r"(?:\b|_)b ?(?:val(?:ue)?)? ?[=-]? ?(\d{1,4})(?:\b|_)", re.IGNORECASE)
LAST_B_VALUE = re.compile(r", b (\d{1,4})$|calc_?b(?:val)?(\d{3,4})", re.IGNORECASE)
ONE_B_VALUE = re.compile(r"\*?\w*?_b(\d{1,4})(?:t|#\d+)?", re.IGNORECASE)
SEVERAL_B_VALUES = re.compile(r"b ?=?\d+ ?[_,/-] ?b?\d", re.IGNORECASE)


def _compiled(patterns: Mapping[str, Sequence[str]]) -> dict[str, re.Pattern[str]]:
    return {name: re.compile("|".join(pattern)) for name, pattern in patterns.items()}


PHASES, CONTENTS, REGIONS = _compiled(vocabulary.PHASES), _compiled(vocabulary.CONTENTS), _compiled(vocabulary.REGIONS)
MAGNIFIED = 1.4  # a breast on the table is enlarged by less than 1.2
SPECIAL_VIEWS = _compiled(vocabulary.SPECIAL_VIEWS)
FIRST = 1  # temporal position: before contrast agent
FOLLOWING = re.compile(r"ph(\d+)/(.+)")
PHASE_OF = re.compile(r"\bphase (\d+) of \d")
ORDER = re.compile("|".join(vocabulary.ORDER))
NAMED_PLANES = _compiled(vocabulary.PLANES)
SIDES, VIEWS = _compiled(vocabulary.SIDES), _compiled(vocabulary.VIEWS)
WITH_CONTRAST = re.compile("|".join(vocabulary.WITH_CONTRAST))
COMPUTED, KERNELS = _compiled(vocabulary.COMPUTED), _compiled(vocabulary.SHARP_KERNELS)
LONG_TE_MS, SHORT_TE_MS, LONG_TR_MS, SHORT_TR_MS = 60.0, 20.0, 1500.0, 900.0


def facts_of(get: Get) -> dict[str, str]:
    """Return `plane`, `phase`, `content` and so on, each where it is certain; forms/README.md lists them.

    Parameters
    ----------
    get
        Gives the value of an element by its keyword; None if it is absent.
    """
    words = words_of(_text(get, "SeriesDescription"))
    modality = _text(get, "Modality").upper()
    phase = _phase_of(words, modality)
    plane, nearest = _planes(get, words)
    order = _order(get, words)
    found = {"plane": plane, "nearest_plane": nearest, "phase": phase, "content": _content(get, words, modality)}
    found |= {
        "contrast": _contrast(get, words, phase, order),
        "region": _region(get, words),
        "b_value": _b_value(get),
        "side": _side(get),
        "view": _view(get),
        "special_view": _special_view(get, words) if modality == "MG" else "",
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
    followed = {match.group(2) for name in names if (match := FOLLOWING.match(name))}
    for each, name in zip(known, names, strict=True):
        if name in followed:
            each |= {"dynamic_position": str(FIRST), "contrast": "without"}
        elif (match := FOLLOWING.match(name)) and match.group(2) in names:
            each["dynamic_position"] = str(int(match.group(1)) + FIRST)
        same = [other for other, its in zip(known, names, strict=True) if its == name and "order" not in other]
        if name and len(same) > 1 and "order" not in each:
            for place, other in enumerate(sorted(same, key=_series_number), 1):
                other["order"] = str(place)
    return known


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
    kinds = [str(each).upper() for each in _list(get("ImageType"))]
    for kind, content in vocabulary.IMAGE_TYPES.items():
        if kind in kinds and not (content == "DWI" and _named(CONTENTS, words) in ("ADC", "exponential ADC")):
            return content
    if modality == "CT" and (computed := _computed(get, words)):
        return computed
    if named := _named(CONTENTS, words):
        return "T1" if named == "T2" and vocabulary.TIME_2.search(words) else named
    if number_of(get("DiffusionBValue")):
        return "DWI"
    return _weighting(number_of(get("EchoTime")), number_of(get("RepetitionTime")))


def _named(patterns: Mapping[str, re.Pattern[str]], words: str) -> str:
    return next((name for name, pattern in patterns.items() if pattern.search(words)), "")


def _computed(get: Get, words: str) -> str:
    """Return what a CT was computed for, as lung or bone: by its description, else by its kernel."""
    kernel = words_of(_text(get, "ConvolutionKernel"))
    return _named(COMPUTED, words) or _named(KERNELS, kernel)


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
    if _text(get, "Modality") not in ("MR", ""):  # a number at the end is a thickness
        return ""
    named = [next(filter(None, each)) for each in ORDER.findall(words)]
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
    return vocabulary.BODY_PARTS.get(_text(get, "BodyPartExamined").upper(), "")


def _b_value(get: Get) -> str:
    """Return the b-value in s/mm²: by the element, the sequence, or a description that names one only."""
    number = number_of(get("DiffusionBValue"))
    if number is None:
        text = _text(get, "SeriesDescription")
        single = LAST_B_VALUE.search(text) or ONE_B_VALUE.fullmatch(_text(get, "SequenceName"))
        named = {next(filter(None, single.groups()))} if single else set(B_VALUE.findall(text))
        several = not single and SEVERAL_B_VALUES.search(text)
        number = float(named.pop()) if len(named) == 1 and not several else None
    return "" if number is None else f"{number:g}"


def _weighting(te_ms: float | None, tr_ms: float | None) -> str:
    if te_ms is None or tr_ms is None:
        return ""
    if te_ms >= LONG_TE_MS and tr_ms >= LONG_TR_MS:
        return "T2"
    return "T1" if te_ms <= SHORT_TE_MS and tr_ms <= SHORT_TR_MS else ""


def number_of(value: Any) -> float | None:
    """Return a value as a number; None if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _list(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _planes(get: Get, words: str) -> tuple[str, str]:
    """Return the plane and the straight one that is nearest to it: by orientation, else the one that is named."""
    try:
        a, b, c, d, e, f = (float(each) for each in _list(get("ImageOrientationPatient")))
    except (TypeError, ValueError):
        named = [plane for plane, pattern in NAMED_PLANES.items() if pattern.search(words)]
        return (named[0], named[0]) if len(named) == 1 else ("", "")
    normal = (abs(b * f - c * e), abs(c * d - a * f), abs(a * e - b * d))
    axis = normal.index(max(normal))
    return PLANES[axis] if normal[axis] > STRAIGHT else "oblique", PLANES[axis]


def _text(get: Get, *keywords: str) -> str:
    return next((str(value).strip() for each in keywords if (value := get(each)) not in (None, "")), "")


def _described(get: Get) -> tuple[str, str]:
    """Return side and view as descriptions and the names of acquisitions give them."""
    text = words_of(_text(get, "SeriesDescription"))
    if match := SIDE_AND_VIEW.search(text):
        return match.group(1).upper(), _view_in(match.group(2))
    if match := VIEW_AND_SIDE.search(text):
        return match.group(2).upper(), _view_in(match.group(1))
    sides = [side for side, pattern in SIDES.items() if pattern.search(text)]
    return sides[0] if len(sides) == 1 else "", _view_in(text)


def _side(get: Get) -> str:
    side = _text(get, "ImageLaterality", "FrameLaterality", "Laterality").upper()
    return side if side in ("L", "R") else _described(get)[0]


def _view(get: Get) -> str:
    """Return the view; some files have it as text of the orientation, or only in a code or the description."""
    orientation = get("PatientOrientation")
    candidates = [_text(get, "ViewPosition"), str(_first(get("ViewCodeSequence")).get("CodeMeaning", ""))]
    candidates.append(str(orientation) if isinstance(orientation, str) else "")
    found = next((view for text in candidates if (view := _view_in(text))), "")
    return found or _described(get)[1]


def _special_view(get: Get, words: str) -> str:
    """Return what sets a mammogram apart from the four views of screening."""
    named = _named(SPECIAL_VIEWS, words)
    modifiers = words_of(" ".join([_text(get, "ViewPosition"), *_meanings(_first(get("ViewCodeSequence")))]))
    enlarged = (number_of(get("EstimatedRadiographicMagnificationFactor")) or 1) >= MAGNIFIED
    return named or _named(SPECIAL_VIEWS, modifiers) or ("magnification" if enlarged else "")


def _first(sequence: Any) -> Any:
    try:
        return sequence[0] if sequence else {}
    except (TypeError, IndexError):
        return {}


def _meanings(view: Any) -> list[str]:
    """Return the words of a view code and of its modifiers."""
    codes = [view, *_list(view.get("ViewModifierCodeSequence"))]
    return [str(each.get("CodeMeaning", "")) for each in codes]


def _view_in(text: str) -> str:
    return _named(VIEWS, words_of(text))
