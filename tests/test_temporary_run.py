"""A run of the tests leaves nothing outside the checkout, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.temporary_run import memory_folder

START = (
    "import sys; from tests.temporary_run import run; sys.exit(run([sys.executable, '-c', sys.argv[1]], sys.argv[2]))"
)
MAKES = """
import pathlib, tempfile
closed = pathlib.Path(tempfile.mkdtemp()) / "closed"
(closed / "inner").mkdir(parents=True); (closed / "inner" / "file").write_text("x"); closed.chmod(0)
"""


def test_what_is_made_is_removed_and_the_exit_code_is_passed_on(tmp_path: Path) -> None:
    counts = "print(len(list(pathlib.Path(tempfile.gettempdir()).iterdir()))); raise SystemExit(3)"
    done = subprocess.run([sys.executable, "-c", START, MAKES + counts, tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "1\n"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    waits = "import time; print('ready', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", START, MAKES + waits, tmp_path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) != 0
    assert list(tmp_path.iterdir()) == []


def test_memory_is_used_only_where_there_is_room(tmp_path: Path) -> None:
    assert memory_folder(tmp_path, 0) == str(tmp_path)
    assert memory_folder(tmp_path, 1 << 62) is None
    assert memory_folder(tmp_path / "not there", 0) is None
