"""What a draft's journal says: entries ``l`` are lines of gestures, ``s`` names a snapshot blob, ``a`` are answers.

A snapshot stands for all lines before it; answers replace the answers before them. Lines say how many were before them
(``at``): what was sent twice, since the answer to the first time was lost, counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eci_annotate.store.protocols import Record
from eci_annotate.workflow.codec import canonical, digest


@dataclass(frozen=True)
class Draft:
    """Saved work: the last snapshot, the journal lines after it, the form's answers; how many lines there were."""

    snapshot: bytes | None = None
    lines: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    count: int = 0


def lines_entry(lines: Sequence[str], at: int) -> Record:
    """The entry for journal lines, of which there were `at` before."""
    return {"l": list(lines), "at": at}


def snapshot_entry(digest: str) -> Record:
    """The entry for a snapshot that is kept as a blob."""
    return {"s": digest}


def answers_entry(answers: dict[str, Any]) -> Record:
    """The entry for the form's answers."""
    return {"a": answers}


def snapshots(entries: Iterable[Record]) -> list[str]:
    """The digests of all snapshots, oldest first."""
    return [entry["s"] for entry in entries if "s" in entry]


def content_digest(entries: Iterable[Record]) -> str:
    """What names the whole content of a draft; any new entry makes another one."""
    return digest(canonical(list(entries)))


def read_draft(entries: Iterable[Record], blob: Callable[[str], bytes]) -> Draft:
    """The draft that the entries make; `blob` gets a snapshot's content."""
    snapshot, lines, answers, count = "", list[str](), dict[str, Any](), 0
    for entry in entries:
        match entry:
            case {"l": new}:
                new = new[max(count - entry.get("at", count), 0) :]
                lines.extend(new)
                count += len(new)
            case {"s": digest}:
                snapshot, lines = digest, []
            case {"a": given}:
                answers = given
    return Draft(blob(snapshot) if snapshot else None, lines, answers, count)
