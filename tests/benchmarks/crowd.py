"""Many subjects with events and cards, the same ones each time; loaded into PostgreSQL in bulk."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from eci_annotate.store.cards import Card
from eci_annotate.store.postgres.card_pages import values
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.codec import canonical
from eci_annotate.workflow.trust.seals import chained

PROJECT, EVENTS = "liver-ct", 9
SITES = ("KAU", "ERL", "UMU", "LUND", "GRAZ", "PISA", "GENT", "PORTO")
STAGES = ("ingest", "annotate", "review", "adjudicate", "done")


@dataclass(frozen=True)
class Member:
    """One subject: its card and its chained events."""

    card: Card
    records: list[Record]


def card(number: int, turn: int = 0) -> Card:
    """A subject's card: two sites in ten, one subject in fifty excluded; `turn` moves it on."""
    draw = random.Random(number)
    site, cohort = draw.choice(SITES), draw.choice("ABCD")
    kept = "included" if draw.random() > 0.02 else "excluded"
    stage = STAGES[(min(int(draw.expovariate(0.7)), 4) + turn) % 5]
    live, reader = "live" if draw.random() > 0.1 else "test", f"open-by:{draw.randrange(40)}"
    subject = f"ECI_{site}_S{number:06d}"
    words = {f"site:{site}", f"cohort:{cohort}", kept, live, f"stage:{stage}"}
    words |= {f"{task}:{'signed' if STAGES.index(stage) > at else 'ready'}" for at, task in enumerate(STAGES[:4])}
    words |= {reader} if draw.random() < 0.03 else set()
    order = {"subject": subject, "site": site, "cohort": cohort, "stage": stage, "progress": f"{STAGES.index(stage)}"}
    body = {"tasks": {task: {"state": "ready", "by": None, "version": 0} for task in STAGES}, "turn": turn}
    return Card(f"subject/{PROJECT}/{subject}", PROJECT, frozenset(words), order, body)


def events(stream: str, count: int = EVENTS) -> list[Record]:
    """Chained events of some 600 bytes."""
    plain = [{"name": "started.1", "data": {"n": n, "by": "anna", "note": "x" * 300}} for n in range(count)]
    return list(chained(stream, [], plain))


def crowd(count: int) -> Iterator[Member]:
    """The first `count` subjects."""
    for number in range(count):
        face = card(number)
        yield Member(face, events(face.stream))


def load(dsn: str, count: int) -> None:
    """Fill an empty PostgreSQL store with `count` subjects, by COPY."""
    with psycopg.connect(dsn) as connection:
        connection.execute("SET search_path TO eci_annotate")
        kinds: dict[str, tuple[int, list[str], int]] = {}
        cards = [card(number) for number in range(count)]
        _streams(connection, cards)
        _events(connection, cards)
        with connection.cursor().copy("COPY cards FROM STDIN") as copy:
            for number, face in enumerate(cards, 1):
                project, key, words, order, text = values(face)
                kind, _, have = kinds.get(key, (len(kinds) + 1, words, 0))
                kinds[key] = (kind, words, have + 1)
                copy.write_row((number, face.stream, project, kind, *order, text))
        rows = [(kind, PROJECT, key, words, have) for key, (kind, words, have) in kinds.items()]
        connection.cursor().executemany("INSERT INTO kinds OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)", rows)
        connection.execute("SELECT setval(pg_get_serial_sequence('kinds', 'id'), %s)", [len(kinds)])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _streams(connection: psycopg.Connection[tuple[object, ...]], cards: list[Card]) -> None:
    with connection.cursor().copy("COPY streams (name, records) FROM STDIN") as copy:
        for face in cards:
            copy.write_row((face.stream, EVENTS))


def _events(connection: psycopg.Connection[tuple[object, ...]], cards: list[Card]) -> None:
    """Interleaved: the first event of all subjects, then the second of all."""
    records = canonical(events("s")[0]).decode()
    with connection.cursor().copy("COPY events FROM STDIN") as copy:
        for index in range(EVENTS):
            for number in range(1, len(cards) + 1):
                copy.write_row((index * len(cards) + number, number, index, records))
    connection.execute(b"UPDATE feed SET position = %s", [EVENTS * len(cards)])
