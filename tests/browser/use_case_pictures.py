"""A picture of each use case with its synthetic patient, for its manual."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from eci_annotate.cli.open_command import subject_page
from eci_annotate.demo.case_preview import SUBJECT, make_preview
from eci_annotate.workflow.usecase.usecase import forms_folder, shipped_use_cases
from tests.browser.lab import Viewer
from tests.browser.voila_app import voila

WIDTH, QUALITY = 1000, 72


def take_use_cases(page: Page) -> None:
    """Write ``<name>.webp`` beside each manual."""
    for name in shipped_use_cases():
        folder = forms_folder() / name
        with tempfile.TemporaryDirectory() as place:
            repository = make_preview(folder, Path(place))
            page_name = subject_page(Path(place), SUBJECT).name
            with voila(Path(place), page_name, ECI_ANNOTATE_REPOSITORY=str(repository)) as address:
                page.goto(address)
                viewer = Viewer(page)
                viewer.wait()
                viewer.rest()
                page.wait_for_timeout(1500)
                shot = Image.open(io.BytesIO(page.locator(".eci-app").screenshot()))
        small = shot.convert("RGB").resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
        small.save(folder / f"{name}.webp", quality=QUALITY)
