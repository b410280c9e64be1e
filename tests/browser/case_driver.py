"""Does the first task of a use case in the browser, as its manual says: draws each lesion, answers, ticks and signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import Locator, Page

from eci_annotate.tools.registry import infos
from eci_annotate.workflow.usecase.form import Question
from tests.browser.lab import Viewer

KEYS = {info.name.value: info.key for info in infos()}
Point = tuple[float, float, float]

# the middle of the pane that shows a series, on the page
MIDDLE = """(series) => {
  const { board } = document.querySelector(".eci-stage").stage;
  const box = board.shown.find((each) => each.series === series).el.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""

# turn the active pane to a patient point; where that is on the page, and the pixels per mm
PLACE = """(point) => {
  const { board } = document.querySelector(".eci-stage").stage;
  board.jumpTo(point);
  const { el, shape, view } = board.active;
  const d = point.map((x, n) => x - shape.origin[n]);
  const along = (to) => to.reduce((sum, x, n) => sum + x * d[n], 0);
  const [u, v] = [along(shape.right) + shape.du / 2, along(shape.down) + shape.dv / 2];
  const box = el.getBoundingClientRect();
  return [box.x + (u - view.left) * view.zoom, box.y + (v - view.top) * view.zoom, view.zoom];
}"""


# from now on, note each place of the stage that differs from the one before
WATCH = """() => {
  const place = () => {
    const { left, top, width, height } = document.querySelector(".eci-stage").getBoundingClientRect();
    return [left, top + scrollY, width, height].join(" ");
  };
  const places = [place()];
  const look = () => {
    if (!document.querySelector(".eci-stage")) return;
    if (place() !== places.at(-1)) places.push(place());
    requestAnimationFrame(look);
  };
  look();
  window.stagePlaces = places;
}"""

CUT = """() => [...document.querySelectorAll(".eci-series button")]
  .filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight)
  .map((each) => each.textContent)"""

# pixels that annotations cover in the layers of all panes; crosshair and letters are drawn elsewhere
INK = """() => {
  const { board } = document.querySelector(".eci-stage").stage;
  let n = 0;
  for (const layer of board.shown.flatMap((pane) => (pane.isDrawn() ? pane.layers : []))) {
    const { data } = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height);
    for (let i = 3; i < data.length; i += 4) n += data[i] > 40;
  }
  return n;
}"""


class CaseDriver:
    """A radiologist at the task app."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer, self.page = viewer, viewer.page

    def draw(self, tool: str, label: str, series: str, centre: Point, radius_mm: float) -> None:
        """Draw one annotation around a point of a series, which a pane shows."""
        page = self.page
        page.keyboard.down("Shift")
        page.mouse.click(*page.evaluate(MIDDLE, series))  # this pane has the focus now
        page.keyboard.up("Shift")
        x, y, zoom = page.evaluate(PLACE, list(centre))
        self.viewer.rest()
        page.keyboard.press(KEYS[tool])
        self.viewer.rest()
        name = page.get_by_placeholder("next label")
        name.fill(label)
        name.press("Tab")
        page.locator(".eci-list").get_by_role("button", name="Add").click()
        self.viewer.rest()
        self._stroke(tool, x, y, radius_mm * zoom)
        assert self.page.evaluate("stagePlaces.length") == 1, "images stay where they are while something is drawn"
        self.viewer.rest()

    def _stroke(self, tool: str, x: float, y: float, radius: float) -> None:
        mouse, far = self.page.mouse, radius * 0.7
        if tool == "freedraw":
            path = [(x + far, y), (x, y + far), (x - far, y), (x, y - far), (x + far, y)]
        elif tool == "box":
            path = [(x, y), (x + radius, y + radius)]  # from the centre outward
        else:
            path = [(x - far / 2, y), (x + far / 2, y), (x, y - far / 2), (x, y + far / 2)]
        mouse.move(*path[0])
        mouse.down()
        for point in path[1:]:
            mouse.move(*point, steps=8)
        mouse.up()

    def answer(self, questions: Sequence[Question], answers: Mapping[str, Any], within: Locator | None = None) -> None:
        """Answer the questions of the form in their order."""
        place = within or self.page.locator(".eci-form")
        for question in questions:
            if question.name in answers:
                self._answer(question, answers[question.name], place)

    def _answer(self, question: Question, value: Any, place: Locator) -> None:
        field = place.locator(f".eci-q-{question.name}").first
        if question.kind == "list":
            for number, item in enumerate(value):
                field.get_by_role("button", name=f"Add: {question.title}").click()
                group = field.locator(".eci-item").nth(number)
                group.wait_for()
                self.answer(question.questions, item, group)
        elif question.kind == "group":
            self.answer(question.questions, value, place)
        elif question.kind in ("choice", "yes-no"):
            shown = dict(question.choices) if question.choices else {True: "Yes", False: "No"}
            field.locator("select").select_option(label=shown[value])
        else:
            text = field.locator("textarea, input").first
            text.fill(f"{value:g}" if isinstance(value, float | int) else str(value))
            text.press("Tab")
        self.page.wait_for_timeout(120)

    def tick_all_series(self) -> None:
        """Follow the box through all series, and tick it on each."""
        panel = self.page.locator(".eci-checks")
        checked = {self.active_series()}
        for _ in range(40):
            panel.get_by_role("button", name="Next series").click()
            self.viewer.rest()
            if "Checked on every series" in panel.inner_text():
                return
            assert self.active_series() not in checked, "the blue frame goes along"
            checked.add(self.active_series())
            panel.get_by_role("button", name="Seen here").click()
            self.viewer.rest()
        raise AssertionError("There are always more series to check.")

    def show_earlier(self, label: str) -> None:
        """Go to a lesion of the earlier task that is shown with this one."""
        self.page.locator(".eci-earlier").get_by_role("button", name=label).click()
        self.viewer.rest()

    def take_all(self) -> None:
        """Take over everything that the first reader drew."""
        self.page.locator(".eci-readings").get_by_role("button", name="Take all").first.click()
        self.viewer.rest()

    def measure_curve(self, label: str) -> None:
        """Show the kinetic curve of the first annotation of that label."""
        self.page.locator(".eci-row").first.locator("button").first.click()
        self.viewer.rest()
        self.page.get_by_role("button", name="Kinetic curve").click()
        self.page.get_by_text(f"{label}: wash-in").wait_for()
        picture = self.page.locator("img.eci-curve")
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 200")

    def active_series(self) -> str:
        """Series of the pane with the blue frame."""
        return str(self.viewer.stage("s.board.series"))

    def ink(self) -> int:
        """Pixels of all panes that annotations cover."""
        return int(self.page.evaluate(INK))

    def sign(self) -> None:
        """Sign, and wait for the confirmation."""
        self.page.get_by_role("button", name="Sign …").click()
        self.page.get_by_role("button", name="Sign for good").click()
        self.page.wait_for_selector(".eci-signed")


def opened(page: Page, address: str) -> CaseDriver:
    """Open a page with one task."""
    page.goto(address)
    viewer = Viewer(page)
    viewer.wait()
    viewer.rest()
    assert page.evaluate(CUT) == [], "names of series that begin alike are told apart"
    page.evaluate(WATCH)
    return CaseDriver(viewer)
