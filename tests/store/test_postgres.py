"""What only PostgreSQL has: migrations, many writers at one feed, connections that break; no secret in any message."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from eci_annotate.errors import Conflict, EciError, LeaseLost, NotARepository, StoreUnavailable
from eci_annotate.store.cards import CardQuery, page_of
from eci_annotate.store.conformance.card_laws import card_of, pages_are_as_the_reference_makes_them, record_of
from eci_annotate.store.conformance.draft_laws import PLACE, holder_of
from eci_annotate.store.open_stores import open_postgres
from eci_annotate.store.postgres import card_pages as pages
from eci_annotate.store.postgres import migrations
from eci_annotate.store.postgres.migrations import missing
from eci_annotate.store.protocols import Append
from tests.counts import count
from tests.postgres import Server, running


def test_a_newer_schema_is_refused_by_name(dsn: str) -> None:
    open_postgres(dsn).close()
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO eci_annotate.steps (name) VALUES ('999_colours')")
    with pytest.raises(NotARepository, match=r"999_colours.*does not know"):
        open_postgres(dsn)


def test_steps_are_done_once_and_in_order(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    assert missing(["1", "2"], ["1", "2", "3"]) == ["3"] and missing([], ["1"]) == ["1"]
    with pytest.raises(NotARepository):
        missing(["2"], ["1", "2"])
    known = migrations.steps()
    open_postgres(dsn).close()
    monkeypatch.setattr(migrations, "steps", lambda: {**known, "999_x": "CREATE TABLE x (y integer)"})
    for _ in range(2):
        open_postgres(dsn).close()
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT name FROM eci_annotate.steps ORDER BY name").fetchall()
    assert [name for (name,) in rows] == [*known, "999_x"]


def test_a_database_of_an_older_release_is_searched_by_name(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    known = migrations.steps()
    monkeypatch.setattr(migrations, "steps", lambda: {name: known[name] for name in list(known)[:1]})
    old = open_postgres(dsn)
    old.events.append_many([Append(card_of(n).stream, [record_of("1")], 0, card_of(n)) for n in range(40)])
    old.close()
    monkeypatch.undo()
    new = open_postgres(dsn)
    for n in (40, 41):
        new.events.append(card_of(n).stream, [record_of("1")], 0, card_of(n))
    query = CardQuery("p", contains=card_of(41).order["subject"][:-1].upper())
    assert new.cards.cards(query) == page_of(map(card_of, range(42)), query)
    new.close()


def test_a_step_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setattr(migrations, "steps", lambda: {"001_x": "CREATE TABLE x (y integer)", "002_y": "nonsense"})
    with pytest.raises(StoreUnavailable):
        open_postgres(dsn)
    monkeypatch.undo()
    open_postgres(dsn).close()


def test_many_open_an_empty_database_at_once(dsn: str) -> None:
    def work(number: int) -> None:
        stores = open_postgres(dsn)
        stores.events.append(f"s/{number}", [record_of("1")], 0)
        stores.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    stores = open_postgres(dsn)
    assert len(stores.events.feed()) == 8
    stores.close()


def test_another_encoding_is_refused(postgres: Server) -> None:
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(NotARepository, match="UTF8"):
        open_postgres(postgres.dsn("latin"))


def test_a_reader_of_the_feed_never_skips(dsn: str) -> None:
    writers, appends = 6, count(60, 1500)
    stop = threading.Event()
    seen: list[int] = []

    def write(number: int) -> None:
        stores = open_postgres(dsn)
        for turn in range(appends):
            records = [record_of(f"{number}-{turn}-{n}") for n in range(turn % 3 + 1)]
            stores.events.append(f"s/{number}", records, stores.events.heads(f"s/{number}").get(f"s/{number}", 0))
        stores.close()

    def read() -> None:
        stores = open_postgres(dsn)
        while not stop.is_set() or stores.events.feed(seen[-1] if seen else 0, 1):
            seen.extend(entry.position for entry in stores.events.feed(seen[-1] if seen else 0, 7))
        stores.close()

    reader = threading.Thread(target=read)
    with ThreadPoolExecutor(writers) as pool:
        reader.start()
        list(pool.map(write, range(writers)))
    stop.set()
    reader.join()
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) == writers * sum(turn % 3 + 1 for turn in range(appends))


def test_cards_and_counts_stay_right_under_many_writers(dsn: str) -> None:
    def work(number: int) -> None:
        stores = open_postgres(dsn)
        for turn in range(count(40, 400)):
            card = card_of((number * turn) % 10, word=f"turn:{turn % 4}")
            try:
                stores.events.append(card.stream, [record_of("x")], len(stores.events.read(card.stream)), card)
            except Conflict:
                stores.cards.recard([])
        stores.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(1, 7)))
    stores = open_postgres(dsn)
    found = [stores.cards.cards(CardQuery("p", wanted=((f"turn:{turn}",),))) for turn in range(4)]
    assert all(page.total == len(page.cards) for page in found)
    assert sum(page.total for page in found) == stores.cards.cards(CardQuery("p")).total == 10
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT sum(cards) FROM eci_annotate.kinds").fetchall() == [(10,)]
    stores.close()


def test_each_way_to_a_page_is_as_the_reference_makes_it(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    stores = open_postgres(dsn)
    for few in (0, 7, 1000):
        monkeypatch.setattr(pages, "_FEW", few)
        pages_are_as_the_reference_makes_them(stores.events)
        with psycopg.connect(dsn) as connection:
            connection.execute("SET search_path TO eci_annotate")
            connection.execute("TRUNCATE streams, events, cards, kinds, names")
    stores.close()


def test_bulk_and_single_appends_do_not_block_each_other_for_good(dsn: str) -> None:
    def work(number: int) -> None:
        stores = open_postgres(dsn)
        for turn in range(count(15, 200)):
            names = [f"s/{(turn * 7 + n * 3) % 9}" for n in range(4)] if number % 2 else [f"s/{turn % 9}"]
            heads = stores.events.heads("s/")
            appends = [Append(name, [record_of("x")], heads.get(name, 0)) for name in dict.fromkeys(names)]
            try:
                if number % 2:
                    stores.events.append_many(appends)
                else:
                    stores.events.append(appends[0].stream, appends[0].records, appends[0].expected)
            except Conflict:
                continue
        stores.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    stores = open_postgres(dsn)
    assert sum(stores.events.heads().values()) == len(stores.events.feed()) > 10
    stores.close()


def test_a_fence_holds_against_a_writer_in_the_middle(dsn: str) -> None:
    first, second = open_postgres(dsn), open_postgres(dsn)
    first.drafts.open(PLACE, holder_of(1))
    written, lost = 0, threading.Event()

    def write() -> None:
        nonlocal written
        try:
            while True:
                first.drafts.append(PLACE, 1, [{"l": [written]}])
                written += 1
        except LeaseLost:
            lost.set()

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.2)
    second.drafts.open(PLACE, holder_of(2))
    carried = second.drafts.read(PLACE, 2)
    assert lost.wait(10)
    writer.join()
    assert [entry["l"][0] for entry in carried] == list(range(written))
    first.close()
    second.close()


def test_entries_of_a_draft_are_durable_and_many(dsn: str) -> None:
    stores = open_postgres(dsn)
    stores.drafts.open(PLACE, holder_of(1))
    begin = time.perf_counter()
    for number in range(200):
        stores.drafts.append(PLACE, 1, [{"n": number, "l": ["x" * 8000]}])
    took = time.perf_counter() - begin
    print(f"{200 / took:.0f} entries of 8 kB a second, one writer")
    assert took < 10 and len(stores.drafts.read(PLACE, 1)) == 200
    stores.close()


def test_a_lost_connection_is_named_and_made_anew(dsn: str, postgres: Server) -> None:
    stores = open_postgres(dsn)
    stores.events.append("a", [record_of("1")], 0)
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        ended = "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE datname <> 'postgres'"
        assert {(True,)} == set(connection.execute(ended))  # it waits until they have ended
    stores.events.append("a", [record_of("2")], 1)
    stores.close()


@pytest.mark.needs_postgres
def test_a_server_that_stops_is_named_and_found_again() -> None:
    with running() as server:
        stores = open_postgres(server.fresh())
        stores.events.append("a", [record_of("1")], 0)
        server.kill()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="Try again"):
                stores.events.append("a", [record_of("2")], 1)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            open_postgres(server.dsn("d0"))
        server.start()
        stores.events.append("a", [record_of("2")], 1)
        assert len(stores.events.feed()) == 2
        stores.close()


def test_a_read_only_database_is_named(dsn: str) -> None:
    stores = open_postgres(dsn)
    stores.events.append("a", [record_of("1")], 0)
    stores.close()
    reader = open_postgres(f"{dsn} options='-c default_transaction_read_only=on'")
    with pytest.raises(StoreUnavailable, match="read-only"):
        reader.events.append("a", [record_of("2")], 1)
    assert reader.events.heads() == {"a": 1}
    reader.close()


WRONG = [
    "host=/nowhere user=eci password=Kanarienvogel dbname=x",
    "postgresql://eci:Kanarienvogel@127.0.0.1:1/x",
    "postgresql://eci:Kanarienvogel@[nonsense/x",
    "Kanarienvogel",
    "host=/nowhere Kanarienvogel=1",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_no_message_tells_the_address(wrong: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StoreUnavailable) as caught:
        open_postgres(wrong)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "Kanarienvogel" not in told and "nowhere" not in told


def test_no_repr_and_no_log_tells_the_address(dsn: str, postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stores = open_postgres(f"{dsn} password=Kanarienvogel")
    acts: list[Callable[[], object]] = [
        lambda: stores.events.append("a", [record_of("1")], 1),
        lambda: stores.blobs.fetch("", "0" * 64),
    ]
    for act in acts:
        with pytest.raises(EciError) as caught:
            act()
        assert "Kanarienvogel" not in "".join(traceback.format_exception(caught.value))
    parts = [stores, stores.events, stores.blobs, stores.drafts, stores.access]
    assert "Kanarienvogel" not in repr(parts) + caplog.text
    stores.close()
