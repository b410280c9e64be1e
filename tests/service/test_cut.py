"""The line to the service is cut: the viewer says since when nothing is saved; drawing goes on, and is saved after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.repository.task import Task
from eci_annotate.tools.editing.entries import SetOption
from eci_annotate.viewer.session import save_state
from eci_annotate.viewer.workbench import Workbench
from tests.ports import free_port
from tests.repository.repository_world import lines
from tests.service.service_world import P, S, remote, tokens
from tests.service.serving_app import running


def test_work_goes_on_while_the_line_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLUSH_S", "RETRY_S"):
        monkeypatch.setattr(save_state, name, 0.05)
    monkeypatch.setattr("eci_annotate.repository.remote.http_client._WAITS_S", (0.05,))
    port = free_port()

    def app() -> Any:
        return make_app(Settings(folder, port=port), tokens())

    async def until(true: Callable[[], bool]) -> None:
        for _ in range(200):
            if true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError("it did not come")

    async def draw(bench: Workbench, values: range) -> float:
        begin = asyncio.get_running_loop().time()
        for value in values:
            bench.autosave.note(SetOption("radius_mm", float(value)))
            await asyncio.sleep(0.01)
        return asyncio.get_running_loop().time() - begin

    async def work() -> Task:
        with running(app(), port):
            task = remote(f"http://127.0.0.1:{port}/services/eci", "ben").start(S, "annotate", project=P)
            task.save(lines(task))
            bench = Workbench(task)
            await draw(bench, range(3, 6))
            await until(lambda: "saved" in bench.state.widget.value and not bench.autosave.unsaved)
        assert await draw(bench, range(6, 26)) < 2.0  # nothing holds the hand up
        await until(lambda: "not saved since" in bench.state.widget.value)
        with running(app(), port):
            await until(lambda: not bench.autosave.unsaved and "not saved" not in bench.state.widget.value)
            drafted = task.draft()
        said = [line for line in drafted.lines if "radius_mm" in line]
        assert len(said) == len(set(said)) and len(said) >= 20
        return task

    asyncio.run(work())
