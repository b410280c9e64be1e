"""The report form: asked when its condition holds, answers as the schema wants them, restored, closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as w
import pytest

from eci_annotate.repository.analysis.annotation_sizes import DrawnSize
from eci_annotate.viewer.panels.form_field import Field
from eci_annotate.viewer.panels.form_panel import FormPanel
from eci_annotate.viewer.panels.report_form import Group, Items
from eci_annotate.workflow.usecase.answer_check import check_answers
from eci_annotate.workflow.usecase.form import Question, questions
from eci_annotate.workflow.usecase.gate import Mismatch, mismatches
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import Gate
from tests.viewer.test_toolbar import Later

SCHEMA = json.loads((Path(__file__).parents[2] / "forms/liver-ct/report.json").read_text(encoding="utf-8"))
LESION = {"label": "lesion 1", "segment": "IVa", "size_mm": 12.5, "classification": "cyst", "confidence": 4}
WHOLE = {"image_quality": "good", "lesions": [LESION]}


class Sheet:
    """A form, and what it saved."""

    def __init__(self, answers: dict[str, Any] | None = None, schema: dict[str, Any] = SCHEMA) -> None:
        self.saved: list[dict[str, Any]] = []
        self.panel = FormPanel(schema, questions(schema), answers or {}, self.saved.append)

    def part(self, name: str, group: Group | None = None) -> Any:
        return (group or self.panel.group).parts[name]

    def put(self, name: str, value: Any, group: Group | None = None) -> None:
        field = self.part(name, group)
        assert isinstance(field, Field)
        field.input.value = value

    def shows(self, name: str, group: Group | None = None) -> bool:
        return bool(self.part(name, group).widget.layout.display != "none")

    @property
    def lesions(self) -> Items:
        part = self.part("lesions")
        assert isinstance(part, Items)
        return part


def widgets(widget: Any) -> list[Any]:
    return [widget, *(found for child in getattr(widget, "children", ()) for found in widgets(child))]


def test_a_question_is_asked_only_when_its_condition_holds() -> None:
    sheet = Sheet()
    assert not sheet.shows("quality_reason")
    sheet.put("image_quality", "limited")
    assert sheet.shows("quality_reason") and "What limits the quality" in sheet.panel.problem
    sheet.put("quality_reason", "motion")
    sheet.put("image_quality", "good")
    assert not sheet.shows("quality_reason")
    assert sheet.saved[-1] == {"image_quality": "good", "lesions": []} and not sheet.panel.problem


def test_an_answer_that_is_hidden_again_asks_for_nothing() -> None:
    def only(name: str, then: str) -> dict[str, Any]:
        return {"if": {"properties": {name: {"const": "yes"}}, "required": [name]}, "then": {"required": [then]}}

    schema = {
        "properties": {name: {"enum": ["yes", "no"]} for name in "abc"},
        "allOf": [only("a", "b"), only("b", "c")],
    }
    sheet = Sheet(schema=schema)
    for name in "abc":
        sheet.put(name, "yes")
    assert sheet.shows("c") and sheet.saved[-1] == {"a": "yes", "b": "yes", "c": "yes"}
    sheet.put("a", "no")
    assert not sheet.shows("b") and not sheet.shows("c") and sheet.saved[-1] == {"a": "no"}


def test_what_is_missing_or_wrong_is_said_until_it_is_mended() -> None:
    sheet = Sheet()
    assert "'Image quality' is missing" in sheet.panel.problem and "eci-problem" in sheet.panel.said.value
    sheet.put("image_quality", "good")
    sheet.lesions.add.click()
    (group,) = sheet.lesions.groups
    for name, value in LESION.items():
        sheet.put(name, str(value) if name in ("size_mm", "confidence") else value, group)
    assert sheet.panel.problem == "" and "Complete" in sheet.panel.said.value
    for wrong, says in (("12,5 mm", "not a number"), ("4000", "too large"), ("", "missing")):
        sheet.put("size_mm", wrong, group)
        assert says in sheet.panel.problem


def test_what_does_not_match_is_said_before_signing() -> None:
    gate, hanging = Gate("lesions", kinds=("mask",)), Hanging("", (), (), (), ())
    refused = partial(mismatches, gate, hanging=hanging)
    gone: list[Mismatch] = []
    panel = FormPanel(SCHEMA, questions(SCHEMA), WHOLE, lambda answers: None, unmatched=refused, go=gone.append)
    (fault,) = panel.faults.children
    assert "Complete" in panel.said.value and fault.description == "'lesion 1' has no mask"
    fault.click()
    assert gone == [Mismatch("'lesion 1' has no mask", "lesion 1")]
    row = {"label": "lesion 1", "kind": "mask", "series": "1.2"}
    panel.match(["lesion 1", "x <b>"], [row, {**row, "label": "x <b>"}])
    (fault,) = panel.faults.children
    assert fault.description == "The annotation 'x <b>' is not a lesion of the form"
    panel.match(["lesion 1"], [row])
    assert panel.faults.children == ()
    assert "Complete" in panel.said.value and "eci-problem" not in panel.said.value


def test_numbers_take_a_decimal_comma_and_answers_are_what_is_signed() -> None:
    sheet = Sheet(WHOLE)
    sheet.put("size_mm", "7,5", sheet.lesions.groups[0])
    answers = sheet.saved[-1]
    assert answers["lesions"][0]["size_mm"] == 7.5
    assert check_answers(SCHEMA, answers) == answers


def test_a_form_opens_where_it_was_left_without_saving() -> None:
    answers = {**WHOLE, "image_quality": "poor", "quality_reason": "motion", "lesions": [LESION, {"segment": "II"}]}
    sheet = Sheet(answers)
    assert sheet.panel.group.answer == answers and sheet.saved == []
    assert sheet.shows("quality_reason")


def test_an_answer_that_is_no_choice_any_more_is_asked_anew() -> None:
    sheet = Sheet({**WHOLE, "image_quality": "superb"})
    assert "'Image quality' is missing" in sheet.panel.problem


def test_items_come_and_go() -> None:
    sheet = Sheet(WHOLE)
    sheet.lesions.add.click()
    assert len(sheet.saved[-1]["lesions"]) == 2
    first = next(each for each in widgets(sheet.lesions.body) if isinstance(each, w.Button))
    first.click()
    assert sheet.saved[-1]["lesions"] == [{}]


def test_the_keyboard_goes_into_a_new_item_and_never_away_with_an_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, focused = Sheet(WHOLE), list[Any]()
    monkeypatch.setattr(w.DOMWidget, "focus", lambda self: focused.append(self))
    sheet.lesions.add.click()
    next(each for each in widgets(sheet.lesions.body) if isinstance(each, w.Button)).click()
    assert focused == [sheet.part("label", sheet.lesions.groups[-1]).input, sheet.lesions.add]


def test_labels_of_annotations_are_offered_to_old_and_new_items() -> None:
    sheet = Sheet(WHOLE)
    sheet.panel.group.offer(["lesion 1", "lesion 1", "", "box 2"])
    sheet.lesions.add.click()
    for group in sheet.lesions.groups:
        assert sheet.part("label", group).input.options == ("lesion 1", "box 2")


@pytest.mark.parametrize(("chosen", "answer"), [(True, True), (False, False), ("", None)])
def test_no_is_an_answer(chosen: Any, answer: bool | None) -> None:
    schema = {"type": "object", "required": ["contrast"], "properties": {"contrast": {"type": "boolean"}}}
    sheet = Sheet(schema=schema)
    sheet.put("contrast", True)
    sheet.put("contrast", chosen)
    assert sheet.saved[-1].get("contrast") is answer
    assert bool(sheet.panel.problem) == (answer is None)


def test_a_closed_form_can_be_read_only() -> None:
    sheet = Sheet(WHOLE)
    sheet.panel.close()
    inputs = [each for each in widgets(sheet.panel.group.widget) if hasattr(each, "disabled")]
    assert len(inputs) > 8 and all(each.disabled for each in inputs)
    assert sheet.panel.group.answer == WHOLE


def test_titles_cannot_carry_markup() -> None:
    schema = {"title": "<img>", "type": "object", "properties": {"a": {"type": "string", "title": "<script>"}}}
    texts = [each.value for each in widgets(Sheet(schema=schema).panel.widget) if isinstance(each, w.HTML)]
    assert texts and not any("<img>" in text or "<script>" in text for text in texts)


def test_the_drawing_is_measured_when_it_is_at_rest_and_once() -> None:
    later, measured = Later(), list[str]()

    def measure(question: Question, siblings: Mapping[str, Any], link: str) -> DrawnSize | None:
        measured.append(question.name)
        return DrawnSize(12.5, "12.5 mm")

    panel = FormPanel(SCHEMA, questions(SCHEMA), WHOLE, lambda _: None, measure=measure, scheduler=later)
    measured.clear()
    for _ in range(3):
        panel.match(["lesion 1"], ())
    assert not measured
    later.run()
    assert measured == ["size_mm"]


def test_every_fault_is_marked_at_its_field_and_leads_there(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet, focused = Sheet({"lesions": [{"label": "lesion 1", "size_mm": "4000"}]}), list[Any]()
    monkeypatch.setattr(w.DOMWidget, "focus", lambda self: focused.append(self))
    (group,) = sheet.lesions.groups
    wrong, missing = sheet.part("size_mm", group), sheet.part("segment", group)
    assert ">Too large. It is at most 400 mm.<" in wrong.wrong.value and "eci-invalid" in wrong.widget._dom_classes
    assert "eci-missing" in missing.widget._dom_classes and not missing.wrong.value
    assert "eci-missing" in sheet.part("image_quality").widget._dom_classes
    assert not {"eci-missing", "eci-invalid"} & set(sheet.part("label", group).widget._dom_classes)
    assert "4 answers missing, 1 answer invalid" in sheet.panel.said.value
    buttons = {button.description: button for button in sheet.panel.faults.children}
    buttons["'Lesion' 1, 'Longest diameter' is too large."].click()
    buttons["'Image quality' is missing."].click()
    assert focused == [wrong.input, sheet.part("image_quality").input]
    sheet.put("size_mm", "40", group)
    assert not wrong.wrong.value and "eci-invalid" not in wrong.widget._dom_classes


def test_a_new_item_is_about_the_next_annotation_without_one() -> None:
    sheet = Sheet()
    sheet.panel.match(["lesion 2", "lesion 1"], [])
    for _ in range(3):
        sheet.lesions.add.click()
    assert [each.get("label") for each in sheet.lesions.answer] == ["lesion 2", "lesion 1", None]
