"""Reads and folds streams, links new events to their chain, and keeps the cards of subjects for lists.

The stream decides; a card is written with the events that change it, and can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from eci_annotate.errors import UNREADABLE, Tampered, undamaged
from eci_annotate.repository.local.subject_cards import FORMAT, card_of
from eci_annotate.store.cards import LARGEST_PAGE, Card, CardQuery
from eci_annotate.store.past_lengths import PastLengths
from eci_annotate.store.protocols import CardIndex, Entry, EventStore, Head, Record
from eci_annotate.workflow.codec import canonical, digest
from eci_annotate.workflow.project import Project, fold_project
from eci_annotate.workflow.subject.events import Event, from_record, to_record
from eci_annotate.workflow.subject.state import Subject, fold
from eci_annotate.workflow.trust.seals import chained, check_chain

SUBJECTS, PROJECTS = "subject/", "project/"
_ODD = "A stream's events do not follow from each other."
_PIECE, _FEED, _MOST = 500, 10_000, 4000


class Streams:
    """The streams of a repository: ``project/<name>`` and ``subject/<project>/<pseudonym>``."""

    def __init__(self, events: EventStore, cards: CardIndex) -> None:
        self._events, self._cards = events, cards
        self._lock = Lock()
        self._projects: dict[str, tuple[int, Project]] = {}
        self._folded: dict[str, tuple[int, Subject]] = {}
        self._past = PastLengths(self.all_after)

    def records(self, stream: str) -> list[Record]:
        """The raw records of a stream."""
        return self._events.read(stream)

    def feed(self, after: int = 0) -> list[Entry]:
        """All records of all streams with a position above `after`."""
        return self._events.feed(after)

    def all_after(self, after: int = 0) -> Iterator[Entry]:
        """As `feed`, but never all of it in memory."""
        while piece := self._events.feed(after, _FEED):
            yield from piece
            after = piece[-1].position

    def feed_before(self, before: int | None, span: int, words: Sequence[str]) -> tuple[int, list[Entry]]:
        """The first of the `span` positions below `before`, and their records that contain `words`, newest first."""
        return self._events.feed_before(before, span, words)

    def append(
        self,
        stream: str,
        past: list[Record],
        events: Sequence[Event],
        state: Subject | None = None,
        behind: Sequence[Head] = (),
    ) -> None:
        """Add events behind `past`, and the card of the `state` they make.

        Raises
        ------
        Conflict
            The stream, or one that it must be `behind`, has grown.
        """
        new = list(chained(stream, past, [to_record(event) for event in events]))
        self._events.append(stream, new, len(past), card_of(stream, state) if state else None, behind)

    def project_head(self, project: str) -> Head:
        """How many events of a project are known; ask before who acts, whose roles then are no older."""
        stream = project_stream(project)
        with self._lock:
            known = self._projects.get(project)
        return Head(stream, known[0] if known else self._events.heads_of([stream]).get(stream, 0))

    def heads_elsewhere(self, project: str, subject: str) -> list[Head]:
        """How many events of a subject all other projects have, and those that have some; see `project_head`."""
        others = [name for name in self.projects() if name != project]
        heads = self._events.heads_of([subject_stream(name, subject) for name in others])
        found = [Head(subject_stream(name, subject), heads.get(subject_stream(name, subject), 0)) for name in others]
        return found + [self.project_head(name) for name in others if subject_stream(name, subject) in heads]

    def subject(self, project: str, subject: str) -> tuple[list[Record], Subject]:
        """A subject now, and the records it was folded from."""
        records = self._events.read(subject_stream(project, subject))
        state = _folded(records)
        if records and (state.project, state.subject) != (project, subject):
            raise Tampered("A stream contains events of another subject.", "Restore it from a backup.")
        return records, state

    def project(self, project: str) -> tuple[list[Record], Project]:
        """A project now, and the records it was folded from."""
        records = self._events.read(project_stream(project))
        with undamaged(_ODD):
            return records, fold_project(from_record(record) for record in records)

    def projects(self) -> dict[str, Project]:
        """All projects by name; each is read again when it has grown."""
        heads = self._events.heads(PROJECTS)
        with self._lock:
            for stream, count in sorted(heads.items()):
                name = stream.removeprefix(PROJECTS)
                if self._projects.get(name, (0, None))[0] != count:
                    records, state = self.project(name)
                    self._projects[name] = (len(records), state)
            return {name: state for name, (_, state) in sorted(self._projects.items())}

    def known_projects(self) -> dict[str, Project]:
        """All projects as they were read last; they are read if they never were."""
        with self._lock:
            known = {name: state for name, (_, state) in sorted(self._projects.items())}
        return known or self.projects()

    def subjects(self) -> list[tuple[str, str]]:
        """Every subject that was ever enrolled, as (project, subject); no stream is read for it."""
        return [(name.split("/")[1], name.split("/")[2]) for name in self._events.heads(SUBJECTS)]

    def projects_of(self, subject: str) -> list[str]:
        """The projects in which a subject was ever enrolled."""
        heads = self._events.heads_of([subject_stream(project, subject) for project in self.projects()])
        return sorted(stream.split("/")[1] for stream in heads)

    def has_alike(self, subject: str) -> bool:
        """Whether a subject of any project has a name that differs from this one in upper and lower case only."""
        pages = (self.names(CardQuery(project, contains=subject, size=LARGEST_PAGE)) for project in self.projects())
        names = (stream.split("/")[2] for page in pages for stream in page)
        return any(name != subject and name.casefold() == subject.casefold() for name in names)

    def page(self, query: CardQuery) -> tuple[int, list[Subject]]:
        """How many subjects fit the query, and those of its page, in order."""
        found = self._cards.cards(query)
        return found.total, self._states(found.streams)

    def names(self, query: CardQuery) -> Sequence[str]:
        """The streams of the subjects that fit the query, on its page."""
        return self._cards.cards(query).streams

    def _states(self, names: Sequence[str]) -> list[Subject]:
        """Subjects by stream; one that has not grown since it was folded is not read again."""
        heads = self._events.heads_of(names)
        with self._lock:
            known = {name: self._folded[name] for name in names if name in self._folded}
        stale = [name for name in names if known.get(name, (0, None))[0] != heads.get(name, 0)]
        read = self._events.read_many(stale) if stale else {}
        fresh = {name: (len(records), _folded(records)) for name, records in read.items()}
        with self._lock:
            self._folded.update(fresh)
            while len(self._folded) > _MOST:
                self._folded.pop(next(iter(self._folded)))
        return [(fresh.get(name) or known[name])[1] for name in names]

    def states_at(self, position: int, states: Sequence[Subject]) -> list[Subject | None]:
        """Each subject as it stood when the feed had come to a position; None for one that came later."""
        lengths = self._past.at(position)
        names = [subject_stream(state.project, state.subject) for state in states]
        read = self._events.read_many([name for name in names if lengths.get(name)])
        then = {name: _folded(records[: lengths[name]]) for name, records in read.items()}
        return [then.get(name) if name in lengths else state for name, state in zip(names, states, strict=True)]

    def changed(self, after: int) -> tuple[int, list[str]]:
        """The newest position (of a piece of the feed), and the streams with an event above `after`."""
        entries = self._events.feed(after, _FEED)
        return entries[-1].position if entries else after, sorted({entry.stream for entry in entries})

    def fingerprint(self, position: int) -> str:
        """Return what tells the event at a position from another one there; empty if there is none."""
        entry = next((each for each in self._events.feed(position - 1, 1) if each.position == position), None)
        return digest(canonical([entry.stream, entry.index, entry.record])) if entry else ""

    def cards_of(self, names: Sequence[str]) -> dict[str, Card]:
        """The cards of streams that have one."""
        return self._cards.cards_of(names)

    def check(self, stream: str) -> int:
        """How many events the chain of a stream holds; Tampered when it is broken."""
        return check_chain(stream, self._events.read(stream))

    @contextmanager
    def noticing(self, project: str, subject: str) -> Iterator[None]:
        """When nothing can be made of a subject, look first whether its events were changed: that is named then."""
        try:
            yield
        except UNREADABLE:
            self.check(subject_stream(project, subject))
            raise

    def check_card(self, stream: str) -> None:
        """Tampered when lists are told something else of a subject than its events say."""
        if self._cards.cards_of([stream]).get(stream) != card_of(stream, _folded(self._events.read(stream))):
            raise Tampered("The subject's index entry does not match its events.")

    def mend_cards(self) -> int:
        """Make cards that are missing or of an earlier format; how many were."""
        subjects = list(self._events.heads(SUBJECTS))
        projects = {stream.split("/")[1] for stream in subjects}
        have = sum(self._cards.cards(CardQuery(name, ((FORMAT,),), size=0)).total for name in projects)
        if have == len(subjects):
            return 0
        missing = [name for piece in _pieces(subjects) for name in self._without_card(piece)]
        for piece in _pieces(missing):
            self._recard(piece)
        return len(missing)

    def _without_card(self, names: Sequence[str]) -> list[str]:
        have = self._cards.cards_of(names)
        return [name for name in names if name not in have or FORMAT not in have[name].words]

    def _recard(self, names: Sequence[str]) -> None:
        """Make the cards of streams; once more for those that somebody has added to meanwhile."""
        while names:
            records = self._events.read_many(names)
            self._cards.recard([card_of(name, _folded(records[name])) for name in names])
            heads = self._events.heads_of(names)
            names = [name for name in names if heads[name] != len(records[name])]


def _pieces(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[begin : begin + _PIECE] for begin in range(0, len(names), _PIECE))


def _folded(records: Iterable[Record]) -> Subject:
    with undamaged(_ODD):
        return fold(from_record(record) for record in records)


def subject_stream(project: str, subject: str) -> str:
    """The name of a subject's stream."""
    return f"{SUBJECTS}{project}/{subject}"


def project_stream(project: str) -> str:
    """The name of a project's stream."""
    return f"{PROJECTS}{project}"
