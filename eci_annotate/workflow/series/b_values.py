"""The b-value of a diffusion-weighted series: by the element, the sequence, or the description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from eci_annotate.workflow.series.header_values import Get, number_of, text_of

B_VALUE = re.compile(r"(?:\b|_)b ?(?:val(?:ue)?)? ?[=-]? ?(\d{1,4})(?:\b|_)", re.IGNORECASE)
LAST_B_VALUE = re.compile(r", b (\d{1,4})$|calc_?b(?:val)?(\d{3,4})", re.IGNORECASE)
ONE_B_VALUE = re.compile(r"\*?\w*?_b(\d{1,4})(?:t|#\d+)?", re.IGNORECASE)
HIGH_B_VALUE = 400.0
SEVERAL_B_VALUES = re.compile(r"b ?=?\d+(?: ?[_,;/-] ?b?\d| b?\d{2,4}(?:\b|_))", re.IGNORECASE)


def b_value(get: Get) -> str:
    """Return the b-value in s/mm²: by the element, the sequence, or a description that names one only.

    The sequence of a series with several is that of its first image, the least of them: only a stack's counts.
    """
    text, of_sequence = text_of(get, "SeriesDescription"), ONE_B_VALUE.fullmatch(text_of(get, "SequenceName"))
    number, last = number_of(get("DiffusionBValue")), LAST_B_VALUE.search(text)
    if number is None and last:
        number = float(next(filter(None, last.groups())))
    if number is None and of_sequence and (get("stack") or float(of_sequence.group(1)) >= HIGH_B_VALUE):
        number = float(of_sequence.group(1))
    if number is None and names_one(text):
        number = float(B_VALUE.findall(text)[0])
    return "" if number is None else f"{number:g}"


def names_one(description: str) -> bool:
    """Whether a description names one b-value, and no others."""
    return len(set(B_VALUE.findall(description))) == 1 and not SEVERAL_B_VALUES.search(description)


def forget_first_b_values(known: Sequence[dict[str, Any]]) -> None:
    """Forget low b-values in a study that has no high one: they are those of the first images of whole series.

    A series whose description names a high one has it, unless it has no more images than a map of the same study.
    """
    of_study: dict[str, list[dict[str, Any]]] = {}
    for each in known:
        if each.get("content") == "DWI" and "b_value" in each:
            of_study.setdefault(str(each.get("study", "")), []).append(each)
    for study, weighted in of_study.items():
        if all("stack" not in each and float(each["b_value"]) < HIGH_B_VALUE for each in weighted):
            maps = [each for each in known if each.get("content") == "ADC" and str(each.get("study", "")) == study]
            images = {number_of(each.get("slices")) for each in maps}
            for each in weighted:
                description, whole = text_of(each.get, "SeriesDescription"), number_of(each.get("slices")) not in images
                high = float(B_VALUE.findall(description)[0]) if names_one(description) else None
                if high is None:
                    del each["b_value"]
                elif high >= HIGH_B_VALUE and whole and len(weighted) == 1:
                    each["b_value"] = f"{high:g}"
