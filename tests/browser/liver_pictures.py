"""Pictures of a liver CT in work and of two readings of it, made by `python -m tests.browser.pictures`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

import eci_annotate as eci
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from tests.browser.lab import Lab, Viewer, run_all
from tests.browser.test_whole_path import add, answer, circle, press
from tests.repository.readings_world import DOUBLE, READERS, Box, P, case_folder, lesion, read, report, subject

SAMPLE = Path(__file__).parents[2] / "notebooks/sample/liver_ct_crlm_1004/ct"
READINGS: dict[str, tuple[Box, ...]] = {
    "anna": (("metastasis 1", (23, 270, 140), (18, 18)), ("metastasis 2", (21, 230, 200), (20, 22))),
    "ben": (("metastasis 1", (23, 274, 144), (20, 21)), ("metastasis 2", (21, 232, 201), (22, 24))),
}
OPEN = """
import os
os.environ["ECI_ANNOTATE_CREDENTIAL"] = "{0}/members/{1}.key"
import eci_annotate as eci
repo = eci.open("{0}")
eci.annotate(repo.start("{2}", "{3}"))
"""


def repository(root: Path) -> Path:
    """A repository with the sample liver CT, to be read twice and adjudicated."""
    folder = root / "liver"
    create_repository(folder, project=P, member="olga", site="KAU", use_case=str(case_folder(root, *DOUBLE)))
    owner = eci.open(folder)
    import_folders(owner.backend, [SAMPLE], project=P, site="KAU")
    for name, role in (*((each, "annotator") for each in READERS), ("al", "adjudicator")):
        add_member(owner, find(folder), name, project=P, roles=(role,), site="KAU")
    return folder


def readings(folder: Path) -> None:
    """Sign two readings of the CT, which differ a little."""
    for name, boxes in READINGS.items():
        rows = [lesion(label, classification="metastasis") for label, _, _ in boxes]
        read(folder, name, 1, report(*rows, quality="good" if name == "anna" else "limited"), *boxes)


def opened(page: Page, lab: Lab, folder: Path, member: str, task: str) -> None:
    """Open a task in a notebook, with the left side of JupyterLab folded."""
    run_all(page, lab.put(f"{task}.ipynb", [OPEN.format(folder, member, subject(1), task)]))
    Viewer(page).wait()
    page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.wait_for_timeout(1500)


def draw(page: Page) -> None:
    """Paint a lesion, put a box around another, and answer half of the form."""
    viewer = Viewer(page)
    press(page, "SmartPaint")
    add(page, "metastasis 1")
    viewer.drag("axial", circle(0.26, 0.46, 0.02), steps=3)
    viewer.rest()
    press(page, "BoundingBox")
    add(page, "metastasis 2")
    viewer.drag("axial", [(0.36, 0.40), (0.40, 0.45)])
    viewer.rest()
    answer(page, "image_quality", "Good", "select")
    press(page, "Add: Lesion")
    page.wait_for_selector(".eci-q-segment select")
    answer(page, "label", "metastasis 1")
    answer(page, "segment", "VI", "select")
    answer(page, "classification", "Metastasis", "select")


def screenshot(page: Page, path: Path) -> None:
    """Take a picture of the app at rest."""
    page.set_viewport_size({"width": 1600, "height": 1700})  # nothing of JupyterLab over the app
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    app = page.locator(".eci-app").first
    app.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    app.screenshot(path=path)


def take_all(page: Page, lab: Lab, root: Path, out: Path) -> None:
    """Make `annotate.png` and `adjudicate.png`."""
    folder = repository(root)
    readings(folder)
    opened(page, lab, folder, "cora", "annotate.3")
    draw(page)
    screenshot(page, out / "annotate.png")
    opened(page, lab, folder, "al", "adjudicate")
    page.locator(".eci-difference").nth(1).wait_for()
    screenshot(page, out / "adjudicate.png")
