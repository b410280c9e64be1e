"""The row of buttons above the panel on the left."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import pytest

from eci_annotate.viewer.panels.layout import section_links


def section(kind: str, *children: Any) -> w.VBox:
    made = w.VBox(children)
    made.add_class(kind)
    return made


def test_each_section_is_reached_by_its_first_control_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    focused: list[Any] = []
    monkeypatch.setattr(w.DOMWidget, "focus", lambda widget: focused.append(widget))
    first, hidden, field, sign = w.Text(), w.Text(layout={"display": "none"}), w.Text(), w.Button()
    form = section("eci-form", w.HTML("Report"), w.Text(disabled=True), hidden, w.VBox([field]))
    place = w.VBox([form])
    side = [section("eci-list", w.ColorPicker(), first), place, section("eci-sign", sign)]
    (row,) = section_links(side)
    assert [each.description for each in row.children] == ["Annotations", "Report", "Sign"]
    other = w.Dropdown()
    for button in row.children:
        button.click()
    place.children = [section("eci-form", other)]  # the form in another language
    row.children[1].click()
    assert focused == [first, field, sign, other]


def test_a_panel_of_one_section_has_no_links() -> None:
    assert section_links([section("eci-browser", w.Button())]) == []


def test_a_section_that_can_only_be_read_is_reached_too(monkeypatch: pytest.MonkeyPatch) -> None:
    focused: list[Any] = []
    monkeypatch.setattr(w.DOMWidget, "focus", lambda widget: focused.append(widget))
    form, sign = section("eci-form", w.HTML("Report"), w.Text(disabled=True)), section("eci-sign", w.Button())
    (row,) = section_links([form, sign])
    row.children[0].click()
    assert focused == [form] and form.tabbable is False, "focus needs an element that takes it"


def test_the_links_are_in_the_order_of_the_sections() -> None:
    (row,) = section_links([section("eci-sign", w.Button()), w.VBox([section("eci-browser", w.Button())])])
    assert [each.description for each in row.children] == ["Sign", "Images"]
