"""The gate: what each lesion needs, slot by slot; what is not available; what was looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from eci_annotate.errors import BadUseCase, Refused
from eci_annotate.workflow.usecase.gate import Checks, check_gate, in_words, mismatches, shape_of
from eci_annotate.workflow.usecase.hanging import Hanging, Judgement, Placed, SlotChoice
from eci_annotate.workflow.usecase.pipeline import Gate, Need, SlotAnswer
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case

NOTHING = Checks()
MASK, BOX = Need(("sub",), ("mask",)), Need(("t2", "adc"), ("box",))
GATE = Gate("lesions", needs=(MASK, BOX))
VIEWS = Gate("lesions", needs=(Need(("lcc", "lmlo"), ("box",), at_least=1),))


def hung(*slots: str, missing: tuple[str, ...] = ()) -> Hanging:
    """A study in which each slot holds a series of its own name in capitals."""
    placed = tuple(Placed(slot, slot.title(), slot.upper(), None, ()) for slot in slots)
    choices = tuple(
        SlotChoice(slot, slot.title(), (Judgement(slot.upper(), 0, (), ()),) if slot in slots else ())
        for slot in (*slots, *missing)
    )
    return Hanging("", (), placed, (), (), choices)


def row(series: str, kind: str = "box", label: str = "a", shape: str = "s") -> dict[str, Any]:
    return {"series": series, "kind": kind, "label": label, "shape": shape}


def told(gate: Gate, rows: list[dict[str, Any]], hanging: Hanging, checks: Checks = NOTHING) -> list[str]:
    return [each.text for each in mismatches(gate, {"lesions": [{"label": "a"}]}, rows, hanging, checks)]


WHOLE = [row("SUB", "mask"), row("T2"), row("ADC")]
STUDY = hung("sub", "t2", "adc")


def test_a_lesion_with_all_that_it_needs_passes() -> None:
    assert told(GATE, WHOLE, STUDY) == []
    assert told(GATE, [*WHOLE, row("SUB")], STUDY) == [], "more of another kind is no fault"


@pytest.mark.parametrize(
    ("without", "text", "series"),
    [
        (0, "'a' has no mask in 'Sub'", "SUB"),
        (1, "'a' has no box in 'T2'", "T2"),
        (2, "'a' has no box in 'Adc'", "ADC"),
    ],
)
def test_what_lacks_is_named_and_says_where_to_go(without: int, text: str, series: str) -> None:
    rows = [each for number, each in enumerate(WHOLE) if number != without]
    (found,) = mismatches(GATE, {"lesions": [{"label": "a"}]}, rows, STUDY)
    assert (found.text, found.label, found.series) == (text, "a", series)


def test_the_wrong_kind_does_not_count() -> None:
    assert told(GATE, [row("SUB"), *WHOLE[1:]], STUDY) == ["'a' has no mask in 'Sub'"]


def test_two_of_one_label_on_one_series_are_asked_about() -> None:
    assert told(GATE, [*WHOLE, row("T2")], STUDY) == ["'a' has 2 annotations in 'T2': keep one"]


def test_a_slot_without_a_series_needs_a_reason_and_is_then_not_asked_for() -> None:
    hanging = hung("sub", "t2", missing=("adc",))
    assert told(GATE, WHOLE[:2], hanging) == ["no series fits 'Adc': choose one, or say why it is not available"]
    assert told(GATE, WHOLE[:2], hanging, Checks({"adc": "not acquired"})) == []


def test_a_series_that_is_not_usable_is_not_asked_for_but_not_drawn_on_either() -> None:
    checks = Checks({"adc": "not usable: motion"})
    assert told(GATE, WHOLE[:2], STUDY, checks) == []
    assert told(GATE, WHOLE, STUDY, checks) == ["'Adc' is said to be not available, but 'a' is drawn on it"]


def test_a_lesion_is_reported_without_drawing_only_if_no_slot_is_available() -> None:
    none = Checks(dict.fromkeys(("sub", "t2", "adc"), "cannot be read"))
    assert told(GATE, [], STUDY, none) == []
    some = Checks(dict.fromkeys(("sub", "t2"), "cannot be read"))
    assert told(GATE, [], STUDY, some) == ["'a' has no annotation"]


def test_one_of_several_projections_is_enough() -> None:
    study = hung("lcc", "lmlo")
    assert told(VIEWS, [row("LCC")], study) == [] == told(VIEWS, [row("LCC"), row("LMLO")], study)
    assert told(VIEWS, [row("RCC")], study) == ["'a' has no box in 'Lcc' or 'Lmlo'"]
    two = Gate("lesions", needs=(Need(("lcc", "lmlo"), ("box",), at_least=2),))
    assert told(two, [row("LCC")], study) == ["'a' has no box in 'Lcc' or 'Lmlo' (1 of 2)"]
    assert told(two, [row("LCC")], study, Checks({"lmlo": "not acquired"})) == []
    alone = hung("lcc", missing=("lmlo",))
    assert told(VIEWS, [row("LCC")], alone) == [], "one is enough, and there is one"
    assert told(two, [row("LCC")], alone) == ["no series fits 'Lmlo': choose one, or say why it is not available"]


def test_each_box_is_looked_at_on_every_series_and_again_when_it_changed() -> None:
    gate = Gate("lesions", check_series=True)
    rows = [row("T2", shape="now")]
    on = {"SUB": "now", "ADC": "now"}
    assert told(gate, rows, STUDY, Checks(seen={"a": on})) == []
    assert told(gate, rows, STUDY, Checks(seen={"a": {**on, "ADC": "before"}})) == [
        "the box of 'a' is not checked on 'Adc'"
    ]
    assert told(gate, rows, STUDY, Checks({"adc": "not usable: motion"}, {"a": {"SUB": "now"}})) == []
    assert told(gate, [*rows, row("T2")], STUDY) == ["'a' has 2 boxes: keep one"]


def test_the_refusal_names_everything() -> None:
    with pytest.raises(Refused, match="no mask in 'Sub'; 'a' has no box in 'T2'; 'a' has no box in 'Adc'"):
        check_gate(GATE, {"lesions": [{"label": "a"}]}, [row("X")], STUDY)


def test_statements_are_read_as_written_and_others_are_ignored() -> None:
    checks = Checks({"adc": "not acquired"}, {"a": {"SUB": "s"}})
    assert Checks.from_json(json.loads(json.dumps(checks.to_json()))) == checks
    for odd in (None, 3, [], {"unavailable": 3, "seen": [1]}, {"unavailable": {"adc": 5, "t2": " "}, "seen": {"a": 1}}):
        assert Checks.from_json(odd) == Checks() and Checks.from_json(odd).to_json() == {}
    assert in_words(checks, STUDY) == [("Adc", "not available: not acquired"), ("a", "checked on Sub")]


def test_a_shape_is_that_of_the_box_to_a_hundredth() -> None:
    axes = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    first = shape_of((0.001, -0.001, 5), (1, 2, 3), axes)
    assert first == shape_of((0, 0, 5), (1, 2, 3), axes) != shape_of((0, 0.02, 5), (1, 2, 3), axes)


def test_a_definition_with_needs_is_read_and_checked() -> None:
    case = shipped_use_case("liver-ct")
    definition = json.loads(case.blob)
    gate = definition["usecase"]["tasks"][1]["gate"]
    slot = definition["hanging"]["slots"][0]["name"]
    gate["needs"] = [{"slots": [slot], "kinds": ["box"]}]
    (annotate,) = [task for task in UseCase.from_definition(definition).pipeline if task.name == "annotate"]
    assert annotate.gate == replace(annotate.gate or Gate(""), needs=(Need((slot,), ("box",)),))
    for needs, match in (
        ([{"slots": ["elsewhere"]}], "names the slot 'elsewhere'"),
        ([{"slots": [slot], "at_least": 2}], "needs 2 of 1"),
        ([{"slots": [slot], "kinds": ["cloud"]}], "gate/needs"),
    ):
        gate["needs"] = needs
        with pytest.raises(BadUseCase, match=match):
            UseCase.from_definition(definition)


SIDES = Gate("lesions", agrees=(SlotAnswer("side", (("left", ("lcc", "lmlo")), ("right", ("rcc",)))),))


@pytest.mark.parametrize(
    ("side", "drawn", "slot"),
    [
        ("left", ["LCC", "LMLO"], ""),
        ("right", ["RCC"], ""),
        ("left", ["OTHER"], ""),
        ("right", ["OTHER", "LCC"], "Lcc"),
        ("left", ["LCC", "RCC"], "Rcc"),
        (None, ["LCC"], ""),
    ],
)
def test_what_the_form_says_of_a_lesion_fits_where_it_is_drawn(side: str | None, drawn: list[str], slot: str) -> None:
    study = hung("lcc", "lmlo", "rcc", "other")
    found = mismatches(SIDES, {"lesions": [{"label": "a", "side": side}]}, [row(each) for each in drawn], study)
    assert [each.text for each in found] == ([f"'a' is drawn in {slot!r}, but its 'side' is {side!r}"] if slot else [])
    assert all(each.series == slot.upper() for each in found), "it says where to go"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"answer": "side", "values": {"port": ["lcc"]}}, "names the choice 'port' of 'side'"),
        ({"answer": "wing", "values": {"left": ["lcc"]}}, "names the choice 'left' of 'wing'"),
        ({"answer": "side", "values": {"left": ["lcx"]}}, "names the slot 'lcx'"),
    ],
)
def test_a_rule_about_answers_that_names_nothing_is_not_published(rule: dict[str, Any], text: str) -> None:
    definition = json.loads(shipped_use_case("mammography").blob)
    (task,) = [each for each in definition["usecase"]["tasks"] if each.get("gate")]
    task["gate"]["agrees"] = [rule]
    with pytest.raises(BadUseCase, match=text):
        UseCase.from_definition(definition)


@pytest.mark.parametrize(
    "labels", [("L1", "l1"), ("\u00e9", "e\u0301"), ("a", "a\u200b"), ("a b", "a\u00a0b"), ("\uff21", "A")]
)
def test_labels_that_a_reader_takes_for_one_are_refused(labels: tuple[str, str]) -> None:
    rows = [row("X", label=label) for label in labels]
    given = {"lesions": [{"label": label} for label in labels]}
    (found,) = mismatches(Gate("lesions"), given, rows, hung("x"))
    assert "named alike" in found.text and found.label == labels[1]
    twin = [each.text for each in mismatches(Gate("lesions"), {"lesions": [{"label": labels[0]}]}, rows[1:], hung("x"))]
    assert any("it looks like" in text and ascii(labels[1]) in text for text in twin)


def test_a_label_without_a_visible_character_is_refused() -> None:
    given = {"lesions": [{"label": "\u200b"}]}
    (found,) = mismatches(Gate("lesions"), given, [row("X", label="\u200b")], hung("x"))
    assert "no visible character" in found.text


def test_series_cannot_be_looked_at_without_a_box() -> None:
    gate = Gate("lesions", check_series=True)
    assert told(gate, [row("X", "mask")], hung("x", "y")) == ["'a' has no box"]


def test_blanks_between_numbers_tell_labels_apart() -> None:
    given = {"lesions": [{"label": "lesion 1 1"}, {"label": "lesion 11"}]}
    rows = [row("X", label="lesion 1 1"), row("X", label="lesion 11")]
    assert mismatches(Gate("lesions"), given, rows, hung("x")) == []
