"""Pictures of each step of the demo site, for docs/hospital.md: terminals as text on a page, pages as they are."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, ViewportSize, sync_playwright

from eci_annotate.proxy.configuration import PageSettings, read_configuration

if TYPE_CHECKING:
    from demo_site import Step

WIDTH, HEIGHT, PAGE = 1100, 620, ViewportSize(width=1280, height=720)
_TERMINAL = (
    "<style>body{{margin:0;background:#fff}}pre{{margin:0;padding:20px 24px;background:#16202b;color:#e4ebf1;"
    "font:14px/1.45 'DejaVu Sans Mono',monospace;display:inline-block;min-width:760px;white-space:pre-wrap;"
    "max-width:1000px}}b{{color:#8fd0a0;font-weight:normal}}</style><pre><b>$ {0}</b>\n{1}</pre>"
)


def draw(
    steps: Sequence[Step], preview: Path, addresses: tuple[str, str], login: tuple[str, str], folder: Path
) -> list[Path]:
    """Write the pictures.

    Parameters
    ----------
    steps
        The steps with what their commands printed.
    preview
        The page that the preview wrote.
    addresses
        Of the hub and of the service, for a browser.
    login
        Name and password of an owner, who sees the new subject.
    folder
        Where pictures go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        written = [_terminal(page, step, folder / f"hospital-{n}.png") for n, step in enumerate(steps, 1)]
        page.set_viewport_size({"width": WIDTH, "height": 2 * HEIGHT})
        page.goto(preview.as_uri())
        page.screenshot(path=folder / "hospital-preview.png")
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        written += [folder / "hospital-preview.png", _project(page, addresses, login, folder / "hospital-task.png")]
        browser.close()
    return written


def draw_local_page(configuration: Path, patient: str, folder: Path) -> list[Path]:
    """Write pictures of the proxy's own page: its queue, and the verification of a patient."""
    from eci_annotate.proxy.page.page_service import page_in_background, users_of
    from eci_annotate.proxy.proxy_service import Proxy

    user, password = "petra", secrets.token_urlsafe(12)
    proxy = Proxy(replace(read_configuration(configuration), page=PageSettings(port=0)))
    users_of(proxy).set_password(user, password)
    written = [folder / f"hospital-{name}.png" for name in ("queue", "verify")]
    with sync_playwright() as playwright, page_in_background(proxy) as server:
        assert server is not None
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=PAGE)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.fill("#user", user)
        page.fill("#password", password)
        page.click("main button")
        page.wait_for_url("**/queue")
        page.screenshot(path=written[0])
        page.click("nav >> text=Verify")
        page.fill("#asked", patient)
        page.click("main button")
        page.wait_for_selector("section table")
        page.screenshot(path=written[1])
        browser.close()
    users_of(proxy).delete(user)
    proxy.close()
    return written


def _terminal(page: Page, step: Step, path: Path) -> Path:
    page.set_content(_TERMINAL.format(escape(step.command), escape(step.output.rstrip())))
    page.locator("pre").screenshot(path=path)
    return path


def _project(page: Page, addresses: tuple[str, str], login: tuple[str, str], path: Path) -> Path:
    hub, service = addresses
    page.goto(f"{hub}hub/login")
    page.fill("input[name=username]", login[0])
    page.fill("input[name=password]", login[1])
    page.click("#login_submit")
    page.wait_for_load_state()
    page.goto(f"{service}/projects/liver-ct")
    page.wait_for_load_state()
    page.screenshot(path=path)
    return path
