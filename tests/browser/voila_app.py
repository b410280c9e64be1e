"""Serves one notebook under Voilà, as users without JupyterLab meet it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.lab import ended, private_places, waited_for
from tests.ports import free_port


@contextmanager
def voila(folder: Path, name: str, **settings: str) -> Iterator[str]:
    """Serve the notebook of that name in the folder, with these environment variables; the address of its page."""
    port = free_port()
    command = [sys.executable, "-m", "voila", name, f"--port={port}", "--Voila.ip=127.0.0.1", "--no-browser"]
    as_served = {"Voila": {"tornado_settings": {"disable_check_xsrf": True}}}  # as on a hub, and by `eci-annotate open`
    (folder / "voila.json").write_text(json.dumps(as_served), encoding="utf-8")
    env = private_places(folder) | settings
    with (folder / "voila.log").open("wb") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder)
    try:
        waited_for(f"http://127.0.0.1:{port}/voila/static/favicons/favicon.ico", server)
        yield f"http://127.0.0.1:{port}/"
    finally:
        ended(server)
