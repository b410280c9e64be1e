"""Views and sides of mammograms, by their elements, else by descriptions as vendors and languages write them.

Patterns are searched in what `series_vocabulary.words_of` returns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eci_annotate.workflow.series.header_values import Get, compiled, list_of, named_in, number_of, text_of
from eci_annotate.workflow.series.series_vocabulary import words_of

VIEWS: Mapping[str, Sequence[str]] = {
    "CC": (
        r"\bx?cc(l|m|d|e|g|id)?\b", r"cra?e?nio.?[ck]aud", r"crane?o.?caudal", r"krani?o.?[ck]audal",
        r"\bface\b", r"\bfront\b", r"kranyo.?[ck]audal", r"\bpr[iy]amaya\b", r"\bkk\b",
    ),
    "MLO": (
        r"\bmlo(d|e|g|id)?\b", r"\boml\b", r"medio.?lateral.{0,3}obl", r"\bobli[qck]", r"\bobl\b", r"\bsned\b",
        r"\bsikm", r"\bviisto", r"\bskra\b", r"\bschrag", r"\bskos", r"\bkosaya\b",
    ),
    "ML": (
        r"\bml\b", r"medio.?lateral",
    ),
}  # fmt: skip
VIEW = r"(x?cc(?:l|m|d|id)?|mlo(?:id)?|ml|crani?e?o.?[ck]audal|medio.?lateral(?:.{0,3}obl\w*)?|obli[qck]\w*|face)"
SIDE_AND_VIEW = re.compile(rf"\b([lr])t? ?{VIEW}\b")
VIEW_AND_SIDE = re.compile(rf"\b{VIEW} ?([lr])t?\b")
SIDES: Mapping[str, Sequence[str]] = {
    "L": (
        r"\b(left|links?|li|gauche|sein g|g|izq\w*|esq\w*|sinistr[ao]|sx|lt|vanster)\b",
        r"\b(hidari|va|vasen|lewa|lewy|sol|venstre|ve|vas|gche|sn|aristera|mama i|leva(ya)?)\b",
        r"\b(cc|mlo) e$", r"\b(cc|mlo)[eg]$", r"^l$",
        r"\b(kiri|stanga?|bal|kaire|kreisa|vasak|lijeva|lev[yae]|leva[yj]a|sinistr[ao]|(ben|vu|nguc) trai)\b",
        r"\bzuo (ru|ce)\b",
    ),
    "R": (
        r"\b(right|rechts?|re|droite?|sein d|derech[ao]|der|direit[ao]|destr[ao]|dx|rt|hoger)\b",
        r"\b(migi|ho|oikea|prawa|prawy|sag|hoyre|hojre|dte|dir|oik|dexia|mama d|prava(ya)?|dcha)\b",
        r"\b(cc|mlo) d\b|\bd (cc|mlo)\b", r"\b(cc|mlo)d$", r"\b(face|front|obli[qk]ue?|obl|profil|perfil) d\b", r"^r$",
        r"\b(kanan|dreapta?|drept|jobb|desine|laba|parem|desna|prav[yae]|(ben|vu) phai|you (ru|ce))\b",
    ),
}  # fmt: skip
SPECIAL_VIEWS: Mapping[str, Sequence[str]] = {
    "specimen": (
        r"specimen", r"surgical", r"\bpiece\b", r"praparat", r"preparat",
    ),
    "biopsy": (
        r"biops", r"stereo(?!s)", r"scout", r"drahtmark", r"wire", r"\bneedle", r"\bnadel", r"locali[sz]",
        r"repere", r"\barpon", r"\b(pre|post) ?fire",
        r"\b15 15\b",
    ),
    "magnification": (
        r"\bmag\b", r"\bm ?1 ?[58]\b", r"\bm$", r"magn", r"vergr", r"lupe", r"agrand", r"\bingr",
        r"ampli(a|f)", r"zoom", r"forstor", r"forstorr", r"powiek",
        r"\bm(mlo|cc)\b",
    ),
    "spot": (
        r"\bspot", r"\bcone", r"cone ?down", r"focal", r"compresion loc", r"compression loc", r"\bzielaufn",
        r"zielkompr", r"localizada", r"\bcompr\b", r"\bmirat[ao]\b",
        r"\bs(mlo|cc)\b",
    ),
    "exaggerated": (
        r"\bx ?cc[lm]?\b", r"\bxccl", r"exag", r"ausgedehnt", r"\bcleavage", r"\bcleo\b", r"\bcv\b",
        r"axillary tail", r"\bat\b",
    ),
    "rolled": (
        r"\broll?(ed|ada|ado|ata|ato|e)?\b", r"\b(cc|mlo)r[lm]\b", r"\brota(ted|da|ta)\b", r"\bgerollt",
    ),
    "implant displaced": (
        r"implant.{0,4}(disp|verd|depl|despl|spost|push)", r"eklund", r"\b(cc|mlo|ml)id\b", r"\bid\b", r"displaced",
    ),
}  # fmt: skip
VIEW_WORDS, SIDE_WORDS, SPECIAL = compiled(VIEWS), compiled(SIDES), compiled(SPECIAL_VIEWS)
# a side of the patient is medial in the picture's lower half: of the other breast
ORIENTED: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("P", "L"): ("R", "CC"), ("A", "R"): ("L", "CC"), ("P", "FL"): ("R", "MLO"), ("A", "FR"): ("L", "MLO"),
}  # fmt: skip
STACK = 4  # images of a tomosynthesis, not of one view
MAGNIFIED = 1.4  # a breast on the table is enlarged by less than 1.2


def _described(get: Get) -> tuple[str, str]:
    """Return side and view as descriptions and the names of acquisitions give them."""
    text = words_of(text_of(get, "SeriesDescription"))
    if match := SIDE_AND_VIEW.search(text):
        return match.group(1).upper(), _view_in(match.group(2))
    if match := VIEW_AND_SIDE.search(text):
        return match.group(2).upper(), _view_in(match.group(1))
    sides = [side for side, pattern in SIDE_WORDS.items() if pattern.search(text)]
    return sides[0] if len(sides) == 1 else "", _view_in(text)


def side_of(get: Get) -> str:
    """Return L or R: by the elements, else the description, else the orientation of a mammogram."""
    side = text_of(get, "ImageLaterality", "FrameLaterality", "Laterality").upper()
    if side in ("L", "R") or text_of(get, "Modality").upper() not in ("MG", ""):  # "sag" is right, or sagittal
        return side if side in ("L", "R") else ""
    return _described(get)[0] or _oriented(get)[0]


def view_of(get: Get) -> str:
    """Return the view; some files have it as text of the orientation, or only in a code or the description."""
    orientation = get("PatientOrientation")
    candidates = [text_of(get, "ViewPosition"), str(_first(get("ViewCodeSequence")).get("CodeMeaning", ""))]
    candidates.append(str(orientation) if isinstance(orientation, str) else "")
    found = next((view for text in candidates if (view := _view_in(text))), "")
    return found or _described(get)[1] or _oriented(get)[1]


def _oriented(get: Get) -> tuple[str, str]:
    """Return side and view of a mammogram by where its rows and columns point, as P\\FL: the right breast, oblique.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.1
    """
    directions = tuple(str(each).upper() for each in list_of(get("PatientOrientation")))
    return ORIENTED.get(directions, ("", "")) if text_of(get, "Modality").upper() == "MG" else ("", "")


def special_view_of(get: Get, words: str) -> str:
    """Return what sets a mammogram apart from the four views of screening."""
    named = named_in(SPECIAL, words)
    modifiers = words_of(" ".join([text_of(get, "ViewPosition"), *_meanings(_first(get("ViewCodeSequence")))]))
    enlarged = (number_of(get("EstimatedRadiographicMagnificationFactor")) or 1) >= MAGNIFIED
    return named or named_in(SPECIAL, modifiers) or ("magnification" if enlarged else "")


def mark_unprocessed(known: Sequence[dict[str, Any]]) -> None:
    """Mark original mammograms for processing where the study has a derived one of the same view, and none says so."""
    pictures = [each for each in known if each.get("Modality") == "MG" and not each.get("PresentationIntentType")]
    single = [each for each in pictures if (number_of(each.get("slices")) or 1) < STACK]
    views = {_picture(each) for each in single if _is_processed(list_of(each.get("ImageType")))}
    for each in pictures:
        if "ORIGINAL" in list_of(each.get("ImageType")) and _picture(each) in views and "special_view" not in each:
            each["special_view"] = "for processing"


def _is_processed(kinds: Sequence[Any]) -> bool:
    return "DERIVED" in kinds and not {"SECONDARY", "TOMOSYNTHESIS", "GENERATED_2D"} & set(kinds)


def _picture(header: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(header.get(name) for name in ("study", "side", "view"))


def _first(sequence: Any) -> Any:
    try:
        return sequence[0] if sequence else {}
    except (TypeError, IndexError):
        return {}


def _meanings(view: Any) -> list[str]:
    """Return the words of a view code and of its modifiers."""
    codes = [view, *list_of(view.get("ViewModifierCodeSequence"))]
    return [str(each.get("CodeMeaning", "")) for each in codes]


def _view_in(text: str) -> str:
    return named_in(VIEW_WORDS, words_of(text))
