"""Serves a notebook on this machine, as a page of its own or in JupyterLab, until the command is stopped.

The address holds a token. The server gets it by a private file, since other users can read its command line.
"""

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
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from eci_annotate.cli.terminal import say
from eci_annotate.errors import NotInstalled, StoreUnavailable

START_S, END_S = 120.0, 15.0
Port = Annotated[int, typer.Option(help="Port of the page; by default a free one.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Print the address, open no browser.")]


@dataclass(frozen=True)
class PageServer:
    """A program that serves notebooks: its name and module, and the path that it answers without a token."""

    name: str
    module: str
    probe: str

    def require(self) -> None:
        """Raise NotInstalled, with the extra that brings it, unless it is installed."""
        if find_spec(self.module) is None:
            raise NotInstalled(f"{self.name} is not installed.", "Install it: pip install 'eci-annotate[lab]'.")


VOILA = PageServer("Voilà", "voila", "/voila/static/favicons/favicon.ico")
JUPYTERLAB = PageServer("JupyterLab", "jupyterlab", "/api")


def serve(kind: PageServer, notebook: Path, env: Mapping[str, str], port: int = 0, no_browser: bool = False) -> None:
    """Serve a notebook until Ctrl + C or SIGTERM, and end the server and its kernels.

    Parameters
    ----------
    kind
        What serves it.
    notebook
        The notebook; JupyterLab shows its folder.
    env
        Environment of the server and its kernels.
    port
        Port on 127.0.0.1; 0 means a free one.
    no_browser
        Print the address only.

    Raises
    ------
    StoreUnavailable
        The server ends at once, or does not answer.
    """
    token, port = secrets.token_urlsafe(24), port or _free_port()
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # also where a shell started this in the background
        signal.signal(each, _stop)
    with tempfile.TemporaryDirectory(prefix="eci-server-") as name:
        private = Path(name)
        _write_settings(private, token, port, notebook.parent)
        paths = os.pathsep.join(filter(None, [name, env.get("JUPYTER_CONFIG_PATH", "")]))
        command = [sys.executable, "-m", kind.module, notebook.name]
        with (private / "server.log").open("wb") as log:
            server = subprocess.Popen(
                command, cwd=notebook.parent, env={**env, "JUPYTER_CONFIG_PATH": paths}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            _wait(server, kind, port)
            page = f"lab/tree/{notebook.name}" if kind is JUPYTERLAB else ""
            url = f"http://127.0.0.1:{port}/{page}?token={token}"
            say(f"Serving at {url} until Ctrl + C.")
            if not no_browser:
                webbrowser.open(url)
            server.wait()
            raise StoreUnavailable(f"{kind.name} ended by itself.", "Start it again.")
        except KeyboardInterrupt:
            say("Stopped.")
        finally:
            _end(server)


def _stop(number: int, frame: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # a second one does not interrupt the end
    raise KeyboardInterrupt


def _write_settings(folder: Path, token: str, port: int, root: Path) -> None:
    """Write the settings of each kind of server into a folder that only this user can read."""
    common: dict[str, Any] = {"ip": "127.0.0.1", "port": port, "open_browser": False}
    is_root = os.geteuid() == 0
    lab = {**common, "port_retries": 0, "root_dir": str(root.resolve()), "allow_root": is_root}
    settings = {
        # a page that closes ends its kernel by a beacon without XSRF token; other origins are refused anyway
        "voila": {"Voila": {**common, "token": token, "tornado_settings": {"disable_check_xsrf": True}}},
        "jupyter_server_config": {"ServerApp": lab, "IdentityProvider": {"token": token}},
    }
    for name, content in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server; one that does not end by itself is killed, and its kernels end with it."""
    server.terminate()
    try:
        server.wait(END_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], kind: PageServer, port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{kind.probe}", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers, if only to say that a token is needed
        except OSError:
            time.sleep(0.1)
    raise StoreUnavailable("The page could not be served.", f"Choose another --port, or reinstall {kind.name}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
