"""Reads and folds streams, links new events to their chain, and keeps every subject folded as the feed moves on.

The stream decides; the folded copies only make lists fast, and are thrown away with the process.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from eci_annotate.store.protocols import Entry, EventStore, Record
from eci_annotate.workflow.events import Event, from_record, to_record
from eci_annotate.workflow.project import Project, evolve_project, fold_project
from eci_annotate.workflow.sealing import chained, check_chain
from eci_annotate.workflow.state import Subject, evolve, fold


class Streams:
    """The streams of a repository: ``project/<name>`` and ``subject/<project>/<pseudonym>``."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._lock = Lock()
        self._position = 0
        self._subjects: dict[str, Subject] = {}
        self._projects: dict[str, Project] = {}
        self._changed: dict[str, int] = {}

    def records(self, stream: str) -> list[Record]:
        """The raw records of a stream."""
        return self._events.read(stream)

    def feed(self, after: int = 0) -> list[Entry]:
        """All records of all streams with a position above `after`."""
        return self._events.feed(after)

    def append(self, stream: str, past: list[Record], events: Sequence[Event]) -> None:
        """Add events behind `past`; Conflict when that is not all any more."""
        new = list(chained(stream, past, [to_record(event) for event in events]))
        self._events.append(stream, new, expected=len(past))

    def subject(self, project: str, subject: str) -> tuple[list[Record], Subject]:
        """A subject now, and the records it was folded from."""
        records = self._events.read(subject_stream(project, subject))
        return records, fold(from_record(record) for record in records)

    def project(self, project: str) -> tuple[list[Record], Project]:
        """A project now, and the records it was folded from."""
        records = self._events.read(project_stream(project))
        return records, fold_project(from_record(record) for record in records)

    def projects(self) -> dict[str, Project]:
        """All projects by name."""
        with self._lock:
            self._follow()
            return dict(self._projects)

    def subjects(self, project: str) -> dict[str, Subject]:
        """All subjects of a project by pseudonym, sorted."""
        with self._lock:
            self._follow()
            begin = subject_stream(project, "")
            return {s.subject: s for name, s in sorted(self._subjects.items()) if name.startswith(begin)}

    def changed(self, after: int) -> tuple[int, list[str]]:
        """The newest position, and the streams with an event above `after`."""
        with self._lock:
            self._follow()
            return self._position, sorted(name for name, last in self._changed.items() if last > after)

    def _follow(self) -> None:
        for entry in self._events.feed(self._position):
            event = from_record(entry.record)
            if entry.stream.startswith("project/"):
                name = entry.stream.removeprefix("project/")
                self._projects[name] = evolve_project(event, self._projects.get(name, Project()))
            else:
                self._subjects[entry.stream] = evolve(event, self._subjects.get(entry.stream, Subject()))
            self._changed[entry.stream] = self._position = entry.position

    def check(self, stream: str) -> int:
        """How many events the chain of a stream holds; Tampered when it is broken."""
        return check_chain(stream, self._events.read(stream))


def subject_stream(project: str, subject: str) -> str:
    """The name of a subject's stream."""
    return f"subject/{project}/{subject}"


def project_stream(project: str) -> str:
    """The name of a project's stream."""
    return f"project/{project}"
