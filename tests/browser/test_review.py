"""A reviewer sees what was signed, changes nothing of it, and accepts or rejects."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import Lab, Viewer, run_all
from tests.browser.test_viewer import coloured, press
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines

REVIEW = f"""
import os
os.environ["ECI_ANNOTATE_CREDENTIAL"] = "{{folder}}/members/ruth.key"
import eci_annotate as eci
repo = eci.open("{{folder}}")
task = repo.start("{S}", "review", project="{P}")
eci.annotate(task)
"""


MEND = f"""
import eci_annotate as eci
task = eci.open("{{folder}}").start("{S}", "annotate", project="{P}")
eci.annotate(task)
"""


@pytest.fixture
def review(lab: Lab, page: Page, repository: Path) -> Viewer:
    """The review of a signed annotation, open in the reviewer's notebook."""
    repo = open_repository(repository)
    add_member(repo, find(repository), "ruth", project=P, roles=("reviewer",), site="KAU")
    task = repo.start(S, "annotate", project=P)
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    run_all(page, lab.put(f"{repository.name}.ipynb", [REVIEW.format(folder=repository.name)]))
    viewer = Viewer(page)
    viewer.wait()
    return viewer


def sign(viewer: Viewer, verdict: str, reason: str = "") -> None:
    panel = viewer.page.locator(".eci-sign")
    panel.locator("select").select_option(label=verdict)
    panel.get_by_placeholder("reason").fill(reason)
    panel.get_by_placeholder("reason").press("Tab")
    panel.get_by_role("button", name="Sign …").click()
    panel.get_by_role("button", name="Sign for good").click()


def test_the_signed_work_is_seen_and_cannot_be_changed(review: Viewer, repository: Path) -> None:
    page = review.page
    assert coloured(review) > 50
    row = page.locator(".eci-row")
    assert row.count() == 1 and row.locator(".eci-label input").input_value() == "lesion 1"
    assert row.locator(".eci-label input").is_disabled() and row.locator("[title^='Delete']").is_disabled()
    segment = page.locator(".eci-q-segment select")
    assert segment.is_disabled() and segment.evaluate("e => e.selectedOptions[0].text") == "IVa"
    page.screenshot(path=repository / "review.png")
    ink = coloured(review)
    press(review, "s")
    review.drag("axial", [(0.2, 0.2), (0.3, 0.3)])
    review.rest()
    assert coloured(review) == ink and "cannot be edited" in review.stage("s.status.textContent")
    row.locator("[title^='Show or hide']").click()
    review.rest()
    assert coloured(review) == 0


def test_rejecting_needs_a_reason_which_the_annotator_gets(review: Viewer, repository: Path) -> None:
    sign(review, "Reject")
    review.page.wait_for_selector(".eci-sign .eci-problem")
    sign(review, "Reject", "too large")
    review.page.wait_for_selector(".eci-signed")
    assert open_repository(repository).worklist()["remark"].tolist() == ["rejected: too large"]


def test_places_are_marked_kept_and_shown_to_who_mends(review: Viewer, repository: Path, lab: Lab, page: Page) -> None:
    review.page.mouse.move(*review.at("axial", 0.45, 0.55))
    press(review, "p")
    panel = page.locator(".eci-places")
    panel.get_by_role("button", name="Mark the crosshair").click()
    panel.locator(".eci-place").nth(1).wait_for()
    remark = panel.get_by_placeholder("what needs correction").first
    remark.fill("the border is too wide here")
    remark.press("Tab")
    review.answered()
    review.rest()
    page.screenshot(path=repository / "marked.png")
    sign(review, "Reject", "too large")
    page.wait_for_selector(".eci-signed")
    rings = coloured(review)
    assert rings > 50
    run_all(page, lab.put("mend.ipynb", [MEND.format(folder=repository.name)]))
    mending = Viewer(page)
    mending.wait()
    panel = page.locator(".eci-places")
    assert "too large" in panel.inner_text() and "the border is too wide here" in panel.inner_text()
    page.mouse.move(*mending.at("axial", 0.5, 0.5))
    page.mouse.wheel(0, 240)
    mending.rest()
    index = mending.stage("s.board.panes[0].index")
    panel.locator(".eci-place button").first.click()
    mending.rest()
    assert mending.stage("s.board.panes[0].index") != index and coloured(mending) > 50
    page.screenshot(path=repository / "mending.png")


def test_accepting_is_signed(review: Viewer, repository: Path) -> None:
    sign(review, "Accept")
    review.page.wait_for_selector(".eci-signed")
    review.page.screenshot(path=repository / "accepted.png")
    (signed,) = open_repository(repository).versions(S, "review", project=P)
    assert (signed.reader, signed.verdict) == ("ruth", "accept")
