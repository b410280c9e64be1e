"""The answers of a form as content items of a structured report: coded where the form has choices, numbers with units.

Choices have the code that the form gives them. Others are codes of the scheme 99ECI, or Yes and No of SNOMED CT; their
meaning is the label in the form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom import Dataset

from eci_annotate.dicom.exact_block import one_line
from eci_annotate.workflow.usecase.form import CHOICE, GROUP, LIST, YES_NO, Question

SCHEME = "99ECI"
YES, NO = ("373066001", "SCT", "Yes"), ("373067005", "SCT", "No")
UNITS = {  # UCUM
    "": ("1", "no units"),
    "mm": ("mm", "millimeter"),
    "cm": ("cm", "centimeter"),
    "mm2": ("mm2", "square millimeter"),
    "mm²": ("mm2", "square millimeter"),
    "cm2": ("cm2", "square centimeter"),
    "cm²": ("cm2", "square centimeter"),
    "mm3": ("mm3", "cubic millimeter"),
    "mm³": ("mm3", "cubic millimeter"),
    "cm3": ("cm3", "cubic centimeter"),
    "cm³": ("cm3", "cubic centimeter"),
    "ml": ("ml", "milliliter"),
    "mL": ("mL", "milliliter"),
    "%": ("%", "percent"),
    "°": ("deg", "degree"),
    "HU": ("[hnsf'U]", "Hounsfield unit"),
}


def answer_items(hd: Any, asked: Sequence[Question], answers: Mapping[str, Any], within: str = "") -> Iterator[Dataset]:
    """Yield one item for each answer; the name of a nested one begins with the title of its group.

    Parameters
    ----------
    hd
        The package highdicom.
    asked
        The questions.
    answers
        Checked answers, as signed.
    within
        Titles of the groups that the questions belong to.
    """
    for question in asked:
        value, name = answers.get(question.name), f"{within}{question.title}"
        if value is None:
            continue
        if question.kind == GROUP:
            yield from answer_items(hd, question.questions, value, f"{name}: ")
        elif question.kind == LIST:
            for number, each in enumerate(value, 1):
                if isinstance(each, Mapping):
                    yield from answer_items(hd, question.questions, each, f"{name} {number}: ")
                else:
                    yield _text(hd, f"{name} {number}", each)
        else:
            yield _item(hd, question, name, value)


def _item(hd: Any, question: Question, name: str, value: Any) -> Dataset:
    contains = hd.sr.RelationshipTypeValues.CONTAINS
    if question.kind == YES_NO:
        code = hd.sr.CodedConcept(*(YES if value else NO))
        return hd.sr.CodeContentItem(concept(hd, name), code, contains)
    if question.kind == CHOICE:
        return hd.sr.CodeContentItem(concept(hd, name), _coded(hd, question, value), contains)
    if isinstance(value, int | float) and question.unit in UNITS:
        code, meaning = UNITS[question.unit]
        unit = hd.sr.CodedConcept(code, "UCUM", meaning)
        return hd.sr.NumContentItem(concept(hd, name), value, unit, relationship_type=contains)
    return _text(hd, name, f"{value} {question.unit}".strip())


def _coded(hd: Any, question: Question, value: Any) -> Any:
    if code := question.code_of(value):
        return hd.sr.CodedConcept(code.value, code.scheme, code.meaning)
    return concept(hd, question.label_of(value), str(value))


def _text(hd: Any, name: str, value: Any) -> Dataset:
    return hd.sr.TextContentItem(concept(hd, name), str(value) or "-", hd.sr.RelationshipTypeValues.CONTAINS)


def concept(hd: Any, meaning: str, value: str = "") -> Any:
    """Return a code of the scheme 99ECI; its value is derived from the meaning if that does not fit.

    Parameters
    ----------
    hd
        The package highdicom.
    meaning
        Words for people; cut after 64 characters.
    value
        Code value; by default the meaning.
    """
    words = one_line(meaning).replace("\\", "/") or "item"
    code = one_line(value or words)
    if len(code) > 16 or not code.isascii() or "\\" in code or not code:
        code = f"Q{hashlib.sha256(code.encode()).hexdigest()[:12]}"
    return hd.sr.CodedConcept(code, SCHEME, words[:64])
