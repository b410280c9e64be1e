"""The service is killed (SIGKILL) under load and started again: clients come back, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from eci_annotate.repository.draft_entries import read_draft
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import Context
from eci_annotate.store.protocols import Address
from tests.benchmarks.bench_service import prepared
from tests.benchmarks.load import P, Told, hub, start_all, start_service, under_load
from tests.counts import count
from tests.ports import free_port
from tests.postgres import dsn, postgres  # noqa: F401

KILLS, CROWD = count(2, 50), count(8, 50)


def saved(folder: Path, pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    """The marked lines of everybody's draft, as they are on the disk."""
    context, found = Context.from_layout(find(folder)), {}
    for name, subject in pairs:
        address = Address(P, subject, "annotate")
        holder = context.drafts.holder(address)
        assert holder is not None
        lines = read_draft(context.drafts.read(address, holder.fence), lambda digest: b"").lines
        found[name] = [line for line in lines if line.startswith(name)]
    return found


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["folder", "postgres"])
def test_nothing_acknowledged_is_lost(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "repository"
    pairs = prepared(folder, CROWD, request.getfixturevalue("dsn") if kind == "postgres" else "")
    seconds = 4.0 * KILLS + 3
    with hub() as api:
        port = free_port()
        process = [start_service(folder, port, api)]
        fences = asyncio.run(start_all(port, pairs))

        def disturb() -> None:
            for _ in range(KILLS):
                time.sleep(2.0)
                process[0].kill()
                process[0].wait()
                process.insert(0, start_service(folder, port, api))

        killer = threading.Thread(target=disturb)
        killer.start()
        told: Told = asyncio.run(under_load(port, pairs, fences, seconds, 0))
        killer.join()
        process[0].terminate()
        process[0].wait(20)
    assert not told.errors, told.errors[:3]
    assert sum(told.acknowledged.values()) >= CROWD and told.times.get("lost")
    for name, lines in saved(folder, pairs).items():
        expected = [f"{name}-{number}" for number in range(told.acknowledged.get(name, 0))]
        assert lines[: len(expected)] == expected and len(lines) - len(expected) <= 1, name
