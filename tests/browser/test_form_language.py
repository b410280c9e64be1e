"""The form is in the browser's language, without a click."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from eci_annotate.cli.open_command import subject_page
from eci_annotate.demo.case_preview import SUBJECT, make_preview
from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.browser.lab import Viewer
from tests.browser.voila_app import voila


def test_a_german_browser_shows_a_german_form(tmp_path: Path, page: Page) -> None:
    place = make_preview(forms_folder() / "liver-ct", tmp_path)
    name = subject_page(tmp_path, SUBJECT).name
    browser = page.context.browser
    assert browser is not None
    with voila(tmp_path, name, ECI_ANNOTATE_REPOSITORY=str(place)) as address:
        german = browser.new_page(locale="de-DE", viewport={"width": 1280, "height": 900})
        try:
            german.goto(address)
            viewer = Viewer(german)
            viewer.wait()
            form = german.locator(".eci-form")
            form.get_by_text("Bildqualität *").wait_for()
            german.locator(".eci-q-image_quality select").select_option(label="Gut")
            german.get_by_role("button", name="Manual").click()
            german.get_by_role("heading", name="Leberläsionen im CT").wait_for()
            german.screenshot(path=tmp_path / "german.png")
            german.locator(".eci-language select").select_option(label="Español")
            form.get_by_text("Calidad de imagen *").wait_for()
            assert german.locator(".eci-q-image_quality select").evaluate("(s) => s.selectedOptions[0].text") == "Buena"
            german.screenshot(path=tmp_path / "spanish.png")
        finally:
            german.close()
