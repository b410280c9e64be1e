"""A real JupyterLab and a real Chromium, for tests and benchmarks. Only what is started here is ended here."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.chromium import chromium
from tests.patience import PATIENCE_S, until
from tests.ports import free_port

PLAIN = "--ServerApp.jpserver_extensions=eci_annotate.viewer.session.kernel_transport=False"
RUN = "code => jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code }).done.then(() => 0)"
PROJECT, SUBJECT = "liver-ct", "ECI_KAU_S0001"
OPEN = f"""
import eci_annotate as eci
repo = eci.open("{{folder}}")
task = repo.start("{SUBJECT}", "annotate", project="{PROJECT}", take_over=True)
eci.annotate(task)
"""


def notebook(cells: Sequence[str]) -> dict[str, Any]:
    """A notebook of code cells."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": [
            {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
            for n, text in enumerate(cells)
        ],
        "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip


def private_places(folder: Path) -> dict[str, str]:
    """An environment in which Jupyter keeps everything of its own below a folder."""
    private = folder / ".jupyter"
    places = {"CONFIG_DIR": "", "DATA_DIR": "data", "RUNTIME_DIR": "run"}
    env = {**os.environ, **{f"JUPYTER_{name}": str(private / place) for name, place in places.items()}}
    env |= {f"JUPYTERLAB_{name.upper()}_DIR": str(private / name) for name in ("settings", "workspaces")}
    return env | {"IPYTHONDIR": str(private / "ipython")}


def ended(server: subprocess.Popen[bytes]) -> None:
    """End a server that was started here."""
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()


def waited_for(url: str, server: subprocess.Popen[bytes], patience_s: float = PATIENCE_S) -> None:
    """Wait until a server answers."""

    def answers() -> bool:
        if server.poll() is not None:
            raise RuntimeError("The server ended by itself; see the log in its folder.")
        with suppress(OSError):
            urllib.request.urlopen(url, timeout=2).read()
            return True
        return False

    if not until(answers, patience_s, pause_s=0.1):
        raise TimeoutError(url)


class Lab:
    """A running server; `folder` is its root, where notebooks are put."""

    def __init__(self, folder: Path, base: str, token: str) -> None:
        self.folder, self.base, self.token = folder, base, token

    def put(self, name: str, cells: Sequence[str]) -> str:
        """Write a notebook; returns its JupyterLab address."""
        (self.folder / name).write_text(json.dumps(notebook(cells)), encoding="utf-8")
        return f"{self.base}/lab/workspaces/{secrets.token_hex(4)}/tree/{name}?token={self.token}"

    def unused(self, name: str) -> Path:
        """A folder in the server's that does not exist, with another name if a test runs again."""
        name = name.replace("[", "_").replace("]", "")
        numbered = (self.folder / (f"{name}-{again}" if again else name) for again in count())
        return next(path for path in numbered if not path.exists())

    def copy(self, folder: Path, name: str) -> Path:
        """Copy a folder into the server's; returns the copy."""
        return Path(shutil.copytree(folder, self.unused(name)))

    def end_kernels(self) -> int:
        """Shut down the kernels of all notebooks; returns how many there were."""
        sessions = json.loads(self._ask("GET", "/api/sessions"))
        for session in sessions:
            self._ask("DELETE", f"/api/sessions/{session['id']}")
        return len(sessions)

    def _ask(self, method: str, path: str) -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.base}{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
        return content


@contextmanager
def serving(
    folder: Path, kind: str = "lab", more: Sequence[str] = (), prompt: bool = True, python: str = sys.executable
) -> Iterator[Lab]:
    """Start JupyterLab in a folder, of the environment of a Python, and end it."""
    port, token = free_port(), secrets.token_hex(12)
    env = private_places(folder)
    wish = [] if prompt else [PLAIN]
    command = [
        python, "-m", "jupyter", kind, "--no-browser", "--allow-root",
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        "--ServerApp.open_browser=False", *wish, *more,
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
    try:
        base = f"http://127.0.0.1:{port}"
        waited_for(f"{base}/api?token={token}", server)
        yield Lab(folder, base, token)
    finally:
        ended(server)


@contextmanager
def browsing(
    width: int = 1600, height: int = 1000, port: int | None = None, software_gl: bool = False
) -> Iterator[Page]:
    """Start Chromium with one page; a port also opens its debugging protocol to others."""
    with chromium(*([f"--remote-debugging-port={port}"] if port else []), software_gl=software_gl) as browser:
        yield browser.new_page(viewport={"width": width, "height": height})


def run_all(page: Page, address: str) -> None:
    """Open a notebook in JupyterLab and run all its cells."""
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")


class Viewer:
    """The stage on a page, as a person uses it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._boxes: dict[str, tuple[float, float, float, float]] = {}

    def wait(self) -> None:
        """Until the first images and the kernel's layers are there."""
        self.page.wait_for_selector(".eci-stage")
        self.page.wait_for_function(
            "() => { const s = document.querySelector('.eci-stage')?.stage; "
            "return s && s.board.shown.length && s.board.shown.every(p => p.drawn && !p.waits) }",
        )

    def stage(self, expression: str) -> Any:
        """Evaluate JavaScript in which `s` is the stage."""
        return self.page.evaluate(
            f"() => {{ const s = document.querySelector('.eci-stage').stage; return ({expression}) }}"
        )

    def at(self, pane: str, x: float, y: float) -> tuple[float, float]:
        """Page position of a share (0..1) of a pane."""
        box = self.page.locator(f".eci-pane[data-pane='{pane}']").bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def at_cached(self, pane: str, x: float, y: float) -> tuple[float, float]:
        """The same from the layout of the first call: no question to the browser in between."""
        if pane not in self._boxes:
            left, top = self.at(pane, 0, 0)
            right, bottom = self.at(pane, 1, 1)
            self._boxes[pane] = (left, top, right - left, bottom - top)
        left, top, width, height = self._boxes[pane]
        return left + x * width, top + y * height

    def drag(self, pane: str, path: Sequence[tuple[float, float]], *, button: Any = "left", steps: int = 6) -> None:
        """Press, move along shares of a pane, release."""
        mouse = self.page.mouse
        mouse.move(*self.at(pane, *path[0]))
        mouse.down(button=button)
        for point in path[1:]:
            mouse.move(*self.at(pane, *point), steps=steps)
        mouse.up(button=button)

    def option(self, select: str, label: str) -> None:
        """Choose in a menu of the tool bar, which may be among what does not fit into the row."""
        more = self.page.locator(".eci-more")
        hidden = more.is_visible() and self.page.locator(f"[inert] {select}").count() > 0
        if hidden:
            more.click()
        self.page.locator(select).select_option(label=label)
        if hidden:
            more.press("Escape")

    def fetched(self) -> None:
        """Until no slice is under way."""
        self.page.wait_for_function(
            "() => { const s = document.querySelector('.eci-stage').stage; "
            "return s.loader.isWhole(s.board.series) && !s.loader.asked.size }",
        )
        self.answered()

    def saved(self) -> None:
        """Until the draft holds everything that was drawn and answered."""
        self.rest()
        self.page.locator(".eci-state:visible", has_text=re.compile("saved [0-9]")).first.wait_for()

    def answered(self) -> None:
        """Until the kernel has done all that was clicked, and what it shows of it has arrived."""
        for _ in range(2):  # what waited for an answer is sent after it
            self.page.evaluate("() => { window.answered = false }")
            self.page.evaluate(
                "() => { document.querySelector('.eci-stage').stage.connection.kernel.requestKernelInfo()"
                ".then(() => setTimeout(() => { window.answered = true }, 50)) }"
            )
            self.page.wait_for_function("() => window.answered")

    def heard(self) -> None:
        """Until the kernel has taken all that this page did, also while its line was cut."""
        self.page.wait_for_function("() => !document.querySelector('.eci-stage').stage.connection.unsent")

    def rest(self) -> None:
        """Until the kernel has answered everything, and the page shows it."""
        self.page.wait_for_timeout(200)
        self.page.wait_for_function(
            "() => { const s = document.querySelector('.eci-stage').stage; return !s.queue.busy }"
        )
        self.page.wait_for_timeout(200)
