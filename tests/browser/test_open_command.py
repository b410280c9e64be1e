"""`eci-annotate open` shows a subject in its hanging protocol, to who has the address, until it is stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page

from eci_annotate.repository.open_repository import open as open_repository
from tests.browser.lab import PROJECT, SUBJECT, Viewer, private_places


def test_a_subject_is_opened_in_its_hanging_protocol(place: Path, page: Page) -> None:
    program = Path(sys.executable).parent / "eci-annotate"
    command = [program, "open", SUBJECT, "--repository", place / "repository", "--no-browser"]
    begin = time.perf_counter()
    server = subprocess.Popen(command, env=private_places(place), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", server.stdout.readline())
        assert found is not None
        bare = found.group().partition("?")[0]
        assert "eci" not in urllib.request.urlopen(bare).read().decode().lower()  # a page that asks for the token
        page.goto(found.group())
        viewer = Viewer(page)
        viewer.wait()
        print(f"open: {time.perf_counter() - begin:.1f} s from the command to the images")
        (task,) = open_repository(place / "repository").worklist(PROJECT).itertuples()
        assert (task.subject, task.status) == (SUBJECT, "yours")
        page.screenshot(path=place / "open.png")
        page.reload()  # another kernel, and another session
        page.get_by_text(SUBJECT).first.wait_for()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
    assert server.returncode == 0
