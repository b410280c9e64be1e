"""The hub is restarted while people work: leases and drafts survive, with their servers or without."""

from __future__ import annotations

import os
import re
import signal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.lab import Viewer
from tests.hub.hub_world import Hub, end, hubs, signed_in, start


def painted(viewer: Viewer, y: float) -> None:
    """One annotation more, drawn and kept."""
    viewer.stage("(s.el.focus(), 0)")
    for key in ("s", "n"):
        viewer.page.keyboard.press(key)
    viewer.drag("axial", [(0.42, y), (0.5, y)], steps=8)
    viewer.heard()
    viewer.page.wait_for_timeout(1500)
    viewer.page.locator(".eci-title", has_text=re.compile("saved [0-9]")).wait_for()


def at_work(browser: Browser, hub: Hub, button: str) -> tuple[Page, Viewer]:
    page = signed_in(browser, hub, "anna")
    page.get_by_role("button", name=button).first.click()
    viewer = Viewer(page)
    viewer.wait()
    return page, viewer


@pytest.mark.parametrize("keep", [False, True], ids=["servers-end", "servers-stay"])
def test_a_draft_survives_a_hub_that_is_restarted(browser: Browser, keep: bool) -> None:
    with hubs(keep_servers=keep) as hub:
        page, viewer = at_work(browser, hub, "Open")
        painted(viewer, 0.45)
        end(hub.process)
        told = page.locator(".eci-status")
        told.get_by_text(re.compile("(Not saved|No connection) since")).wait_for()
        hub.process = start(hub.folder, hub.port)
        if not keep:
            page.context.close()
            page, viewer = at_work(browser, hub, "Take over here")
        else:
            told.get_by_text("Connected again").wait_for()
        painted(viewer, 0.55)
        assert page.locator(".eci-row").count() == 2
        page.context.close()
        end(hub.process)
        for left in hub.processes("anna"):
            os.kill(left, signal.SIGKILL)
