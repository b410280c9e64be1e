"""A journal in the steps that a person sees: one per stroke or command, with its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.entries import Accept, Add, Adopt, Alter, ChooseTool, Delete, Entry, Redo, Undo
from eci_annotate.tools.editing.journal import from_line
from eci_annotate.tools.gestures import Drag, Press
from eci_annotate.tools.info import ToolName
from eci_annotate.tools.registry import TOOLS


@dataclass(frozen=True)
class JournalStep:
    """Entries that belong together, what they do in words, and where (patient mm; None: nowhere)."""

    name: str
    entries: tuple[Entry, ...]
    at: Vector | None = None


def journal_steps(lines: Iterable[str]) -> list[JournalStep]:
    """Return the steps of a journal, in order; choices of tool, series or option belong to the step after them.

    Parameters
    ----------
    lines
        Journal lines from the beginning.
    """
    return list(_steps(map(from_line, lines)))


def _steps(entries: Iterable[Entry]) -> Iterator[JournalStep]:
    tool, pending, stroke = ToolName.BOX.value, [], None
    for entry in entries:
        if isinstance(entry, Press) and stroke is not None:  # the stroke before was cut off
            yield JournalStep(TOOLS[tool].info.title, tuple(pending), stroke.at)
            pending, stroke = [], None
        pending.append(entry)
        tool = _tool(entry, tool)
        if isinstance(entry, Press):
            stroke = entry
        if stroke is not None and isinstance(entry, Press | Drag):
            continue
        name = TOOLS[tool].info.title if stroke is not None else _name(entry)
        if name:
            yield JournalStep(name, tuple(pending), stroke.at if stroke else None)
            pending, stroke = [], None
    if pending:
        yield JournalStep(TOOLS[tool].info.title if stroke else "End", tuple(pending), stroke.at if stroke else None)


def _tool(entry: Entry, before: str) -> str:
    match entry:
        case ChooseTool(name) | Add(tool=name):
            return name if name in TOOLS else before
    return before


def _name(entry: Entry) -> str:
    """Return the name of a command that a person sees; empty for choices and ends of strokes."""
    match entry:
        case Add(label=label, for_stroke=False):
            return f"Add {label}".strip()
        case Alter(label=str(label)):
            return f"Rename to {label}"
        case Alter():
            return "Change an annotation"
        case Delete():
            return "Delete"
        case Undo():
            return "Undo"
        case Redo():
            return "Redo"
        case Adopt(source=source):
            return f"Take over from {source}"
        case Accept(name=name):
            return name
    return ""
