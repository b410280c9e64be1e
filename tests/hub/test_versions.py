"""The same configuration on the JupyterHub that Zero to JupyterHub ships: 5.x."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from playwright.sync_api import Browser

from tests.hub.hub_world import IS_ROOT, Hub, hubs, landed, log_in, place, signed_in
from tests.hub.test_landing import APP, LAB, lands


def closed_ports() -> int:
    """The first of three free ports that only root may listen on."""
    for first in range(700, 1000, 3):
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports below 1000")


@pytest.fixture(scope="module")
def older() -> Iterator[Hub]:
    """A hub of the version before."""
    overlay = place() / "overlay"
    got = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", overlay, "jupyterhub>=5.2,<6"]
    subprocess.run(got, check=True, capture_output=True)
    overlay.chmod(0o755)
    with hubs(environment={"PYTHONPATH": str(overlay)}, **({"inner": closed_ports()} if IS_ROOT else {})) as one:
        yield one


def test_people_land_on_the_older_hub_as_well(browser: Browser, older: Hub) -> None:
    assert older.ask("/hub/api/").text.count('"version": "5.') == 1
    for name, where in (("anna", APP), ("dev", LAB)):
        page = signed_in(browser, older, name)
        assert lands(page) == where
        page.context.close()
    page = browser.new_page()
    log_in(page, older, "olga")
    landed(page, older, "olga")
    assert page.url.startswith(older.service)
    page.context.close()
