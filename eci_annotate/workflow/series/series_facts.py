"""Facts for hanging protocols that no single element gives, each only where it is certain.

They are read from elements, and from descriptions as several vendors and languages write them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

Get = Callable[[str], Any]
PLANES = ("sagittal", "coronal", "axial")  # by the axis (x, y, z) of the normal
STRAIGHT = 0.97  # cosine: within some 14 degrees
VIEWS = {
    "CC": r"\bX?CC[LM]?\b|cranio.?caudal",
    "MLO": r"\bMLO\b|medio.?lateral.{0,3}obl",
    "ML": r"\bML\b|medio.?lateral",
}
SIDE_AND_VIEW = re.compile(r"\b([LR])T? ?[-_]? ?(X?CC[LM]?|MLO|ML)\b", re.IGNORECASE)
SIDES = {"L": r"\b(left|links?|gauche|izq\w*|sinistra|lt)\b", "R": r"\b(right|rechts?|droite?|der\w*|destra|rt)\b"}

PHASES = {
    "native": (
        r"nativ|unenh|(non|pre).?(contr|km|gd)|w/?o.?(iv|contr|c\b)|without"
        r"|\b(nc|ncect|pre|ohne|sans|sin|senza|blanco|plain)\b"
    ),
    "arterial": r"arter|\bart\d?\b|\bhap\b|\bap\b|\b(1[58]|2[05]|3[05]) ?s(ec)?\b",
    "portal": r"portal|porto|\bpv[pn]?\b|\bven(ou?s|oe?s|eu|a\b)|\bvein|\bven\b|\b([678]0|65|75) ?s(ec)?\b",
    "late": (
        r"\blate\b|delay|\bdel\b|\bspa?e?t(e|er|es)?\b|\bspa?e?tphas|equilib|tardi|retard|transitional"
        r"|\b(120|180|240|300) ?s(ec)?\b|\b[2345] ?min\b"
    ),
    "hepatobiliary": r"hepatobil|hepato bil|hepatospez|\bhbp\b|\bhb\b|\b(10|15|20|25) ?min\b",
}
# what the pictures are, the strongest statement first
CONTENTS = {
    "localizer": r"localizer|\bloc\b|\bscout|survey|topogram|surview|3.?plane|lokal|\bplanning\b",
    "MIP": r"\bmip\b|\bmpr\b.*\bthick\b|projection",
    "subtraction": r"\bsub\b|subtr|\bsubs?\d*\b",
    "ADC": r"\badc\b|dadc|apparent diff",
    "DWI": r"\bdwi\b|\bdiff|\bdw\b|ep2d|\bb ?=? ?\d{2,4}\b|resolve|\bzoomit\b|ivim",
    "T2": r"\bt2\w*|haste|ssfse|ss tse|\bstir\b|\btirm\b|blade|propeller|frfse|\bfase\b",
    "T1": r"\bt1\w*|vibe|\blava|thrive|fspgr|\bspgr\b|\bflash\b|\bfgre\b|3dfgre|vibrant|quick3d|fame|dixon|\bdyn",
}
_PHASES = {name: re.compile(pattern) for name, pattern in PHASES.items()}
_CONTENTS = {name: re.compile(pattern) for name, pattern in CONTENTS.items()}
IMAGE_TYPES = {
    "LOCALIZER": "localizer", "MAXIMUM INTENSITY PROJECTION": "MIP", "PROJECTION IMAGE": "MIP", "MIP": "MIP",
    "SUBTRACT": "subtraction", "SUBTRACTION": "subtraction", "SUB": "subtraction", "ADC": "ADC", "DIFFUSION": "DWI",
    "TRACEW": "DWI",
}  # fmt: skip
LONG_TE_MS, SHORT_TE_MS, LONG_TR_MS, SHORT_TR_MS = 60.0, 20.0, 1500.0, 900.0


def facts_of(get: Get) -> dict[str, str]:
    """Return `plane`, `phase`, `content`, `side` and `view`, each where it is certain.

    Parameters
    ----------
    get
        Gives the value of an element by its keyword; None if it is absent.
    """
    description = words_of(_text(get, "SeriesDescription"))
    found = {"plane": _plane(get), "phase": phase_of(description), "content": _content(get, description)}
    found |= {"side": _side(get), "view": _view(get)}
    return {name: value for name, value in found.items() if value}


def words_of(description: str) -> str:
    """Return a description in lower case without accents, its words separated by blanks."""
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", description.lower()) if not unicodedata.combining(each)
    )
    return re.sub(r"[^\w/]+|_+", " ", plain).strip()


def phase_of(description: str) -> str:
    """Return the contrast phase that a description names; empty if it names none, or several."""
    words = words_of(description)
    named = [phase for phase, pattern in _PHASES.items() if pattern.search(words)]
    if named == ["arterial", "late"] and "late arter" in words:
        return "arterial"
    if named == ["late", "hepatobiliary"]:
        return "hepatobiliary"
    return named[0] if len(named) == 1 else ""


def _content(get: Get, words: str) -> str:
    """Return what the pictures are: by image type, then by description, b-value, and times of the sequence."""
    kinds = [str(each).upper() for each in _list(get("ImageType"))]
    for kind, content in IMAGE_TYPES.items():
        if kind in kinds:
            return content
    for content, pattern in _CONTENTS.items():
        if pattern.search(words):
            return content
    if _number(get("DiffusionBValue")):
        return "DWI"
    return _weighting(_number(get("EchoTime")), _number(get("RepetitionTime")))


def _weighting(te_ms: float | None, tr_ms: float | None) -> str:
    if te_ms is None or tr_ms is None:
        return ""
    if te_ms >= LONG_TE_MS and tr_ms >= LONG_TR_MS:
        return "T2"
    return "T1" if te_ms <= SHORT_TE_MS and tr_ms <= SHORT_TR_MS else ""


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _list(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _plane(get: Get) -> str:
    try:
        a, b, c, d, e, f = (float(each) for each in _list(get("ImageOrientationPatient")))
    except (TypeError, ValueError):
        return ""
    normal = (abs(b * f - c * e), abs(c * d - a * f), abs(a * e - b * d))
    axis = normal.index(max(normal))
    return PLANES[axis] if normal[axis] > STRAIGHT else "oblique"


def _text(get: Get, *keywords: str) -> str:
    return next((str(value).strip() for each in keywords if (value := get(each)) not in (None, "")), "")


def _described(get: Get) -> tuple[str, str]:
    """Return side and view as descriptions and the names of acquisitions give them."""
    text = _text(get, "SeriesDescription").replace("_", " ")
    match = SIDE_AND_VIEW.search(text)
    if match:
        return match.group(1).upper(), _view_in(match.group(2))
    sides = [side for side, pattern in SIDES.items() if re.search(pattern, text, re.IGNORECASE)]
    return sides[0] if len(sides) == 1 else "", _view_in(text)


def _side(get: Get) -> str:
    side = _text(get, "ImageLaterality", "FrameLaterality", "Laterality").upper()
    return side if side in ("L", "R") else _described(get)[0]


def _view(get: Get) -> str:
    """Return the view; some files have it as text of the orientation, or only in a code or the description."""
    orientation = get("PatientOrientation")
    candidates = [_text(get, "ViewPosition"), _code(get("ViewCodeSequence"))]
    candidates.append(str(orientation) if isinstance(orientation, str) else "")
    found = next((view for text in candidates if (view := _view_in(text))), "")
    return found or _described(get)[1]


def _view_in(text: str) -> str:
    return next((view for view, pattern in VIEWS.items() if re.search(pattern, text, re.IGNORECASE)), "")


def _code(sequence: Any) -> str:
    try:
        return str(sequence[0].get("CodeMeaning", "")) if sequence else ""
    except (TypeError, IndexError, AttributeError):
        return ""
