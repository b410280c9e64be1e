"""Every route that the application has, as it lists them itself: nothing opens without the right kind of credential.

`test_matrix.py` and `test_pages_matrix.py` say which role may do what; here a new route fails that forgot to ask.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import Mount

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import SITE, Person
from eci_annotate.hub.pages.router import PAGES
from tests.counts import FAST
from tests.ports import free_port
from tests.service.matrix_world import P, S, World, make_world
from tests.service.serving_app import running

OPEN = {"/health", "/api/openapi.json"}  # what everybody may read: that it runs, and the description of the API
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
TOKENS = {
    "none": "",
    "made up": "Bearer made-up",
    "basic": "Basic b2xnYTpvbGdh",
    "of a cookie": "Bearer eci-session",
    "of nobody here": "Bearer token-nobody",
    "of a hub administrator": "Bearer token-root",
    "of a reserved name": "Bearer token-reserved",
    "of a site": "Bearer token-site",
    "of a service": "Bearer token-plain-service",
}
BODIES = (
    b"",
    b"\x00",
    b"[]",
    b"null",
    b"NaN",
    b'{"a":1}xx',
    b'\xff\xfe{"a"',
    b"[" * 100_000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"fence":1' + b"0" * 5000 + b',"entries":[]}',
    b'{"name":"start.1","name":"sign.1","data":[]}',
    b'{"name":{},"data":{"project":1e999}}',
    json.dumps({"x": "y" * 900_000}).encode(),
)
TYPES = ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
NAMES = {"project": P, "subject": S, "task": "annotate", "version": "1", "number": "0", "digest": "0" * 64}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("routes"))
    made.people.table |= {
        "token-root": Person("root", admin=True),
        "token-reserved": Person("service"),
        "token-site": Person("no-such-credential", kind=SITE),
        "token-plain-service": Person("other", kind="service"),
    }
    return made


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[tuple[str, list[Any]]]:
    """The address of a service with pages, and its routes."""
    port = free_port()
    app = make_app(Settings(world.folder, prefix="/", port=port, client_id="service-eci"), world.people)
    app.state.desk.allowance._per_second = app.state.desk.allowance._burst = 1e9
    with running(app, port):
        yield f"http://127.0.0.1:{port}", list(_routes(app.routes))


def _routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    for route in routes:
        if isinstance(route, Mount):
            yield f"{prefix}{route.path}/eci.css", {"GET", "HEAD"}
        elif hasattr(route, "path"):
            yield f"{prefix}{route.path}", set(getattr(route, "methods", None) or ())
        else:  # a router that FastAPI includes
            yield from _routes(route.original_router.routes, f"{prefix}{route.include_context.prefix}")


def a_third(routes: list[Any], number: int) -> list[Any]:
    """In the fast loop, another third of the routes for each kind of credential or body."""
    return routes[number % 3 :: 3] if FAST else routes


def filled(path: str, world: World) -> str:
    known = {**NAMES, "series": world.series}
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: known.get(found[1], "0" * 64), path)


def test_the_application_has_no_route_that_nobody_lists(served: tuple[str, list[Any]], world: World) -> None:
    app = make_app(Settings(world.folder, prefix="/", client_id="service-eci"), world.people)
    listed = set(app.openapi()["paths"]) | {f"/{path}" for _, path, _ in PAGES} | OPEN
    listed |= {"/oauth_callback", "/logout", "/static/eci.css"}
    assert {path for path, _ in served[1]} == listed | {"/health"}


@pytest.mark.parametrize("kind", TOKENS)
def test_no_route_opens_without_the_right_kind_of_credential(
    served: tuple[str, list[Any]], world: World, kind: str
) -> None:
    address, routes = served
    headers = {"Authorization": TOKENS[kind]} if TOKENS[kind] else {}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as line:
        for path, _ in a_third(routes, [*TOKENS].index(kind)):
            for method in METHODS:
                answer = line.request(method, filled(path, world))
                case = (method, path, answer.status_code)
                assert answer.status_code < 500, case
                if path in OPEN or path.startswith("/static"):
                    continue
                assert answer.status_code in (401, 403, 404, 405, 422), case
                assert "set-cookie" not in answer.headers and S not in answer.text, case


@pytest.mark.parametrize("kind", TYPES)
def test_no_body_breaks_a_route(
    served: tuple[str, list[Any]], world: World, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    address, routes = served
    caplog.set_level(logging.DEBUG)
    headers = {"Authorization": "Bearer token-owner-near", "Content-Type": kind}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as line:
        for path, methods in a_third(routes, TYPES.index(kind)):
            for method in methods & {"POST", "PUT"}:
                for body in BODIES:
                    answer = line.request(method, filled(path, world), content=body)
                    assert answer.status_code < 500, (method, path, body[:30], answer.text[:200])
    said = [each for each in caplog.records if not each.name.startswith(("httpx", "httpcore"))]  # the test's own
    assert not [each for each in said if "token-" in each.getMessage() or S in each.getMessage()]
