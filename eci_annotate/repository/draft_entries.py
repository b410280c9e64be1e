"""What a draft's journal says: entries ``l`` are lines of gestures, ``s`` names a snapshot blob, ``a`` are answers, and
``k`` beside them what is stated of slots and series; ``t`` is when one was made, ``b`` when its session began.

A snapshot stands for all lines before it; answers replace the answers before them. Lines say how many were before them
(``at``): what was sent twice counts once. ``?`` stands for an entry that cannot be read, and ``c`` for the start of a
session that continued from what can be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from eci_annotate.errors import BadRequest, Refused
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.codec import canonical, digest
from eci_annotate.workflow.plain_values import check_plain

_DIGEST = re.compile(r"[0-9a-f]{64}")
CONTENTS = {"l", "s", "a"}  # of which an entry has one
OF = (("at", "l"), ("k", "a"))  # what belongs to one of them
LONGEST = 4 << 20  # characters of a text in an entry


@dataclass(frozen=True)
class Draft:
    """Saved work: the last snapshot, the journal lines after it, the form's answers; how many lines there were.

    `checks` is what the annotator states of slots and series (see `workflow.usecase.gate.Checks`).

    `missing` says what of it cannot be read or never arrived, and is empty for a whole draft. `open_damage`: no session
    has continued since then, so nobody has seen what is left.
    """

    snapshot: bytes | None = None
    lines: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    missing: str = ""
    open_damage: bool = False
    checks: dict[str, Any] = field(default_factory=dict)


def lines_entry(lines: Sequence[str], at: int) -> Record:
    """The entry for journal lines, of which there were `at` before."""
    return {"l": list(lines), "at": at}


def snapshot_entry(digest: str) -> Record:
    """The entry for a snapshot that is kept as a blob."""
    return {"s": digest}


def answers_entry(answers: dict[str, Any], checks: dict[str, Any] | None = None) -> Record:
    """The entry for the form's answers, and for what is stated of slots and series."""
    return {"a": answers, "k": checks} if checks else {"a": answers}


def damaged_entry(number: int) -> Record:
    """What a store gives in place of an entry that it cannot read; `number` counts from 1."""
    return {"?": number}


def continued_entry() -> Record:
    """The entry for the start of a session that continued from what can be read."""
    return {"c": True}


def check_entries(entries: Sequence[Record]) -> None:
    """Check what a client wants to save; `?` and `c` are the store's own.

    Raises
    ------
    BadRequest
        An entry is none, or could not be read again.
    """
    check_plain(entries, LONGEST)
    for entry in entries:
        shaped = all(key in _SHAPES and _SHAPES[key](value) for key, value in entry.items())
        if not shaped or len(CONTENTS & entry.keys()) != 1 or any(key in entry and of not in entry for key, of in OF):
            raise BadRequest("This is not a draft entry.", "Use a client of the same release.")


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


_SHAPES: dict[str, Callable[[object], bool]] = {
    "l": lambda value: isinstance(value, list) and all(isinstance(line, str) for line in value),
    "at": _is_number,
    "s": lambda value: isinstance(value, str) and _DIGEST.fullmatch(value) is not None,
    "a": _is_object,
    "k": _is_object,
    "t": _is_text,
    "b": _is_text,
}


def is_damaged(entries: Iterable[Record]) -> bool:
    """Whether an entry cannot be read or lines never arrived, and no session has continued since."""
    reader = _Reader()
    for entry in entries:
        reader.add(entry)
    return reader.is_damaged


def snapshots(entries: Iterable[Record]) -> list[str]:
    """The digests of all snapshots, oldest first."""
    return [entry["s"] for entry in entries if "s" in entry]


def whole_journal(entries: Iterable[Record]) -> tuple[str, list[str]]:
    """Return the drawing from its beginning: the digest of the snapshot that it continued (or ""), and all its lines.

    Raises
    ------
    Refused
        Lines are missing, so that it cannot be replayed.
    """
    reader, start = _Reader(), ""
    for entry in entries:
        if "s" not in entry:
            reader.add(entry)
        elif not reader.count:
            start = entry["s"]
    if reader.unread or reader.lost:
        raise Refused("Steps of this drawing are missing.", "Look at the signed version itself.")
    return start, reader.lines


def all_lines(entries: Iterable[Record]) -> Iterator[str]:
    """Yield the journal lines of all entries, also those that a snapshot stands for."""
    return (line for entry in entries for line in entry.get("l", ()))


def content_digest(entries: Iterable[Record]) -> str:
    """What names the whole content of a draft; any new entry makes another one."""
    return digest(canonical(list(entries)))


def read_draft(entries: Iterable[Record], blob: Callable[[str], bytes]) -> Draft:
    """Return the draft that the entries make; `blob` gets a snapshot's content.

    Lines that follow lost ones are not used until the next snapshot, or until a session continued without them: on
    another state they could change another annotation.
    """
    reader = _Reader()
    for entry in entries:
        reader.add(entry)
    return reader.draft(blob)


@dataclass
class _Reader:
    """Reads entries one by one; `unread` entries could not be read, `lost` lines are missing or not used."""

    snapshot: str = ""
    lines: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    unread: list[int] = field(default_factory=list)
    lost: int = 0
    is_open: bool = False
    is_cut: bool = False
    changed: int = 0  # lines that were sent again with other content, and not used
    is_changed: bool = False

    def add(self, entry: Record) -> None:
        match entry:
            case {"l": new}:
                self._add_lines(new, entry.get("at", self.count))
            case {"s": digest}:
                self.snapshot, self.lines, self.is_cut, self.lost = digest, [], False, 0
                self.is_changed, self.changed = False, 0
            case {"a": given}:
                self.answers, self.checks = given, entry.get("k", {})
            case {"?": number}:
                self.unread.append(number)
                self.is_open = True
            case {"c": _}:
                self.is_open = self.is_cut = self.is_changed = False

    @property
    def is_damaged(self) -> bool:
        """Whether something is missing that no snapshot stands for, and that no session has seen."""
        return self.is_open or self.is_cut or self.is_changed

    def _add_lines(self, new: list[str], at: int) -> None:
        again, new = new[: max(self.count - at, 0)], new[max(self.count - at, 0) :]
        if not self.lost and (differing := self._differing(again, at)):
            self.is_changed, self.changed = True, self.changed + differing
        if at > self.count:
            self.is_cut = True
            self.lost += at - self.count
        if self.is_cut:
            self.lost += len(new)
        else:
            self.lines.extend(new)
        self.count = max(self.count, at) + len(new)

    def _differing(self, again: Sequence[str], at: int) -> int:
        """Return how many lines that were sent again are not those that are held in their place."""
        first = self.count - len(self.lines)
        held = ((line, at + n - first) for n, line in enumerate(again))
        return sum(line != self.lines[place] for line, place in held if place >= 0)

    def draft(self, blob: Callable[[str], bytes]) -> Draft:
        snapshot = blob(self.snapshot) if self.snapshot else None
        return Draft(snapshot, self.lines, self.answers, self.count, self._missing(), self.is_damaged, self.checks)

    def _missing(self) -> str:
        if not (self.unread or self.lost or self.changed):
            return ""
        numbers = ", ".join(map(str, self.unread))
        what = [f"Of the saved draft these entries cannot be read: {numbers}."] if self.unread else []
        steps = [f"{self.lost} drawing steps are missing."] if self.lost else []
        steps += [f"{self.changed} drawing steps were saved twice, differently."] if self.changed else []
        return " ".join([*what, *steps, "Check annotations and answers before you sign."])
