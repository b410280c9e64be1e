"""Facts for hanging protocols that no single element gives: plane of the slices, contrast phase, side and view."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from eci_annotate.dicom.images.element_values import numbers
from eci_annotate.errors import DamagedFile

Get = Callable[[str], Any]
PLANES = ("sagittal", "coronal", "axial")  # by the axis (x, y, z) of the normal
STRAIGHT = 0.97  # cosine: within some 14 degrees
VIEWS = {"CC": r"\bCC\b|cranio.?caudal", "MLO": r"\bMLO\b|medio.?lateral oblique", "ML": r"\bML\b|medio.?lateral"}
# by descriptions of several vendors and languages; a description that names two phases is not certain
PHASES = {
    "native": r"nativ|unenh|(non|pre).?contr|w/?o.?(iv|contr|c\b)|without|\b(nc|pre|ohne|sans|sin|senza|blanco)\b",
    "arterial": r"arter|\bart\b|\bhap\b|\b(2[05]|3[05]) ?s(ec)?\b",
    "portal": r"porta|porto|\bpv[pn]?\b|ven[oöeu]|vein|\bven\b|\b([678]0|75) ?s(ec)?\b",
    "late": r"\blate\b|delay|sp[aä]t|equilib|tard|retard|\b(120|180|240|300) ?s(ec)?\b|\b[35] ?min\b",
    "hepatobiliary": r"hepatobil|hepato.bil|\bhbp\b|\b(10|15|20) ?min\b",
}
PHASE_PATTERNS = {phase: re.compile(pattern) for phase, pattern in PHASES.items()}
SIDE_AND_VIEW = re.compile(r"\b([LR]) ?[-_]? ?(CC|MLO|ML)\b", re.IGNORECASE)


def facts_of(get: Get) -> dict[str, str]:
    """Return the derived facts of an image: `plane`, `phase`, `side` and `view`, each where it is certain.

    Parameters
    ----------
    get
        Gives the value of an element by its keyword; None if it is absent.
    """
    found = {"plane": _plane(get), "phase": phase_of(_text(get, "SeriesDescription")), "side": _side(get)}
    found["view"] = _view(get)
    return {name: value for name, value in found.items() if value}


def _plane(get: Get) -> str:
    try:
        cosines = numbers(get("ImageOrientationPatient"), "ImageOrientationPatient")
    except DamagedFile:
        return ""
    if cosines.size != 6:
        return ""
    normal = np.abs(np.cross(cosines[:3], cosines[3:]))
    axis = int(np.argmax(normal))
    return PLANES[axis] if normal[axis] > STRAIGHT else "oblique"


def phase_of(description: str) -> str:
    """Return the contrast phase that a description names; empty if it names none, or several."""
    words = re.sub(r"[_\-.,;:()\[\]]+", " ", description.lower())
    named = [phase for phase, pattern in PHASE_PATTERNS.items() if pattern.search(words)]
    if named == ["arterial", "late"]:
        return "arterial"  # "late arterial"
    return named[0] if len(named) == 1 else ""


def _text(get: Get, *keywords: str) -> str:
    return next((str(value).strip() for each in keywords if (value := get(each)) not in (None, "")), "")


def _described(get: Get) -> tuple[str, str]:
    match = SIDE_AND_VIEW.search(_text(get, "SeriesDescription"))
    return (match.group(1).upper(), match.group(2).upper()) if match else ("", "")


def _side(get: Get) -> str:
    side = _text(get, "ImageLaterality", "FrameLaterality", "Laterality").upper()
    return side if side in ("L", "R") else _described(get)[0]


def _view(get: Get) -> str:
    """Return the view; some files have it as text of the orientation, or only in a code or the description."""
    orientation = get("PatientOrientation")
    candidates = [_text(get, "ViewPosition"), _code(get("ViewCodeSequence"))]
    candidates.append(str(orientation) if isinstance(orientation, str) else "")
    for text in candidates:
        for view, pattern in VIEWS.items():
            if re.search(pattern, text, re.IGNORECASE):
                return view
    return _described(get)[1]


def _code(sequence: Any) -> str:
    try:
        return str(sequence[0].get("CodeMeaning", "")) if sequence else ""
    except (TypeError, IndexError, AttributeError):
        return ""
