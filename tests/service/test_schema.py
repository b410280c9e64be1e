"""What the API's description says holds for whatever is sent: no 5xx, and no answer that it does not tell of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from tests.counts import examples
from tests.service.matrix_world import P, S, make_world

CHECKS: list[Any] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip
PLACES = {"project": [P, "other-ct", "nowhere"], "subject": [S, "ECI_KAU_S9999"], "task": ["annotate", "review"]}
TOKENS = ("token-owner-near", "token-annotator-near", "token-developer-far")


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    world = make_world(tmp_path_factory.mktemp("schema"))
    app = make_app(Settings(Path(world.folder), prefix="/"), world.people)
    app.state.desk.allowance._per_second = app.state.desk.allowance._burst = 1e9
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations()]


def placed(case: Any) -> Iterator[None]:
    """Mostly places that are there, so that more than the 404 is reached."""
    for name, known in PLACES.items():
        given_ = (case.path_parameters or {}).get(name)
        if given_ is not None and len(str(given_)) % 3:
            case.path_parameters[name] = known[len(str(given_)) % len(known)]
            yield


def try_out(operation: Any) -> int:
    """How many requests of one operation were sent; each answer is held against the description."""
    sent = [0]

    def run(case: Any) -> None:
        list(placed(case))
        token = TOKENS[sent[0] % len(TOKENS)]
        sent[0] += 1
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(answer, checks=CHECKS)

    chosen = settings(
        max_examples=examples(15, 1000), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    chosen(given(case=operation.as_strategy())(run))()
    return sent[0]


@pytest.mark.soak
def test_nothing_that_is_sent_breaks_it(operations: list[Any]) -> None:
    assert len(operations) >= 20
    assert all(try_out(operation) for operation in operations)
