"""Which instance is where: received, de-identified or quarantined, sent, confirmed. SQLite with a full sync per change.

It holds digests, pseudonyms and causes; no value of a patient is in it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import RLock

from eci_annotate.deid.quarantine import Cause

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 600.0
_TABLE = """
create table if not exists instance(
  id integer primary key, content text not null unique, size integer not null, state text not null,
  causes text not null default '', accepted text not null default '', reason text not null default '',
  outgoing text not null default '', pseudonym text not null default '', series text not null default '',
  uid text not null default '', subject text not null default '',
  attempts integer not null default 0, due real not null default 0, changed real not null);
create index if not exists by_state on instance(state, due, id);
create index if not exists by_uid on instance(uid);
create index if not exists by_outgoing on instance(outgoing);
create table if not exists gone(state text primary key, number integer not null);
"""
_ON_DISK = "('de-identified','sent','held at the centre')"  # with an original in the spool


class QueueState(StrEnum):
    """Where an instance is on its way."""

    RECEIVED = "received"
    QUARANTINED = "quarantined"
    DEIDENTIFIED = "de-identified"
    SENT = "sent"
    CONFIRMED = "confirmed"
    HELD = "held at the centre"


@dataclass(frozen=True)
class QueuedInstance:
    """One instance: SHA-256 of the received and of the de-identified file, and what is known without its values."""

    id: int
    content: str
    size: int
    state: QueueState
    causes: tuple[Cause, ...]
    accepted: tuple[Cause, ...]
    reason: str
    outgoing: str
    pseudonym: str
    series: str
    uid: str
    subject: str
    attempts: int


_COLUMNS = "id, content, size, state, causes, accepted, reason, outgoing, pseudonym, series, uid, subject, attempts"


class InstanceQueue:
    """The queue of one proxy; several processes and threads may use it.

    Parameters
    ----------
    path
        The database; created if absent.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._line = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=60000"):
            self._line.execute(f"pragma {pragma}")
        self._line.executescript(_TABLE)

    def close(self) -> None:
        """Close the database."""
        self._line.close()

    def add(self, sizes: Mapping[str, int]) -> set[str]:
        """Register received files by SHA-256; returns those that need their original (new, or not finished)."""
        rows = [(content, size, QueueState.RECEIVED.value, time.time()) for content, size in sizes.items()]
        with self._change() as line:
            line.executemany("insert or ignore into instance(content, size, state, changed) values(?,?,?,?)", rows)
            marks = ",".join("?" * len(sizes))
            found = line.execute(
                f"select content from instance where state in ('received','quarantined') and content in ({marks})",
                [*sizes],
            )
            return {row[0] for row in found}

    def waiting(self, state: QueueState, most: int = 1000, causes: Sequence[Cause] = ()) -> list[QueuedInstance]:
        """Return instances of a state that are due, oldest first; of these causes only, if given.

        What waits for longer than it can was put back while the clock was ahead: it is due.
        """
        now = time.time()
        with self._lock:
            rows = self._line.execute(
                f"select {_COLUMNS} from instance where state=? and (due<=? or due>?) order by due, id limit ?",
                (state.value, now, now + LONGEST_WAIT_S, most),
            ).fetchall()
        found = [_instance(row) for row in rows]
        return [each for each in found if not causes or set(causes) & set(each.causes)]

    def contents(self) -> set[str]:
        """Return the SHA-256 of every original that is known."""
        with self._lock:
            return {row[0] for row in self._line.execute("select content from instance")}

    def get(self, number: int) -> QueuedInstance | None:
        """Return an instance by its number."""
        with self._lock:
            row = self._line.execute(f"select {_COLUMNS} from instance where id=?", (number,)).fetchone()
        return _instance(row) if row else None

    def quarantine(self, each: QueuedInstance, causes: Sequence[Cause]) -> None:
        """Set an instance aside."""
        names = " ".join(cause.name for cause in causes)
        self._update(each, QueueState.QUARANTINED, causes=names)

    def deidentified(
        self, each: QueuedInstance, outgoing: str, *, pseudonym: str, series: str, uid: str
    ) -> QueueState | None:
        """Record the de-identified file; returns the state then.

        None: the same result was there before, since the object came by two ways; it is counted, and its row deleted.
        Another result with the same UID sets the object aside.
        """
        known = {"outgoing": outgoing, "pseudonym": pseudonym, "series": series, "uid": uid}
        with self._change() as line:
            other = line.execute(
                "select outgoing from instance where uid=? and outgoing<>'' and id<>?", (uid, each.id)
            ).fetchone()
            if other is None:
                self._set(line, each, QueueState.DEIDENTIFIED, **known)
                return QueueState.DEIDENTIFIED
            if other[0] == outgoing:
                self._drop(line, each, "duplicate")
                return None
            self._set(line, each, QueueState.QUARANTINED, causes=Cause.DUPLICATE.name)
            return QueueState.QUARANTINED

    def is_confirmed(self, outgoing: str) -> bool:
        """Whether the centre has confirmed a de-identified file."""
        with self._lock:
            row = self._line.execute("select state from instance where outgoing=?", (outgoing,)).fetchone()
        return row is not None and row[0] == QueueState.CONFIRMED

    def sent(self, each: QueuedInstance) -> None:
        """Record that the centre has the whole file."""
        self._update(each, QueueState.SENT, attempts=0, due=0.0)

    def confirmed(self, each: QueuedInstance, subject: str) -> None:
        """Record the subject that the centre gave."""
        self._update(each, QueueState.CONFIRMED, subject=subject, reason="")

    def held(self, each: QueuedInstance, reason: str) -> None:
        """Record that the centre holds the file back; it is asked again later, since an owner may release it."""
        self._update(each, QueueState.HELD, reason=reason[:300], due=time.time() + LONGEST_WAIT_S)

    def again(self, each: QueuedInstance, state: QueueState) -> None:
        """Put an instance back into a state, to be tried again after a while that grows with each attempt."""
        wait = min(FIRST_WAIT_S * 2**each.attempts, LONGEST_WAIT_S)
        self._update(each, state, attempts=each.attempts + 1, due=time.time() + wait)

    def retry(self, numbers: Sequence[int], accepted: Mapping[int, str] | None = None) -> int:
        """De-identify quarantined instances once more; returns how many. `accepted` gives causes a person accepts."""
        done = 0
        with self._change() as line:
            for number in numbers:
                done += line.execute(
                    "update instance set state='received', causes='', accepted=coalesce(?, accepted), due=0, "
                    "attempts=0, changed=? where id=? and state='quarantined'",
                    ((accepted or {}).get(number), time.time(), number),
                ).rowcount
        return done

    def delete(self, each: QueuedInstance) -> bool:
        """Delete a quarantined instance; counted. Whether it still was quarantined."""
        with self._change() as line:
            there = line.execute("select 1 from instance where id=? and state='quarantined'", (each.id,)).fetchone()
            if there:
                self._drop(line, each, "deleted")
            return bool(there)

    def counts(self) -> dict[str, int]:
        """Return how many instances are in each state, and how many were duplicates or deleted."""
        with self._lock:
            found = dict(self._line.execute("select state, count(*) from instance group by state"))
            return found | dict(self._line.execute("select state, number from gone"))

    def causes(self) -> dict[Cause, int]:
        """Return how many instances are quarantined for each cause."""
        counts: dict[Cause, int] = {}
        with self._lock:
            rows = self._line.execute("select causes, count(*) from instance where state='quarantined' group by causes")
            for names, number in rows:
                for name in names.split():
                    counts[Cause[name]] = counts.get(Cause[name], 0) + number
        return counts

    def reasons(self) -> dict[str, int]:
        """Return why the centre holds instances back, and how many."""
        with self._lock:
            rows = self._line.execute(
                "select reason, count(*) from instance where state=? group by reason", (QueueState.HELD.value,)
            )
            return dict(rows.fetchall())

    def failing(self) -> int:
        """Return how many instances could not be uploaded yet, and are tried again."""
        with self._lock:
            row = self._line.execute("select count(*) from instance where state='de-identified' and attempts>0")
            return int(row.fetchone()[0])

    def of_series(self, series: str, most: int = 2000) -> list[QueuedInstance]:
        """Return the instances of a series, by its new UID, that are on their way."""
        with self._lock:
            rows = self._line.execute(
                f"select {_COLUMNS} from instance where series=? and series<>'' and state in {_ON_DISK} "
                "order by id limit ?",
                (series, most),
            ).fetchall()
        return [_instance(row) for row in rows]

    def series(self, most: int = 200) -> list[tuple[QueuedInstance, int]]:
        """Return the series on their way, newest first: the first instance of each, and how many there are."""
        with self._lock:
            rows = self._line.execute(
                f"select {_COLUMNS}, n from instance join (select min(id) as first, count(*) as n from instance "
                f"where series<>'' and state in {_ON_DISK} group by series) on id=first order by id desc limit ?",
                (most,),
            ).fetchall()
        return [(_instance(row[:-1]), row[-1]) for row in rows]

    def rates(self, seconds: float = 600.0) -> tuple[float, int]:
        """Return confirmed instances per second in the last while, and bytes that are not confirmed yet."""
        with self._lock:
            since = (time.time() - seconds,)
            done = self._line.execute(
                "select count(*), min(changed) from instance where state='confirmed' and changed>?", since
            )
            number, first = done.fetchone()
            left = "select coalesce(sum(size), 0) from instance where state in ('received','de-identified','sent')"
            return (number / max(time.time() - first, 1.0) if number else 0.0), self._line.execute(left).fetchone()[0]

    def _update(self, each: QueuedInstance, state: QueueState, **values: object) -> None:
        with self._change() as line:
            self._set(line, each, state, **values)

    @staticmethod
    def _set(line: sqlite3.Connection, each: QueuedInstance, state: QueueState, **values: object) -> None:
        """Change a row if it still is in the state in which it was read: a decision of a person is not overwritten."""
        names = "".join(f", {name}=?" for name in values)
        line.execute(
            f"update instance set state=?, changed=?{names} where id=? and state=?",
            (state.value, time.time(), *values.values(), each.id, each.state.value),
        )

    @staticmethod
    def _drop(line: sqlite3.Connection, each: QueuedInstance, why: str) -> None:
        line.execute("delete from instance where id=?", (each.id,))
        line.execute("insert into gone values(?, 1) on conflict(state) do update set number=number+1", (why,))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do all changes of this while at once: after a crash all of them are there, or none."""
        with self._change():
            yield

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._line.in_transaction:  # a part of `together`
                yield self._line
                return
            self._line.execute("begin immediate")
            try:
                yield self._line
                self._line.execute("commit")
            except BaseException:
                self._line.execute("rollback")
                raise


def _instance(row: Sequence[object]) -> QueuedInstance:
    values = list(row)
    values[3] = QueueState(str(row[3]))
    values[4], values[5] = (tuple(Cause[name] for name in str(text).split()) for text in row[4:6])
    return QueuedInstance(*values)  # type: ignore[arg-type]
