"""What a reader does with the panes: tools in one row, flipped and rotated pictures, stacks, series dragged in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.annotations import Box, Mask
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.tools import replay
from tests.browser.lab import OPEN, PROJECT, SUBJECT, Lab, Viewer, run_all

ROW_PX = 36


@pytest.fixture
def small(viewer: Viewer) -> Iterator[Viewer]:
    """The task open in JupyterLab on a screen of 1280 x 720."""
    viewer.page.set_viewport_size({"width": 1280, "height": 720})
    viewer.page.evaluate("document.querySelector('.eci-app').scrollIntoView()")
    viewer.rest()
    yield viewer
    viewer.page.set_viewport_size({"width": 1600, "height": 1000})


def kept(folder: Path) -> list[Any]:
    """What the draft holds."""
    task = open_repository(folder).start(SUBJECT, "annotate", project=PROJECT, take_over=True)
    draft = task.draft()
    return replay(task.volume, draft.snapshot, draft.lines).table.annotations()


def activate(viewer: Viewer, pane: str, *keys: str) -> None:
    """Give a pane the keyboard focus, and press keys."""
    viewer.page.mouse.click(*viewer.at(pane, 0.9, 0.7), button="middle")
    for key in keys:
        viewer.page.keyboard.press(key)
    viewer.rest()


def controls(viewer: Viewer) -> dict[str, Any]:
    """Height of the tool bar, names of the tools in its row, and how many controls only the menu has."""
    found: dict[str, Any] = viewer.page.evaluate("""() => {
        const bar = document.querySelector(".eci-toolbar");
        const tools = [...bar.querySelectorAll(".eci-tool")].filter(each => !each.inert && each.offsetWidth > 30);
        const within = each => each.getBoundingClientRect().bottom <= bar.getBoundingClientRect().bottom + 1;
        return { height: bar.offsetHeight, tools: tools.filter(within).length,
                 inMenu: [...bar.querySelector(".eci-tools").children].filter(each => each.inert).length };
    }""")
    return found


def test_the_tools_are_one_row_and_the_rest_is_in_a_menu(small: Viewer, tmp_path: Path) -> None:
    activate(small, "axial", "s")
    small.answered()
    small.rest()
    closed = controls(small)
    assert closed["height"] <= ROW_PX and closed["tools"] >= 5 and closed["inMenu"] > 3
    window = small.page.locator(".eci-tools select").nth(1)
    more = small.page.locator(".eci-more")
    more.click()
    assert controls(small)["inMenu"] == 0 and more.get_attribute("aria-expanded") == "true"
    small.page.screenshot(path=tmp_path / "more.png")
    window.select_option("lung")
    small.rest()
    assert small.stage("s.board.window") == [-1350, 150]
    more.press("Escape")
    assert controls(small)["inMenu"] == closed["inMenu"]
    small.page.set_viewport_size({"width": 2400, "height": 1000})
    activate(small, "axial", "b")
    small.page.wait_for_function("() => document.querySelectorAll('.eci-tools > [inert]').length === 0")
    wide = controls(small)
    assert wide["inMenu"] == 0 and not more.is_visible() and wide["height"] <= ROW_PX


def press_at(viewer: Viewer, path: list[list[float]]) -> None:
    """Draw along patient points of the axial pane (mm, LPS), wherever these are shown."""
    pixels = viewer.page.evaluate(
        """(path) => {
        const { board } = document.querySelector(".eci-stage").stage, pane = board.paneNamed("axial");
        const { left, top } = pane.el.getBoundingClientRect(), { shape, view } = pane;
        return path.map(point => {
            const d = point.map((x, n) => x - shape.origin[n]);
            const on = (a) => d.reduce((s, x, n) => s + (n < 2 ? x * a[n] : 0), 0);
            return [left + (on(shape.right) + shape.du / 2 - view.left) * view.zoom,
                    top + (on(shape.down) + shape.dv / 2 - view.top) * view.zoom];
        });
    }""",
        path,
    )
    mouse = viewer.page.mouse
    mouse.move(*pixels[0])
    mouse.down()
    for each in pixels[1:]:
        mouse.move(*each, steps=8)
    mouse.up()
    viewer.rest()


LETTERS = "(({left, top, right, bottom}) => left + top + right + bottom)(s.board.paneNamed('axial').shape.letters)"


def test_a_box_is_the_same_however_its_pane_is_flipped_and_rotated(viewer: Viewer, repository: Path) -> None:
    here = viewer.stage("s.board.focus")
    corners = [[here[0] - 30, here[1] - 20, here[2]], [here[0] + 25, here[1] + 35, here[2]]]
    activate(viewer, "axial", "b")
    press_at(viewer, corners)
    assert viewer.stage(LETTERS) == "RALP"
    activate(viewer, "axial", "w", "y", "n")  # clockwise, so that R is at the top; then left and right swapped
    assert viewer.stage(LETTERS) == "ARPL"
    press_at(viewer, corners)
    activate(viewer, "axial", "s", "n")
    press_at(viewer, [[here[0] - 20, here[1], here[2]], [here[0] + 20, here[1], here[2]]])
    viewer.page.screenshot(path=repository / "turned.png")
    viewer.page.locator(".eci-layouts select").nth(2).select_option(label="Flip top-bottom (U)")
    viewer.rest()
    assert viewer.stage(LETTERS) == "ALPR"
    activate(viewer, "axial", "r")
    assert viewer.stage(LETTERS) == "RALP"
    viewer.heard()
    one, other, mask = kept(repository)
    assert isinstance(one, Box) and isinstance(other, Box) and isinstance(mask, Mask)
    size = viewer.stage("1 / s.board.paneNamed('axial').view.zoom")
    assert other.corners_lps == pytest.approx(one.corners_lps, abs=1.5 * size)
    places = mask.grid.reference_from_image([list(at) for at in zip(*mask.voxels.nonzero(), strict=True)])
    assert places.mean(0) == pytest.approx(here, abs=4), "paint lies where the pointer was"


def picture(viewer: Viewer) -> list[list[int]]:
    """Grey values of a middle square of the axial pane, 24 x 24, and where it is on the screen."""
    grey: list[list[int]] = viewer.page.evaluate("""() => {
        const { board } = document.querySelector(".eci-stage").stage, pane = board.paneNamed("axial");
        const { width, height } = pane.screen, data = pane.context.getImageData(0, 0, width, height).data;
        const at = (x, y) => data[4 * (Math.round(y) * width + Math.round(x))];
        const grid = [...Array(24).keys()].map(n => (n - 11.5) * 8);
        return grid.map(y => grid.map(x => at(width / 2 + x, height / 2 + y)));
    }""")
    return grey


def test_pixels_turn_with_the_pane(viewer: Viewer) -> None:
    activate(viewer, "axial", "+")  # a fitted picture changes its scale when it is rotated
    viewer.page.mouse.move(5, 5)
    viewer.stage("(s.board.crosses.clear(), s.board.refresh())")
    viewer.rest()
    before = np.array(picture(viewer))
    ways = (
        ("y", np.fliplr(before)),
        ("yu", np.flipud(before)),
        ("uw", np.rot90(before, -1)),
        ("wyy", np.rot90(before, 2)),
    )
    for keys, seen in ways:
        viewer.stage("s.el.focus()")
        for key in keys:
            viewer.page.keyboard.press(key)
        viewer.rest()
        viewer.stage("(s.board.crosses.clear(), s.board.refresh())")
        viewer.page.wait_for_timeout(100)
        after = np.array(picture(viewer))
        assert np.abs(after - before).mean() > 5 and np.median(np.abs(after - seen)) <= 3


POINTS = 3


@pytest.fixture(scope="module")
def perfusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose subject has one series of three time points, each brighter, and a plain series."""
    root = tmp_path_factory.mktemp("perfusion")
    write_phantom(root / "dicom" / "plain", "tiny")
    for point in range(1, POINTS + 1):
        for n, path in enumerate(write_phantom(root / "dicom" / str(point), "tiny")):
            dataset = pydicom.dcmread(path)
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uid_from("perfusion"), 2
            dataset.SeriesDescription, dataset.TemporalPositionIdentifier = "Perfusion", point
            dataset.RescaleIntercept = float(dataset.RescaleIntercept) + 100 * point
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid_from(f"point {point}", str(n))
            dataset.save_as(path)
    create_repository(root / "repository", project=PROJECT, member="anna", site="KAU")
    import_folders(open_repository(root / "repository").backend, [root / "dicom"], project=PROJECT, site="KAU")  # type: ignore[arg-type]
    return root / "repository"


@pytest.fixture
def stacks(lab: Lab, page: Page, perfusion: Path, request: pytest.FixtureRequest) -> Viewer:
    """The task open, the plain series in the first of two panes."""
    folder = lab.copy(perfusion, request.node.name)
    run_all(page, lab.put(f"{folder.name}.ipynb", [OPEN.format(folder=folder.name)]))
    viewer = Viewer(page)
    viewer.wait()
    page.locator(".eci-layouts select").first.select_option(label="1 × 2")
    page.wait_for_function("() => document.querySelector('.eci-stage').stage.board.panes.length === 2")
    viewer.wait()
    return viewer


def drag_in(viewer: Viewer, title: str, pane: str) -> None:
    """Drag a series of the list by its text into a pane."""
    card = viewer.page.locator(".eci-series").filter(has_text=title)
    card.locator(".eci-facts").drag_to(viewer.page.locator(f".eci-pane[data-pane='{pane}']"))
    settle(viewer)


def settle(viewer: Viewer) -> None:
    viewer.answered()
    viewer.wait()
    viewer.rest()


def pane_of(viewer: Viewer, name: str) -> dict[str, Any]:
    """What a pane shows, and where."""
    found: dict[str, Any] = viewer.stage(f"""(({{ series, stack, index, turn, view, picture, texts }}) => (
        {{ series, stack, index, turn, zoom: view.zoom, left: view.left, title: texts.title,
           value: picture.slice.values[1000] * picture.slice.slope + picture.slice.intercept }}
        ))(s.board.paneNamed("{name}"))""")
    return found


def test_a_series_is_dragged_into_a_pane_and_its_time_points_follow(stacks: Viewer, tmp_path: Path) -> None:
    first = pane_of(stacks, "1-1")
    drag_in(stacks, "phase 1 of 3", "1-2")
    assert pane_of(stacks, "1-1") == first
    start = pane_of(stacks, "1-2")
    assert start["series"] != first["series"] and "phase 1 of 3" in start["title"]
    activate(stacks, "1-2", "+", "+", "w", "ArrowDown")
    before = pane_of(stacks, "1-2")
    stacks.page.keyboard.press("?")
    stacks.page.screenshot(path=tmp_path / "help.png")
    stacks.page.keyboard.press("Escape")
    slider = stacks.page.locator(".eci-stacks")
    assert slider.inner_text() == "phase 1 of 3 (1 / 3)"
    activate(stacks, "1-2", "Alt+ArrowRight")
    settle(stacks)
    after = pane_of(stacks, "1-2")
    assert slider.inner_text() == "phase 2 of 3 (2 / 3)" and after["series"] != before["series"]
    for name in ("index", "turn", "zoom", "left"):
        assert after[name] == pytest.approx(before[name]), name
    assert before["turn"] == 1 and before["index"] != start["index"] and after["value"] == before["value"] + 100
    slider.locator("input").fill("2")
    settle(stacks)
    assert slider.inner_text() == "phase 3 of 3 (3 / 3)" and pane_of(stacks, "1-2")["value"] == before["value"] + 200
    stacks.page.screenshot(path=tmp_path / "stacks.png")
    activate(stacks, "1-1")
    assert not slider.is_visible()


def column(viewer: Viewer, by: float) -> list[int]:
    """Grey values of the axial pane, on a line up from (40%, 40%) of it, every `by` pixels."""
    values: list[int] = viewer.page.evaluate(
        """(by) => {
        const { board } = document.querySelector(".eci-stage").stage, pane = board.paneNamed("axial");
        const { width, height } = pane.screen, data = pane.context.getImageData(0, 0, width, height).data;
        return [...Array(24).keys()].map(n => Math.round(0.4 * height - (n + 4) * by))
            .map(y => data[4 * (y * width + Math.round(0.4 * width + 3 * by))]);
    }""",
        by,
    )
    return values


def test_the_magnifier_enlarges_what_is_at_the_pointer(viewer: Viewer, repository: Path) -> None:
    activate(viewer, "axial", "s")
    viewer.drag("axial", [(0.38, 0.36), (0.42, 0.38)])
    viewer.rest()
    viewer.page.mouse.move(*viewer.at("axial", 0.4, 0.4))
    viewer.stage("(s.board.crosses.clear(), s.board.tool.feedback = 'none', s.board.refresh())")
    viewer.page.wait_for_timeout(200)
    before = np.array(column(viewer, 1.2))
    viewer.page.keyboard.down("z")
    viewer.page.wait_for_timeout(200)
    viewer.page.screenshot(path=repository / "magnified.png")
    held = np.array(column(viewer, 3.0))
    viewer.page.keyboard.up("z")
    viewer.page.wait_for_timeout(200)
    assert (np.array(column(viewer, 1.2)) == before).all()
    assert np.ptp(before) > 20 and np.median(np.abs(held - before)) <= 12
    assert np.corrcoef(held, before)[0, 1] > 0.8
