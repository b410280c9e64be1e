"""A use case whose form, gate or hanging protocol can never work is refused with the place, not published."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from eci_annotate.dicom.images.headers import HANGING_TAGS
from eci_annotate.errors import BadUseCase
from eci_annotate.tools.registry import TOOLS
from eci_annotate.workflow.protocol_check import FACT_VALUES
from eci_annotate.workflow.series.series_facts import facts_of
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_case

Change = Callable[[Any], Any]
CASE = "breast-mri"


def said_of(part: str, change: Change) -> str:
    definition = copy.deepcopy(json.loads(shipped_use_case(CASE).blob))
    change(definition[part])
    with pytest.raises(BadUseCase) as refused:
        UseCase.from_definition(definition)
    return refused.value.what


def asked(form: Any) -> Any:
    return form["properties"]


def row(form: Any) -> Any:
    return form["properties"]["lesions"]["items"]


def condition(name: str, test: Any, then: list[str], required: list[str] | None = None) -> Change:
    rule = {"if": {"properties": {name: test}, "required": [name] if required is None else required}}
    return lambda form: form["allOf"].append({**rule, **({"then": {"required": then}} if then else {})})


def added(**question: Any) -> Change:
    return lambda form: asked(form).update(added={"title": "Added", **question})


def coded(**code: Any) -> Change:
    return lambda form: asked(form)["density"]["oneOf"][0].update({"x-code": code})


def contradicts(**stated: Any) -> Change:
    rule = {"answer": ["a"], "of": "bpe", "is": ["mild"], "because": "of that", **stated}
    return lambda form: asked(form)["density"].update({"x-contradicts": [rule]})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (added(type="number", minimum=5, maximum=1), "'Added' takes at least 5 and at most 1"),
        (added(type="string", minLength=5, maxLength=1), "'Added' takes at least 5"),
        (lambda form: asked(form)["lesions"].update(minItems=30), "'Lesion' takes at least 30"),
        (added(), "'Added' has no type"),
        (added(type="array"), "'Added' is a list without questions"),
        (added(type="string", maximum=3), "'Added' says 'maximum'"),
        (added(type="number", maxLength=3), "'Added' says 'maxLength'"),
        (added(type="number", **{"x-link": "annotation"}), "'Added' says 'x-link'"),
        (added(type="string", **{"x-unit": "mm"}), "'Added' says 'x-unit'"),
        (added(enum=["a", "a"]), "'Added' has the choice 'a' twice"),
        (added(enum=[1, "1"]), "'Added' has the choice '1' twice"),
        (added(enum=[True, 1]), "'Added' has the choice 1 twice"),
        (added(enum=[None, "a"]), "'Added' has the choice None"),
        (added(enum=[" ", "a"]), "'Added' has the choice ' '"),
        (added(enum=[{"a": 1}]), "'Added' has the choice {'a': 1}"),
        (added(type="number", enum=["a"]), "'Added' has the choice 'a', which is none of its type"),
        (added(enum=["a"], oneOf=[{"const": "a"}]), "'Added' has both"),
        (added(oneOf=[{"const": "a", "title": "A"}, {"const": "b", "title": "A"}]), "two choices titled 'A'"),
        (lambda form: asked(form)["comment"].update(title="Image quality"), "titled 'Image quality'"),
        (lambda form: asked(form)["comment"].update(title=" "), "report, properties/comment"),
        (lambda form: asked(form).update({"a.b": {"type": "string"}}), "'a.b' is no name"),
        (lambda form: form["required"].append("nothing"), "requires 'nothing'"),
        (lambda form: row(form)["required"].append("nothing"), "requires 'nothing'"),
        (condition("nothing", {"const": "a"}, ["comment"]), "A condition is about 'nothing'"),
        (condition("density", {"const": "x"}, ["comment"]), "about the choice 'x' of 'Fibroglandular tissue'"),
        (condition("density", {"const": "a"}, ["comment"], []), "does not require its answer"),
        (condition("density", {"const": "a"}, ["nothing"]), "asks for 'nothing'"),
        (condition("density", {"const": "a"}, []), "Nothing depends on the condition"),
        (condition("comment", {"const": "a"}, ["density"]), "decides on 'density', which is asked before it"),
        (condition("density", {"const": "a"}, ["density"]), "decides on 'density'"),
        (condition("lesions", {"const": []}, ["comment"]), "'Lesion', which has questions of its own"),
        (coded(scheme="sct", value="1", meaning="A"), "the scheme 'sct'"),
        (coded(scheme="SCT", value="373066001", meaning=" "), "report, properties/density"),
        (coded(scheme="SCT", value="373066001"), "report, properties/density"),
        (contradicts(of="density", **{"is": ["b"]}), "contradicts itself"),
        (contradicts(**{"is": {"at_least": 1}}), "a range of 'Background enhancement'"),
        (contradicts(within="lesions", of="size_mm", **{"is": {"at_least": 5, "at_most": 1}}), "'Longest diameter'"),
        (contradicts(within="lesions", of="size_mm", **{"is": ["large"]}), "'Longest diameter' has no choice 'large'"),
        (lambda form: row(form)["properties"]["size_mm"]["x-measure"].update(when={"side": ["up"]}), "'Side' is 'up'"),
        (lambda form: row(form)["required"].remove("label"), "no text that each item has to have"),
        (lambda form: row(form)["allOf"][0]["then"]["required"].append("label"), "no text that each item has to have"),
    ],
)
def test_a_form_that_nobody_can_answer_is_refused(change: Change, says: str) -> None:
    assert says in said_of("report", change)


def task(name: str, **change: Any) -> Change:
    return lambda case: next(each for each in case["tasks"] if each["name"] == name).update(change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (task("annotate", tools=["box", "laser"]), "usecase, tasks/1/tools/1: 'laser' is not one of"),
        (task("annotate", roles=[]), "usecase, tasks/1/roles"),
        (task("annotate", title=" "), "usecase, tasks/1/title"),
        (task("annotate", title="a\nb"), "usecase, tasks/1/title"),
        (task("annotate", wait_days=3), "'annotate' waits, but repeats no task"),
        (task("annotate", gate={"lesions": "lesions", "label": "size_mm"}), "no text that each item has to have"),
        (task("review", tools=["box"]), "'review' draws nothing, but has tools"),
        (task("ingest", form="report"), "'ingest' draws nothing"),
        (task("copy", copies={"source": ["subtraction"], "target": ["subtraction"]}), "copies a slot onto itself"),
    ],
)
def test_a_task_that_nobody_can_do_is_refused(change: Change, says: str) -> None:
    assert says in said_of("usecase", change)


def ruled(kind: str = "require", **rule: Any) -> Change:
    return lambda hanging: hanging["slots"][2].setdefault(kind, []).append({"why": "of that", **rule})


def slot(**change: Any) -> Change:
    return lambda hanging: hanging["slots"][0].update(change)


def pane(**cell: Any) -> Change:
    return lambda hanging: hanging["stages"][0]["grid"].append([{"slot": "t2", "plane": "oblique", **cell}])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (ruled(field="SeriesDescription", matches="("), "no regular expression"),
        (ruled(field="phaze", **{"is": "portal"}), "'phaze' is not one of"),
        (ruled(field="SeriesDescriptio", matches="a"), "'SeriesDescriptio' is not one of"),
        (ruled(field="slices"), "hanging, slots/2/require"),
        (ruled(field="content", **{"is": "T3"}), "asks for the content 'T3'"),
        (ruled(field="phase", **{"is": ["portal", "venous"]}), "asks for the phase 'venous'"),
        (ruled(any=[{"field": "plane", "is": "transversal"}, {"field": "slices", "at_least": 3}]), "'transversal'"),
        (ruled(field="slices", at_least=9, at_most=3), "at least more than at most"),
        (ruled("exclude", field="slices", rank="lowest"), "has a rank or a score"),
        (lambda hanging: hanging["slots"].append(hanging["slots"][0]), "Two slots are named 'subtraction'"),
        (slot(title="T2"), "Two slots have the title 'T2'"),
        (lambda hanging: hanging["stages"].append(hanging["stages"][0]), "Two stages are named"),
        (slot(computed={"from": "subtraction", "minus": "native"}), "computed from itself"),
        (slot(computed={"from": "native", "minus": "native"}), "one slot twice"),
        (slot(window=[40, 0]), "has no width"),
        (slot(choose=[{"like": {"Foo": "x"}, "why": "y"}]), "hanging, slots/0/choose"),
        (pane(normal=[0, 0, 0]), "a pane without a direction"),
        (pane(normal=[0, 0, 1], right=[0, 0, 2]), "a pane without a direction"),
        (pane(like="nothing"), "names the slot 'nothing'"),
        (pane(like="t2", plane="axial"), "turns a pane that is not oblique"),
    ],
)
def test_a_rule_that_no_series_can_meet_is_refused(change: Change, says: str) -> None:
    assert says in said_of("hanging", change)


def test_the_schemas_list_the_tools_and_fields_that_there_are() -> None:
    schema = forms_folder() / "schema"
    task_schema = json.loads((schema / "usecase.schema.json").read_text())["$defs"]["task"]
    assert set(task_schema["properties"]["tools"]["items"]["enum"]) == set(TOOLS)
    fields = json.loads((schema / "hanging.schema.json").read_text())["$defs"]["field"]["enum"]
    assert set(HANGING_TAGS) < set(fields) and set(FACT_VALUES) < set(fields) and len(fields) == len(set(fields))
    header = {"Modality": "MG", "SeriesDescription": "L CC spot", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    assert set(facts_of(header.get)) < set(fields)
