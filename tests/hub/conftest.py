"""One hub per run, one browser per module; people log in once per module. `hub_world.py` says what can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import chromium
from tests.hub.hub_world import IS_ROOT, OUTSIDER, Hub, hubs, signed_in


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        if item.get_closest_marker("needs_root") and not IS_ROOT:
            item.add_marker(pytest.mark.skip(reason="needs root: one system user per person"))


@pytest.fixture(scope="session")
def hub() -> Iterator[Hub]:
    """A running hub."""
    with hubs(more_people=[OUTSIDER]) as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module: playwright runs once in a process at a time."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def of(browser: Browser, hub: Hub) -> Callable[[str], Page]:
    """The page of a person, who logs in when first asked for."""
    pages: dict[str, Page] = {}

    def page(name: str) -> Page:
        if name not in pages:
            pages[name] = signed_in(browser, hub, name)
        return pages[name]

    return page
