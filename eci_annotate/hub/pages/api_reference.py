"""The API reference for developers: each address with its purpose, parameters and responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from eci_annotate.errors import NotFound
from eci_annotate.hub.pages.page import Visit


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    text: str
    parameters: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]


def show_reference(visit: Visit) -> Response:
    """Show the page."""
    described = visit.request.app.openapi()
    groups: dict[str, list[Operation]] = {}
    for tag, each in _operations(described["paths"], visit.desk.settings.prefix):
        groups.setdefault(tag, []).append(each)
    return visit.show("reference", groups=groups, version=described["info"]["version"])


def _operations(paths: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Operation]]:
    for path, methods in paths.items():
        for method, told in methods.items():
            parameters = tuple(
                f"{one['name']} ({one['in']})" for one in told.get("parameters", []) if one["in"] != "path"
            )
            answers = tuple((code, one["description"]) for code, one in sorted(told["responses"].items()))
            text = told.get("description") or told.get("summary", "")
            yield told["tags"][0], Operation(method.upper(), path.removeprefix(prefix), text, parameters, answers)


def nowhere(visit: Visit) -> Response:
    """Show the page for an unknown address."""
    raise NotFound("Page not found.", "Go back to the first page.")
