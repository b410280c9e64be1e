"""The same configuration on the JupyterHub that Zero to JupyterHub ships: 5.x."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.hub.hub_world import Hub, hubs, landed, log_in, place, signed_in
from tests.hub.test_landing import APP, LAB, lands


@pytest.fixture(scope="module")
def older() -> Iterator[Hub]:
    """A hub of the version before."""
    overlay = place() / "overlay"
    got = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", overlay, "jupyterhub>=5.2,<6"]
    subprocess.run(got, check=True, capture_output=True)
    overlay.chmod(0o755)
    with hubs(environment={"PYTHONPATH": str(overlay)}) as one:
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
