"""A real Chromium that waits patiently: a wait ends with what it waits for, so patience costs a failing test only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.patience import PATIENCE_S

CHROMIUM = os.environ.get("ECI_CHROMIUM", "/usr/bin/chromium")
NO_GPU = "--disable-gpu"
SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
FLAGS = (
    "--no-sandbox", NO_GPU, "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def _be_patient(context: BrowserContext) -> None:
    context.set_default_timeout(PATIENCE_S * 1000)


@contextmanager
def chromium(*more: str, software_gl: bool = False) -> Iterator[Browser]:
    """Start Chromium with our flags and more; every page of it has our patience. WebGL by software on request."""
    flags = [*FLAGS, *more]
    if software_gl:
        flags = [each for each in flags if each != NO_GPU] + list(SOFTWARE_GL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=flags, timeout=PATIENCE_S * 1000
        )
        browser.on("context", _be_patient)
        expect.set_options(timeout=PATIENCE_S * 1000)
        try:
            yield browser
        finally:
            browser.close()
