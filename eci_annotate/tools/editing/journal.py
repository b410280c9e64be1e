"""Conversion of stroke-journal entries to JSON lines and back. Stored names are short and never change."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from eci_annotate.errors import BadJournal
from eci_annotate.tools.editing.entries import (
    Accept,
    Add,
    Adopt,
    Alter,
    ChooseTool,
    Delete,
    Entry,
    Redo,
    Select,
    SetOption,
    Show,
    Undo,
)
from eci_annotate.tools.gestures import Cancel, Drag, Plane, Press, Release

NAMES: dict[str, type[Any]] = {
    "press": Press,
    "drag": Drag,
    "release": Release,
    "cancel": Cancel,
    "add": Add,
    "adopt": Adopt,
    "accept": Accept,
    "select": Select,
    "alter": Alter,
    "delete": Delete,
    "option": SetOption,
    "tool": ChooseTool,
    "show": Show,
    "undo": Undo,
    "redo": Redo,
}
_NAME_OF = {kind: name for name, kind in NAMES.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Plane):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _deep_tuple(value: Any) -> Any:
    return tuple(_deep_tuple(v) for v in value) if isinstance(value, list) else value


def _rich(name: str, value: Any) -> Any:
    if name == "plane":
        return Plane(**{k: _deep_tuple(v) for k, v in value.items()})
    return frozenset(value) if name == "modifiers" else _deep_tuple(value)


def to_line(entry: Entry) -> str:
    """Return the journal line of an entry, without a line break."""
    body = {f.name: _plain(getattr(entry, f.name)) for f in fields(entry)}
    return json.dumps({"do": _NAME_OF[type(entry)], **body}, separators=(",", ":"), ensure_ascii=False)


def from_line(line: str) -> Entry:
    """Return the entry of a journal line.

    Raises
    ------
    BadJournal
        If the line is not an entry of this version.
    """
    try:
        body = json.loads(line)
        kind = NAMES[body.pop("do")]
        entry: Entry = kind(**{k: _rich(k, v) for k, v in body.items()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadJournal("A line of the stroke journal is unreadable.", "Reopen from the last snapshot.") from error
    return entry
