"""Idle servers are stopped; who holds a lease goes on; presence is what a person does, not what a kernel sends."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from tests.hub.hub_world import CHECKOUT, Hub, hubs, log_in, signed_in
from tests.patience import until

STANDIN = ("/usr/bin/python3", str(CHECKOUT / "tests" / "hub" / "standin.py"))
IDLE_S, FRESH_S = 5, 5


@pytest.fixture(scope="module")
def quick() -> Iterator[Hub]:
    """A hub that stops idle servers after seconds, beside a service whose leases a test can write."""
    with hubs(idle_s=IDLE_S, cull_every_s=1, service_command=list(STANDIN)) as one:
        yield one


def last_activity(hub: Hub, name: str) -> float:
    """When the hub believes that a person was there, in seconds since 1970."""
    with sqlite3.connect(f"file:{hub.folder}/hub.sqlite?mode=ro", uri=True) as database:
        query = "select s.last_activity from spawners s join users u on u.id = s.user_id where u.name = ?"
        text = database.execute(query, [name]).fetchone()[0]
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_who_holds_a_lease_is_not_stopped(browser: Browser, quick: Hub) -> None:
    """Nor is anybody while the service gives no answer."""
    leases = quick.folder / "service" / "leases.json"
    leases.write_text(json.dumps(["anna"]))
    leases.chmod(0o644)
    pages = [browser.new_page() for _ in range(2)]
    for page, name in zip(pages, ("anna", "ben"), strict=True):
        log_in(page, quick, name)
    assert until(lambda: all(f"User {name} took" in quick.log() for name in ("anna", "ben")), 60)
    assert until(lambda: "Culling server ben" in quick.log()), quick.log()[-3000:]
    leases.write_text("not JSON")
    time.sleep(FRESH_S + 3)
    assert "Culling server anna" not in quick.log()
    leases.write_text("[]")
    assert until(lambda: "Culling server anna" in quick.log())
    for page in pages:
        page.context.close()


def test_leases_are_told_to_the_culler_alone(quick: Hub) -> None:
    assert quick.ask("/services/eci/leases", "eci--service").status in {401, 403}


def test_presence_is_what_a_person_does(browser: Browser, hub: Hub) -> None:
    page = signed_in(browser, hub, "ruth")
    page.wait_for_selector("#jupyter-config-data", state="attached")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/presence" in request.url else None)
    page.evaluate("() => window.dispatchEvent(new Event('pointermove'))")
    page.wait_for_timeout(500)
    assert asked == [], "what a script does is not a person"
    before = time.time()
    with page.expect_response(lambda response: "/presence" in response.url) as answer:
        page.mouse.move(300, 300)
        page.mouse.wheel(0, 10)
    assert answer.value.status == 204
    assert until(lambda: last_activity(hub, "ruth") >= before - 1), "the hub is told"
    page.context.close()
