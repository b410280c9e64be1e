"""The picture of a pipeline: what stands where, what leads where, and nothing of a title is taken for markup."""

from __future__ import annotations

from xml.etree import ElementTree

from eci_annotate.workflow.usecase.pipeline import TaskDefinition, expanded
from eci_annotate.workflow.usecase.pipeline_svg import to_svg

SVG = "{http://www.w3.org/2000/svg}"
PIPELINE = expanded([
    TaskDefinition("ingest", "Images", "ingest", (), ("owner",)),
    TaskDefinition("read", "Read <b>twice</b> & see", "annotate", ("ingest",), ("annotator",), readers=2, blind=True),
    TaskDefinition("measure", "Measure", "annotate", ("ingest",), ("annotator",)),
    TaskDefinition("decide", "Decide", "adjudicate", ("read", "measure"), ("adjudicator",), of="read"),
    TaskDefinition("check", "Check", "review", ("decide",), ("reviewer",), of="decide"),
])  # fmt: skip


def drawn() -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(PIPELINE))


def test_each_task_stands_right_of_what_it_waits_for() -> None:
    at = {text.text: float(text.attrib["x"]) for text in drawn().iter(f"{SVG}text")}
    first, twice, measure, decide, check = (
        at[each] for each in ("Images", "Read <b>twice</b> & see", "Measure", "Decide", "Check")
    )
    assert first < twice == measure < decide < check
    width = float(drawn().attrib["width"])
    assert all(float(box.attrib["x"]) + float(box.attrib["width"]) < width for box in drawn().iter(f"{SVG}rect"))


def test_several_readers_are_a_stack_and_all_rules_are_said() -> None:
    boxes = list(drawn().iter(f"{SVG}rect"))
    assert len(boxes) == 5 + 2
    assert any("2 of 2 readers, blind" in str(text.text) for text in drawn().iter(f"{SVG}text"))


def test_arrows_lead_onward_and_a_rejection_back() -> None:
    ends = [path.attrib.get("marker-end") for path in drawn().iter(f"{SVG}path")]
    assert ends.count("url(#onward)") == 5 and ends.count("url(#back)") == 1


def test_a_pipeline_of_nothing_is_an_empty_picture() -> None:
    assert ElementTree.fromstring(to_svg(())).tag == f"{SVG}svg"
