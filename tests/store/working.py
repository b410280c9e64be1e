"""What the other processes do in the proofs of `test_processes.py`; each says in a file what was acknowledged to it."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eci_annotate.errors import Conflict, StoreUnavailable
from eci_annotate.store.cards import Card
from eci_annotate.store.conformance.draft_laws import holder_of
from eci_annotate.store.protocols import Address, Record, Stores
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.trust.seals import chained
from tests.stores import reopened

ROUNDS = 10  # so many rounds write to the same stream, draft and scope


@dataclass(frozen=True)
class Desk:
    """Where one writer works in one round."""

    writer: int
    turn: int

    @property
    def subject(self) -> str:
        return f"S{self.turn // ROUNDS:05d}-{self.writer}"

    @property
    def stream(self) -> str:
        return f"subject/p/{self.subject}"

    @property
    def scope(self) -> str:
        return f"p/{self.subject}"

    @property
    def address(self) -> Address:
        return Address("p", self.subject, "annotate")

    @property
    def fence(self) -> int:
        return self.turn % ROUNDS + 1


def face(desk: Desk, count: int) -> Card:
    """The card that goes with a stream of `count` records."""
    words = frozenset({"included", f"count:{count % 7}"})
    return Card(desk.stream, "p", words, {"subject": desk.subject}, {"count": count})


def following(desk: Desk, past: list[Record], count: int) -> list[Record]:
    """The next records of a stream."""
    plain = [{"name": "x.1", "data": {"n": len(past) + n, "pad": "x" * 200}} for n in range(count)]
    return list(chained(desk.stream, past, plain))


def write(place: str, desk: Desk, ready: Any, said: Path) -> None:
    """Write events, entries and blobs without end; say each one after it was acknowledged."""
    out = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    stores = reopened(place)
    ready.set()
    number = 0
    while True:
        number += 1
        try:
            _step(stores, desk, number, out)
        except (StoreUnavailable, Conflict):
            time.sleep(0.01)


def _step(stores: Stores, desk: Desk, number: int, out: int) -> None:
    past = stores.events.read(desk.stream)
    new = following(desk, past, number % 3 + 1)
    stores.events.append(desk.stream, new, len(past), face(desk, len(past) + len(new)))
    os.write(out, f"event {len(past) + len(new)}\n".encode())
    stores.drafts.open(desk.address, holder_of(desk.fence))
    for entry in range(5):
        text = f"{desk.fence}-{number}-{entry}"
        stores.drafts.append(desk.address, desk.fence, [{"l": [text, "x" * 300]}])
        os.write(out, f"entry {text}\n".encode())
    content = f"{desk.turn}-{number}".encode() * 200
    stores.blobs.keep(desk.scope, digest(content), content)
    os.write(out, f"blob {digest(content)}\n".encode())


def race(place: str, name: int, tasks: int, start: Any, out: Any) -> None:
    """Try to take every task, in an order of one's own; says which were won, and the longest wait."""
    stores, won, longest = reopened(place), [], 0.0
    order = list(range(tasks))
    random.Random(name).shuffle(order)
    start.wait()
    for task in order:
        begin = time.monotonic()
        if _takes(stores, f"subject/p/S{task}", name):
            won.append(task)
        longest = max(longest, time.monotonic() - begin)
    out.put((name, won, longest))
    stores.close()


def _takes(stores: Stores, stream: str, name: int) -> bool:
    if stores.events.read(stream):
        return False
    try:
        stores.events.append(stream, [{"name": "x.1", "data": {"by": name}}], 0)
    except Conflict:
        return False
    return True
