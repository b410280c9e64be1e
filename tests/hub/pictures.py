"""Make the pictures of a hub in `docs/pictures`, as root: `python -m tests.hub.pictures`."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Browser, Page

from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import utc_now
from tests.browser.lab import Viewer
from tests.browser.liver_pictures import draw
from tests.browser.test_whole_path import answer, press
from tests.chromium import chromium
from tests.hub.hub_world import Hub, hubs, signed_in

OUT = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 1440, 900
P, PIN = "liver-ct", "picture-31"


def give_pin(hub: Hub, name: str) -> None:
    """Let a person confirm with a PIN."""
    repository = hub.folder / "repository"
    FactorBook(find(repository), utc_now).set_pin(name, PIN)
    owner = repository.stat()
    for file in (repository / "members").glob("*factors*"):
        os.chown(file, owner.st_uid, owner.st_gid)


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """Take a picture of a page at rest."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    page.screenshot(path=OUT / f"{name}.png", full_page=whole)


def of_person(browser: Browser, hub: Hub, name: str) -> Page:
    """The page on which a person arrives."""
    page = signed_in(browser, hub, name)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    return page


def task_and_signature(page: Page) -> None:
    """Make `hub-app.png` and `sign.png`: a liver CT in work, and what is signed."""
    page.locator(".eci-worklist .eci-task button").first.click()
    Viewer(page).wait()
    draw(page)
    answer(page, "confidence", "4")
    page.get_by_role("button", name="Measure").click()
    press(page, "Add: Lesion")
    page.wait_for_selector(".eci-q-segment select >> nth=1")
    for name, value in (("label", "metastasis 2"), ("confidence", "3")):
        answer(page, name, value)
    for name, value in (("segment", "IVa"), ("classification", "Metastasis")):
        answer(page, name, value, "select")
    page.get_by_role("button", name="Measure").last.click()
    Viewer(page).saved()
    take(page, "hub-app")
    press(page, "Sign …")
    press(page, "Sign for good")
    with page.expect_popup() as opened:
        page.locator(".eci-waiting a").click()  # before the page opens by itself
    window = opened.value
    window.wait_for_selector("#sign")
    window.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    take(window, "sign", whole=True)


def main() -> None:
    """Make every picture."""
    with chromium() as browser, hubs(small=False) as hub:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(hub.url("/"))
        take(page, "hub-login")
        give_pin(hub, "anna")
        task_and_signature(of_person(browser, hub, "anna"))
        page = of_person(browser, hub, "olga")
        page.goto(f"{hub.service}projects/{P}")
        take(page, "project")


if __name__ == "__main__":
    main()
