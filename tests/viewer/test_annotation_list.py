"""The list of annotations: a row for each, what is changed in a row is asked for once, and the line that adds one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as w
import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.imaging.measurements import Unit, unit_of
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.entries import Add, Alter, Delete, Entry, Select, SetOption
from eci_annotate.viewer.panels.annotation_list import AnnotationList, AnnotationRow, from_hex, size_of, to_hex
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.labels import PALETTE
from tests.viewer.viewer_world import PULL, STRANGE, STROKE, make_controller, tool


class Bench:
    """A list over a controller; what was asked for is applied and noted."""

    def __init__(self) -> None:
        self.controller: Controller = make_controller()
        self.easel = self.controller.easel
        self.asked: list[Entry] = []
        self.list = AnnotationList(self.controller, self.do, self.controller.add, {"1.9": "Portal-venous CT"})

    def do(self, entry: Entry) -> None:
        self.asked.append(entry)
        self.controller.do(entry)
        self.list.refresh()

    def add(self, label: str = "", colour: str = "") -> str:
        """Add one as a person does; its uid."""
        if label:
            self.list.label.value = label
        if colour:
            self.list.colour.value = colour
        self.list.new.click()
        self.list.refresh()
        return list(self.easel.table.objects)[-1]

    def row(self, uid: str) -> AnnotationRow:
        return self.list.rows[uid]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_label_and_colour_are_chosen_before_adding(bench: Bench) -> None:
    uid = bench.add("segment IV", "#0a141e")
    thing = bench.easel.table.objects[uid]
    assert (thing.label, thing.colour) == ("segment IV", (10, 20, 30))
    assert (bench.row(uid).label.value, bench.row(uid).colour.value) == ("segment IV", "#0a141e")
    assert bench.list.label.value == "" and bench.list.colour.value == to_hex(PALETTE[0])


def test_enter_in_the_label_adds(bench: Bench) -> None:
    bench.list.label.value = "cyst"
    bench.list.label._handle_msg(
        {"content": {"data": {"method": "custom", "content": {"event": "submit"}}}, "buffers": []}
    )
    assert [thing.label for thing in bench.easel.table.objects.values()] == ["cyst"]


def test_a_row_appears_with_its_label(bench: Bench) -> None:
    seen: list[str] = []
    bench.list.body.observe(lambda change: seen.extend(r.children[2].value for r in change["new"]), "children")
    bench.add("segment IV")
    assert seen == ["segment IV"]


def test_without_a_label_they_are_numbered_in_different_colours(bench: Bench) -> None:
    uids = [bench.add() for _ in range(3)]
    things = [bench.easel.table.objects[uid] for uid in uids]
    assert [each.label for each in things] == ["lesion 1", "lesion 2", "lesion 3"]
    assert len({each.colour for each in things}) == 3


@pytest.mark.parametrize("typed", [" la\u0308sion  1 ", "l\u00e4sion\u00a01\u200b", "\u202elä\u00adsion 1\u202c"])
def test_labels_that_look_equal_are_equal(bench: Bench, typed: str) -> None:
    uid = bench.add(typed)
    assert bench.easel.table.objects[uid].label == "läsion 1"
    bench.row(uid).label.value = "x" + typed.strip()
    assert bench.asked == [Alter(uid, label="xläsion 1")] and bench.row(uid).label.value == "xläsion 1"


def test_the_keyboard_stays_in_the_list_when_its_button_deletes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    focused: list[Any] = []
    first, second, third = (bench.add(label) for label in ("cyst", "node", "scar"))
    monkeypatch.setattr(w.DOMWidget, "focus", lambda widget: focused.append(widget))
    bench.do(Delete(first))  # by its key: the images have the focus
    bench.row(second).delete.click()
    assert focused == [bench.row(third).choose]
    bench.row(third).delete.click()
    assert focused[1:] == [bench.list.new]


def test_each_control_of_a_row_names_its_annotation(bench: Bench) -> None:
    row = bench.row(bench.add("cyst"))
    assert all("cyst" in each.tooltip for each in (row.choose, row.label, row.shown, row.delete))


def test_equal_labels_are_allowed(bench: Bench) -> None:
    first, second = bench.add("cyst"), bench.add("cyst")
    assert first != second and len(bench.list.body.children) == 2


def test_the_next_label_is_that_of_what_a_stroke_begins(bench: Bench) -> None:
    tool(bench.controller, "smartpaint")
    bench.list.label.value = "metastasis 1"
    bench.controller.receive(STROKE)
    bench.list.refresh()
    assert [each.label for each in bench.easel.table.objects.values()] == ["metastasis 1"]
    assert bench.list.label.value == ""


def test_a_row_changes_its_annotation_and_refreshing_asks_for_nothing(bench: Bench) -> None:
    uid = bench.add()
    row = bench.row(uid)
    row.label.value = "renamed"
    row.colour.value = "#010203"
    row.shown.value = False
    assert bench.asked == [
        Alter(uid, label="renamed"), Alter(uid, colour=(1, 2, 3)), Alter(uid, visible=False),
    ]  # fmt: skip
    assert uid in bench.easel.table.hidden and row.shown.icon == "eye-slash"
    bench.list.refresh()
    assert len(bench.asked) == 3


def test_one_is_chosen_and_marked(bench: Bench) -> None:
    first, second = bench.add(), bench.add()
    assert (bench.row(first).choose.button_style, bench.row(second).choose.button_style) == ("", "primary")
    bench.row(first).choose.click()
    assert bench.asked == [Select(first)] and bench.easel.table.active == first
    assert (bench.row(first).choose.button_style, bench.row(second).choose.button_style) == ("primary", "")


def test_deleted_rows_go_and_undo_brings_them_back(bench: Bench) -> None:
    first, second = bench.add("one"), bench.add("two")
    bench.row(first).delete.click()
    assert bench.asked == [Delete(first)] and list(bench.list.rows) == [second]
    bench.controller.receive({"kind": "command", "name": "undo"})
    bench.list.refresh()
    assert {row.label.value for row in bench.list.rows.values()} == {"one", "two"}


def test_the_volume_is_that_of_the_voxels(bench: Bench) -> None:
    uid = bench.add()
    assert bench.row(uid).volume.value == "empty"
    tool(bench.controller, "smartpaint")
    bench.controller.receive(STROKE)
    bench.list.refresh()
    painted = bench.easel.table.active or ""
    field = np.zeros_like(bench.easel.table.field(painted))
    field[:2, :5, :5] = 65535
    bench.easel.table.history.place_field(painted, field)
    bench.list.refresh()
    assert bench.row(painted).volume.value == "0.15 ml"  # 50 voxels of 3 mm3


def test_the_volume_follows_an_undo_of_an_annotation_that_is_not_selected(bench: Bench) -> None:
    tool(bench.controller, "smartpaint")
    bench.controller.do(SetOption("flow", 1.0))
    bench.controller.add()
    bench.controller.receive(STROKE)
    painted = bench.easel.table.active or ""
    bench.controller.do(Select(None))
    bench.list.refresh()
    assert bench.row(painted).volume.value.endswith("ml")
    bench.controller.receive({"kind": "command", "name": "undo"})
    bench.list.refresh()
    assert bench.row(painted).volume.value == "empty" and bench.list.drawn == []


def test_a_flat_box_is_not_empty(bench: Bench) -> None:
    bench.controller.do(SetOption("dimension", 2))
    bench.controller.receive(PULL)
    bench.list.refresh()
    (row,) = bench.list.rows.values()
    assert row.volume.value == "26 × 20 mm"
    (drawn,) = bench.list.drawn
    assert drawn.items() >= {"label": "lesion 1", "kind": "box", "series": "1.9"}.items() and drawn["shape"]


def test_annotations_of_another_series_say_so(bench: Bench) -> None:
    here = bench.add()
    bench.easel.do(Add("there", "box", "there", (1, 2, 3), "1.9"))
    bench.easel.table.history.place(replace(bench.easel.table.objects["there"], series_uid="2.8"))
    bench.list.refresh()
    assert "another series" in bench.row("there").choose.tooltip
    assert "another series" not in bench.row(here).choose.tooltip


def test_a_box_in_a_picture_that_was_not_drawn_on_yet_has_no_volume(bench: Bench) -> None:
    bench.easel.table.sheet_of(STRANGE).volume.attrs["kind"] = "projection"
    box = eci.Box((0, 0, 0), (12, 8, 8), label="lesion 1", series_uid=STRANGE, uid="there")
    bench.easel.table.history.place(box)
    bench.list.refresh()
    assert bench.row("there").volume.value.startswith("12 × 8 "), "as after a reload"


def test_closed_it_only_shows_and_hides(bench: Bench) -> None:
    row = bench.row(bench.add())
    bench.list.close()
    assert all(part.disabled for part in (row.label, row.colour, row.delete, bench.list.new, bench.list.label))
    assert not row.shown.disabled and not row.choose.disabled


@pytest.mark.parametrize("text", ["#000000", "#ff8001", "#ffffff"])
def test_colours_there_and_back(text: str) -> None:
    assert to_hex(from_hex(text)) == text


def test_sizes_in_pictures_are_those_at_the_detector_or_pixels() -> None:
    box = eci.Box((0, 0, 0), (12, 8, 0))
    assert size_of(box, 0, Unit.DETECTOR) == "12 × 8 mm at the detector"
    assert size_of(box, 0, Unit.PIXEL) == "12 × 8 px"
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 4, 5), "1")
    mask = eci.Mask(np.ones((1, 4, 5), bool), grid)
    slice_alone = volume_from_array(mask.voxels, grid, attrs={"kind": "slice"})
    assert size_of(mask, 250, unit_of(slice_alone)) == "2.50 cm² in the plane"
    assert size_of(mask, 20, Unit.PIXEL) == "20 px²" and size_of(mask, 250, Unit.DETECTOR) == "2.50 cm² at the detector"


def test_a_new_annotation_has_a_colour_that_no_other_has() -> None:
    bench = Bench()
    first, *_ = [bench.add() for _ in range(3)]
    bench.list.rows[first].delete.click()
    bench.add()
    colours = [thing.colour for thing in bench.easel.table.objects.values()]
    assert len(set(colours)) == 3 and PALETTE[0] in colours
