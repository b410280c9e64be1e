"""Images stay where they are under the pointer, whatever the rows above them say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eci_annotate.tools.registry import infos
from tests.browser.lab import Viewer

STATES = (
    "yours until 18:10 · saving …",
    "yours until 18:10 · saved 17:40:10",
    "<span class='eci-warned'>yours for 10 min more</span> · not saved since 17:40:10",
)
TOP = "document.querySelector('.eci-stage').getBoundingClientRect().top"
SAY = """(text) => {
  const state = document.querySelector(".eci-state .widget-html-content");
  state.innerHTML = text;
  return document.querySelector(".eci-stage").getBoundingClientRect().top;
}"""

TITLE_BOXES = """() => [...document.querySelectorAll(".eci-title button, .eci-title select, .eci-state")]
  .map((each) => each.getBoundingClientRect()).filter((box) => box.width)
  .map((box) => [box.left, box.top, box.right, box.bottom])"""


@pytest.fixture
def resized(viewer: Viewer) -> Iterator[Viewer]:
    yield viewer
    viewer.page.set_viewport_size({"width": 1600, "height": 1000})


def test_what_is_said_above_does_not_move_the_images_at_any_width(resized: Viewer) -> None:
    for width in range(1000, 2001, 40):
        resized.page.set_viewport_size({"width": width, "height": 1000})
        resized.page.wait_for_timeout(150)  # the page turns to its new size
        places = {resized.page.evaluate(SAY, text) for text in STATES}
        assert len(places) == 1, f"{width} px: {places}"


def test_no_tool_moves_the_images(viewer: Viewer) -> None:
    top = viewer.page.evaluate(TOP)
    viewer.page.mouse.move(*viewer.at("axial", 0.5, 0.5))
    for info in infos():
        viewer.page.keyboard.press(info.key.replace("alt", "Alt"))
        viewer.rest()
        assert viewer.page.evaluate(TOP) == top, info.title


def test_title_menus_and_state_do_not_hide_each_other(resized: Viewer) -> None:
    for width in (1000, 1200, 1600):  # JupyterLab's own panel takes 300 px of it
        resized.page.set_viewport_size({"width": width, "height": 800})
        resized.page.wait_for_timeout(150)
        boxes = resized.page.evaluate(TITLE_BOXES)
        assert len(boxes) >= 6
        for n, (left, top, right, bottom) in enumerate(boxes):
            for x, y, to_x, to_y in boxes[n + 1 :]:
                assert left >= to_x - 1 or right <= x + 1 or top >= to_y - 1 or bottom <= y + 1, width
