"""A project of many subjects, with events as the workflow writes them, loaded into PostgreSQL in bulk."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import psycopg

from eci_annotate.repository.local.event_streams import subject_stream
from eci_annotate.repository.local.subject_cards import card_of
from eci_annotate.store.postgres.card_pages import values
from eci_annotate.workflow.codec import canonical
from eci_annotate.workflow.subject.events import Described, Enrolled, Event, Started, VersionSigned, to_record
from eci_annotate.workflow.subject.state import fold
from eci_annotate.workflow.trust.seals import Manifest, SealedPart, chained
from eci_annotate.workflow.usecase.usecase import UseCase
from tests.benchmarks.crowd import Member

SITES = ("KAU", "VIE", "UMU", "LUND", "GRAZ", "PISA", "GENT", "PORTO")
THEN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_PIECE = 4000


def subject_events(project: str, case: UseCase, number: int) -> list[Event]:
    """A subject's events: all are taken in; of ten six are annotated, of these two are reviewed; a few are open."""
    draw = random.Random(number)
    site = draw.choice(SITES)
    subject, at = f"ECI_{site}_S{number:06d}", THEN + timedelta(minutes=number % 100_000)
    known = {"by": "olga", "assurance": "hub", "at": at}
    found: list[Event] = [
        Enrolled(**known, project=project, subject=subject, site=site, use_case=case.digest, pipeline=case.pipeline)
    ]
    if draw.random() < 0.5:
        found.append(Described(**known, included=draw.random() > 0.02, live=True, cohort=draw.choice("ABCD")))
    chance = draw.random()
    for task, by, reached in (
        ("ingest", "olga", True),
        ("annotate", "anna", chance < 0.6),
        ("review", "ruth", chance < 0.2),
    ):
        if reached:
            found += _done(case, task, by, at + timedelta(hours=1))
    if 0.6 <= chance < 0.605:
        found.append(_started(case, "annotate", "anna", datetime.now(UTC), timedelta(minutes=30)))
    return found


def _started(case: UseCase, task: str, by: str, at: datetime, lasts: timedelta) -> Started:
    known = {"by": by, "assurance": "hub", "at": at, "task": task, "version": 1, "session": "bench", "fence": 1}
    return Started(**known, until=at + lasts, use_case=case.digest, basis={})


def _done(case: UseCase, task: str, by: str, at: datetime) -> Iterator[Event]:
    yield _started(case, task, by, at, timedelta(minutes=30))
    parts = tuple(
        SealedPart(role, role, f"{n:064d}") for n, role in enumerate(("snapshot", "annotations", "report", "rtstruct"))
    )
    known = {"by": by, "assurance": "hub", "at": at + timedelta(minutes=9), "task": task, "version": 1, "fence": 1}
    verdict = "accept" if task == "review" else ""
    basis = {"annotate": 1} if task == "review" else {}
    yield VersionSigned(
        **known, meaning="I drew this and checked it", verdict=verdict, reason="", basis=basis, use_case=case.digest,
        manifest=Manifest(parts, "bench"), predecessor="0" * 64, seal="1" * 64, signature="ab" * 384, key="2" * 64,
    )  # fmt: skip


def population(project: str, case: UseCase, count: int) -> Iterator[Member]:
    """The first `count` subjects with their cards and chained records."""
    for number in range(count):
        events = subject_events(project, case, number)
        state = fold(events)
        stream = subject_stream(project, state.subject)
        yield Member(card_of(stream, state), list(chained(stream, [], [to_record(event) for event in events])))


def load_population(dsn: str, members: Iterator[Member]) -> int:
    """Add subjects to a store that has none yet (projects may be there); how many."""
    kinds: dict[str, tuple[int, str, list[str], int]] = {}
    with psycopg.connect(dsn) as connection:
        connection.execute("SET search_path TO eci_annotate")
        (stream,) = connection.execute("SELECT coalesce(max(id), 0) FROM streams").fetchone() or (0,)
        (position,) = connection.execute("SELECT position FROM feed").fetchone() or (0,)
        first = stream
        while piece := list(islice(members, _PIECE)):
            position = _load(connection, piece, stream, position, kinds)
            stream += len(piece)
        rows = [(kind, project, key, words, have) for key, (kind, project, words, have) in kinds.items()]
        connection.cursor().executemany("INSERT INTO kinds OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)", rows)
        connection.execute("SELECT setval(pg_get_serial_sequence('kinds', 'id'), %s)", [max(len(kinds), 1)])
        connection.execute("UPDATE feed SET position = %s", [position])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return int(stream - first)


def _load(
    connection: psycopg.Connection[tuple[object, ...]],
    piece: Sequence[Member],
    stream: int,
    position: int,
    kinds: dict[str, tuple[int, str, list[str], int]],
) -> int:
    with connection.cursor().copy("COPY streams (name, records) FROM STDIN") as copy:
        for each in piece:
            copy.write_row((each.card.stream, len(each.records)))
    with connection.cursor().copy("COPY events FROM STDIN") as copy:
        for number, each in enumerate(piece, stream + 1):
            for index, record in enumerate(each.records):
                position += 1
                copy.write_row((position, number, index, canonical(record).decode()))
    with connection.cursor().copy("COPY cards FROM STDIN") as copy:
        for number, each in enumerate(piece, stream + 1):
            project, key, words, order, text = values(each.card)
            kind, _, _, have = kinds.get(key, (len(kinds) + 1, project, words, 0))
            kinds[key] = (kind, project, words, have + 1)
            copy.write_row((number, each.card.stream, project, kind, *order, text))
    return position
