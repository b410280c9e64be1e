"""Where all users share one system user, every page says so, and nothing starts without that having been asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.hub.hub_world import CHECKOUT, IS_ROOT, Hub, hubs, landed, log_in, tree

WORDS = "all users share one system user"
SOMEBODY = 28_000


@pytest.fixture(scope="module")
def shared() -> Iterator[Hub]:
    """A hub of a system user who is not root."""
    with hubs(run_as=SOMEBODY if IS_ROOT else None, insecure_demo=True) as one:
        yield one


def test_every_page_says_so(browser: Browser, shared: Hub) -> None:
    page = browser.new_page()
    page.goto(shared.url("/hub/login"))
    assert WORDS in page.inner_text("body"), "the hub's own pages"
    log_in(page, shared, "anna")
    landed(page, shared, "anna")
    page.wait_for_selector("body[data-voila]")
    assert WORDS in page.inner_text("#eci-insecure-demo") and page.locator("#eci-insecure-demo").is_visible(), "the app"
    page.context.close()
    lab = browser.new_page()
    log_in(lab, shared, "dev")
    landed(lab, shared, "dev")
    lab.wait_for_selector(".jp-NotebookPanel")
    assert lab.locator("#eci-insecure-demo").is_visible(), "JupyterLab"
    box = lab.locator("#eci-insecure-demo").bounding_box()
    assert box and box["width"] > 200
    lab.context.close()


def test_it_must_be_asked_for() -> None:
    checkout, python = tree()
    words = [str(python) if not IS_ROOT else _others_python(), "hubconfig/demo.py", "/nonexistent/demo"]
    more = {"user": SOMEBODY, "group": SOMEBODY, "extra_groups": []} if IS_ROOT else {}
    env = {"PYTHONPATH": str(checkout), "PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, env=env, **more)
    assert done.returncode == 1 and "INSECURE_DEMO=1" in done.stderr, done.stderr


def _others_python() -> str:
    """An interpreter that somebody else can run."""
    from eci_annotate.userservers.python_interpreter import user_python
    from tests.hub.hub_world import place

    return str(user_python(place() / "python", running=Path(sys.executable)))
