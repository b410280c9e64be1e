"""`eci-annotate open`: one subject in its hanging protocol, in the browser, on a page without JupyterLab around it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import say
from eci_annotate.errors import NotFound, NotInstalled, StoreUnavailable

START_S, END_S = 120.0, 15.0


def open_subject(
    subject: Annotated[str, typer.Argument(help="The subject, for instance ECI_KAU_S0001.")],
    repository: Annotated[
        str, typer.Option(help="Folder or address; by default that of the environment, or ./demo.")
    ] = "",
    port: Annotated[int, typer.Option(help="Port of the page; by default a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open no browser.")] = False,
) -> None:
    """Show a subject in its hanging protocol: the task that is yours or ready, else the newest signed version.

    Opening a ready task reserves it for you. The page is served on this machine until Ctrl + C, to who has its address.
    """
    from importlib.util import find_spec

    from eci_annotate.repository.default_repository import usual_address

    if find_spec("voila") is None:
        raise NotInstalled("Voilà is not installed.", "Install it: pip install 'eci-annotate[lab]'.")
    address = repository or str(usual_address())
    require_subject(address, subject)
    port = port or _free_port()
    with tempfile.TemporaryDirectory(prefix="eci-open-") as folder:
        page = Path(folder) / "subject.ipynb"
        page.write_text(json.dumps(notebook_of(subject)), encoding="utf-8")
        _serve(page, address, port, no_browser)


def require_subject(address: str, subject: str) -> None:
    """Raise NotFound unless the user may see the subject in some project."""
    from eci_annotate.repository.open_repository import open as open_repository

    backend = open_repository(address).backend
    for project in backend.account.projects():
        try:
            backend.subject(project, subject)
            return
        except NotFound:
            continue
    raise NotFound("Subject not found, or you do not have access to it.", "See: eci-annotate worklist FOLDER.")


def notebook_of(subject: str) -> dict[str, object]:
    """Return a notebook that shows the subject."""
    source = f"import eci_annotate as eci\n\neci.work(subject={subject!r})"
    cell = {"cell_type": "code", "id": "subject", "metadata": {}, "source": source}
    empty: dict[str, object] = {"outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": [cell | empty], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _serve(page: Path, address: str, port: int, no_browser: bool) -> None:
    from eci_annotate.repository.default_repository import FOLDER, SERVICE

    token = secrets.token_urlsafe(24)
    is_service = address.startswith(("http://", "https://"))
    where = {SERVICE: address} if is_service else {FOLDER: str(Path(address).resolve())}
    kept = {name: value for name, value in os.environ.items() if name not in (SERVICE, FOLDER)}
    config = page.with_name("voila.json")  # not on the command line, which other users can read
    config.write_text(json.dumps({"Voila": {"token": token, "ip": "127.0.0.1", "port": port, "open_browser": False}}))
    config.chmod(0o600)
    command = [sys.executable, "-m", "voila", page.name]
    for each in (signal.SIGINT, signal.SIGTERM):  # also where a shell started this in the background
        signal.signal(each, _stop)
    with page.with_name("voila.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=page.parent, env=kept | where, stdout=log, stderr=log)
    try:
        _wait(server, port)
        url = f"http://127.0.0.1:{port}/?token={token}"
        say(f"Serving at {url} until Ctrl + C.")
        if not no_browser:
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        say("Stopped.")
    finally:
        _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the page's server; one that does not end by itself is killed, and its kernel ends with it."""
    server.terminate()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the page's server answers."""
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/voila/static/favicons/favicon.ico", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, if only to say that a token is needed
        except OSError:
            time.sleep(0.1)
    raise StoreUnavailable("The page could not be served.", "Choose another --port, or reinstall Voilà.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
