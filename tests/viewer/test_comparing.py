"""Comparing without a browser: layers of others, what is beside a question, where sides differ, titles."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eci_annotate.tools import adoption
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Alter
from eci_annotate.viewer.comparison.comparison_panel import ReadingsPanel
from eci_annotate.viewer.comparison.counterpart import reveal
from eci_annotate.viewer.comparison.lesions import lesions
from eci_annotate.viewer.comparison.sides import COLOURS, Side, names
from eci_annotate.viewer.panels.form_panel import FormPanel
from eci_annotate.viewer.panels.other_answers import Opinion, agreed, together
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.ink.layer import look_at
from eci_annotate.viewer.stage.orders import Ink, Lines, Send
from eci_annotate.workflow.usecase.form import questions
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, expanded
from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.viewer.viewer_world import STROKE, hands, make_controller, make_easel, tool, views

SCHEMA = json.loads((forms_folder() / "liver-ct" / "report.json").read_text())


def painted(label: str, *strokes: dict[str, Any]) -> Easel:
    """An easel on which somebody painted one lesion."""
    controller = make_controller()
    tool(controller, "smartpaint")
    for stroke in strokes or (STROKE,):
        controller.receive(stroke)
    (uid,) = controller.easel.table.objects
    controller.easel.do(Alter(uid, label=label))
    return controller.easel


def side(title: str, easel: Easel, number: int = 0) -> Side:
    signed: Any = SimpleNamespace(version=1, task="annotate.1", report={})
    return Side(title, COLOURS[number], signed, easel)


def inks(orders: list[Any], pane: str = "axial") -> list[Ink]:
    return [each for each in orders if isinstance(each, Ink) and each.pane == pane and each.rgba is not None]


@pytest.fixture
def beside() -> tuple[Controller, Side]:
    """A controller with nothing of its own, and somebody's layer below."""
    controller, other = make_controller(), side("anna", painted("lesion 1"))
    controller.painter.others = [other.layer]
    other.layer.shown = False
    return controller, other


def test_layers_of_others_are_outlines_in_their_colour_and_can_be_hidden(beside: tuple[Controller, Side]) -> None:
    controller, other = beside
    assert not inks(controller.painter.again())
    orders = reveal(controller, other, True)
    (ink,) = inks(orders)
    rgba = ink.rgba
    assert rgba is not None and {tuple(each) for each in rgba[rgba[..., 3] == 255][:, :3]} == {other.colour}
    area = (rgba[..., 3] > 0).sum()
    filled = Controller(other.easel)
    filled.receive({"kind": "ready"})
    filled.receive(views())
    (own,) = inks(filled.painter.again())
    assert own.rgba is not None and area < (own.rgba[..., 3] > 0).sum()  # an outline has no fill
    echoes = [each.message for each in orders if isinstance(each, Send) and each.message["kind"] == "echo"]
    assert [(each["uid"].split(":")[0], each["bare"], each["visible"]) for each in echoes] == [("anna", True, True)]
    hidden = reveal(controller, other, False)
    assert not inks(hidden) and not any(each.marks for each in hidden if isinstance(each, Lines))


def test_others_stay_when_the_own_work_is_drawn_over_them(beside: tuple[Controller, Side]) -> None:
    controller, other = beside
    reveal(controller, other, True)
    alone = inks(controller.painter.again())[0]
    tool(controller, "smartpaint")
    orders = controller.receive(STROKE)
    assert inks(orders)
    whole = inks(controller.painter.again())[0]
    assert whole.rgba is not None and alone.rgba is not None
    assert (whole.rgba[..., 3] > 0).sum() > (alone.rgba[..., 3] > 0).sum()
    assert list(controller.easel.table.objects) != list(other.easel.table.objects)


def test_taking_over_is_one_entry_that_is_kept_and_undone(beside: tuple[Controller, Side]) -> None:
    controller, other = beside
    (uid,) = other.easel.table.objects
    controller.do(adoption(other.easel.table, uid, other.source))
    assert controller.heard.kept[-1].source == "annotate.1/1"  # type: ignore[attr-defined]
    assert np.array_equal(controller.easel.table.field(uid), other.easel.table.field(uid))
    controller.receive({"kind": "command", "name": "undo"})
    assert not controller.easel.table.objects


def test_what_differs_most_comes_first_and_says_where() -> None:
    far = {**STROKE, "frame": 2}
    a, b = painted("lesion 1"), painted("lesion 1", STROKE, far)
    b.table.history.fields[next(iter(b.table.objects))][:, 30:, :] = 0
    only = painted("lesion 9")
    sides = [side("anna", a), side("ben", b, 1), side("cora", only, 2)]
    found = lesions(sides, lambda uid: a.table.volume)
    assert [each.label for each in found] == ["lesion 9", "lesion 1"]
    alone = next(each for each in found if each.label == "lesion 9")
    assert [each is None for each in alone.found] == [True, True, False] and not alone.row
    both = next(each for each in found if each.label == "lesion 1")
    assert 0 < both.row["dice"] <= 1 and not both.agreed
    voxel = np.round(a.table.grid.image_from_reference(np.asarray(alone.focus_lps))).astype(int)
    assert only.table.annotations()[0].mask_on(only.table.volume).values[tuple(voxel)]


def test_the_panel_takes_marks_and_closes() -> None:
    anna, ben = side("anna", painted("lesion 1")), side("ben", make_easel(), 1)
    taken: list[Any] = []
    panel = ReadingsPanel(
        "Readings", [anna, ben], [anna, ben], lambda *_: None, taken.append, lambda *a: taken.append(a)
    )
    panel.show(lesions([anna, ben], lambda uid: anna.easel.table.volume), {})
    (button, uid) = panel._takes[0]
    assert button.description == "Take anna's" and len(panel._takes) == 1
    button.click()
    assert taken == [(anna, [uid])]
    panel.mark(frozenset({uid}))
    assert button.disabled
    panel.mark(frozenset())
    assert not button.disabled
    panel.close()
    assert button.disabled


def test_lesions_of_one_label_name_their_series() -> None:
    anna, ben = side("anna", painted("lesion 1")), side("ben", make_easel(), 1)
    (one,) = lesions([anna, ben], lambda uid: anna.easel.table.volume)
    found = [one, replace(one, series_uid="1.2"), replace(one, label="lesion 2")]
    panel = ReadingsPanel("Readings", [anna, ben], [], lambda *_: None, lambda _: None)
    panel.show(found, {one.series_uid: "Arterial phase (current study)", "1.2": "Arterial phase (prior study)"})
    said = [line.children[0].children[0].value for line in panel.body.children]
    assert ["current" in said[0], "prior" in said[1], "study" in said[2]] == [True, True, False]


def test_readers_have_names_or_letters() -> None:
    pipeline = expanded([TaskDefinition("read", "Read", "annotate", (), ("annotator",), readers=2, most=3)])
    readings: Any = [SimpleNamespace(reader="ben", task="read.1"), SimpleNamespace(reader="anna", task="read.3")]
    assert names(readings, pipeline, blind=False) == ["ben", "anna"]
    assert names(readings, pipeline, blind=True) == ["Reader A", "Reader C"]


# -- the form ----------------------------------------------------------------------
LESION = {"label": "lesion 1", "segment": "IVa", "size_mm": 20.0, "classification": "cyst", "confidence": 4}
ANNA = Opinion("anna", {"image_quality": "good", "lesions": [LESION]})
BEN = Opinion(
    "ben", {"image_quality": "good", "lesions": [{**LESION, "segment": "V"}, {**LESION, "label": "lesion 2"}]}
)


def test_equal_opinions_stand_together() -> None:
    assert together([ANNA.of("image_quality"), BEN.of("image_quality")]) == [("anna, ben", "good")]
    assert together([Opinion("anna", 1), Opinion("ben", None), Opinion("cora", 2)]) == [("anna", 1), ("cora", 2)]
    assert "segment" not in agreed([Opinion("anna", LESION), Opinion("ben", {**LESION, "segment": "V"})])


def test_what_may_be_pressed_next_stays_when_something_is_answered() -> None:
    form = FormPanel(SCHEMA, questions(SCHEMA), {}, lambda _: None, [ANNA, BEN])
    items: Any = form.group.parts["lesions"]
    items.heard.children[0].click()
    (group,), (frame,) = items.groups, items.body.children
    before = {name: part.heard.children for name, part in group.parts.items()}
    before["segment"][1].click()
    assert {name: part.heard.children for name, part in group.parts.items()} == before
    (offered,) = items.heard.children
    items.add.click()
    assert items.body.children[0] is frame and len(items.body.children) == 2
    assert "2" in items.body.children[1].children[0].children[0].value and items.heard.children == (offered,)
    frame.children[0].children[1].click()
    (left,) = items.body.children
    assert left is not frame and "1" in left.children[0].children[0].value


def test_answers_of_others_are_taken_by_a_click() -> None:
    saved: list[dict[str, Any]] = []
    form = FormPanel(SCHEMA, questions(SCHEMA), {}, saved.append, [ANNA, BEN])
    quality, items = form.group.parts["image_quality"], form.group.parts["lesions"]
    (button,) = quality.heard.children  # type: ignore[attr-defined]
    assert button.description == "anna, ben: Good"
    button.click()
    assert saved[-1]["image_quality"] == "good"
    offered = [each.description for each in items.heard.children]  # type: ignore[attr-defined]
    assert offered == ["lesion 1 (anna, ben)", "lesion 2 (ben)"]
    items.heard.children[0].click()  # type: ignore[attr-defined]
    (group,) = items.groups  # type: ignore[attr-defined]
    assert group.answer == {key: value for key, value in LESION.items() if key != "segment"}
    anna, ben = group.parts["segment"].heard.children
    assert (anna.description, ben.description) == ("anna: IVa", "ben: V")
    ben.click()
    assert saved[-1]["lesions"][0]["segment"] == "V" and not form.problem
    assert [each.description for each in items.heard.children] == ["lesion 2 (ben)"]  # type: ignore[attr-defined]
    form.close()
    anna.click()
    assert saved[-1]["lesions"][0]["segment"] == "V"


def measured(label: str, end: list[float]) -> Easel:
    """An easel on which somebody measured one distance."""
    controller = make_controller()
    tool(controller, "distance")
    controller.receive(hands(1, ("press", [5, 5, 15]), ("drag", end), ("release", end)))
    controller.easel.do(Alter(next(iter(controller.easel.table.objects)), label=label))
    return controller.easel


def test_rulers_are_drawn_and_listed_side_by_side() -> None:
    anna, ben = side("anna", measured("depth", [25, 5, 15])), side("ben", measured("depth", [30, 5, 15]), 1)
    texts = []
    for one in (anna, ben):
        controller = Controller(one.easel, why_not="signed")
        controller.receive({"kind": "ready"})
        lines = [each for each in controller.receive(views()) if isinstance(each, Lines) and each.pane == "axial"]
        texts += [mark.text for each in lines for mark in each.marks if mark.text]
    assert texts == ["20.0 mm", "25.0 mm"]
    looked: list[Any] = []
    panel = ReadingsPanel("Readings", [anna, ben], [], lambda *_: None, looked.append)
    panel.show([], {})
    (line,) = panel.body.children
    text, goto = line.children[0].children
    assert "<b>depth</b>" in text.value and "anna 20.0 mm · ben 25.0 mm" in text.value
    goto.click()
    assert looked[0].focus_lps == pytest.approx((15, 5, 15)) and not looked[0].agreed
    (there,) = look_at(anna.layer, next(iter(anna.easel.table.objects)))
    assert isinstance(there, Send) and there.message["focus"] == (15, 5, 15)
    only = ReadingsPanel("Readings", [anna, side("cora", make_easel(), 2)], [], lambda *_: None, looked.append)
    only.show([], {})
    assert "not in cora" in only.body.children[0].children[0].children[0].value
