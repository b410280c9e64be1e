"""The open state of a tool as JSON: a running stroke, a polygon whose last corner is missing, a click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_type_hints

from eci_annotate.imaging.annotations import Box
from eci_annotate.tools.editing.npz import Shelf, object_in, object_out
from eci_annotate.tools.protocol import Options, Tool


def state_out(tool: Tool, state: Any, shelf: Shelf) -> dict[str, Any] | None:
    """Return the state of a tool as JSON; None while it is idle."""
    if state == tool.idle:
        return None
    name = next(name for name, kind in tool.states.items() if type(state) is kind)
    return {"name": name, **{each.name: _out(getattr(state, each.name), shelf) for each in fields(state)}}


def state_in(tool: Tool, body: Mapping[str, Any] | None, arrays: Any) -> Any:
    """Return the state of a tool from JSON; idle for None.

    Raises
    ------
    KeyError, TypeError
        If the tool has no such state.
    """
    if body is None:
        return tool.idle
    kind = tool.states[body["name"]]
    hints = get_type_hints(kind)
    return kind(**{name: _in(hints[name], value, arrays) for name, value in body.items() if name != "name"})


def options_in(body: Mapping[str, Any]) -> Options:
    """Return tool options from JSON."""
    return Options(**{**body, "window": tuple(body["window"])})


def _out(value: Any, shelf: Shelf) -> Any:
    match value:
        case Box():
            return object_out(value, shelf)
        case Options():
            return asdict(value)
    return value


def _in(hint: Any, value: Any, arrays: Any) -> Any:
    if hint is Box:
        return object_in(value, arrays)
    return options_in(value) if hint is Options else _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
