"""A private PostgreSQL server in a temporary folder, reached by a socket there only; fsync is on.

`from tests.postgres import dsn, postgres` in a conftest gives tests a server per process and a database per test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_min_messages": "log",
    "timezone": "Asia/Kolkata",
}


def programs() -> Path:
    """Where the server's programs are; a machine without them is told what to install."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise RuntimeError("PostgreSQL is missing: apt-get install postgresql")
    return found[-1].parent


class Server:
    """One server; `root` holds its data and its socket."""

    def __init__(self, root: Path, data: Path | None = None) -> None:
        self.root, self.data = root, data or root / "data"
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self.root.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self.root, "postgres")
        self._run("initdb", "-D", str(self.data), "-U", "eci", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def _command(self, program: str, *arguments: str) -> list[str]:
        own = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        return [*own, str(programs() / program), *arguments]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(self._command(program, *arguments), cwd=self.root, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it, and wait until it answers."""
        for _ in range(600):
            if self._process is None or self._process.poll() is not None:
                self._spawn()  # again, while a killed server's last processes still hold its memory
            try:
                psycopg.connect(self.dsn("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise RuntimeError((self.root / "log").read_text()[-2000:])

    def _spawn(self) -> None:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        command = self._command("postgres", "-D", str(self.data), "-k", str(self.root), *settings)
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.root, stdout=log, stderr=log)

    def stop(self) -> None:
        """Stop it, cutting connections."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL for the postmaster, then for what it leaves behind."""
        backends = self.backends()
        self._end(signal.SIGKILL)
        for backend in backends:
            kill(backend)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The number of its first process."""
        assert self._process is not None
        return self._process.pid

    def backends(self) -> list[int]:
        """The server's processes but the first."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True)
        return [int(word) for word in found.stdout.split()]

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def dsn(self, name: str) -> str:
        """The address of a database."""
        return f"host={self.root} user=eci dbname={name}"

    def fresh(self, folder: Path | None = None) -> str:
        """The address of a new, empty database; its files lie in `folder`, which is made."""
        name, space = f"d{next(self._numbers)}", ""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            if folder is not None:
                folder.mkdir()
                shutil.chown(folder, "postgres")
                space = f"TABLESPACE {name}"
                connection.execute(f"CREATE {space} LOCATION '{folder}'".encode())
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy {space}".encode())
        return self.dsn(name)

    def drop(self, dsn: str) -> None:
        """Remove a database that `fresh` made."""
        name = dsn.rpartition("=")[2]
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def kill(process: int) -> None:
    """SIGKILL, where the process still is."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@contextmanager
def running(data: Path | None = None) -> Iterator[Server]:
    """A server of one's own; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="eci-pg-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder), data)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for all tests of this process."""
    with running() as server:
        yield server


@pytest.fixture
def dsn(postgres: Server) -> Iterator[str]:
    """The address of an empty database."""
    address = postgres.fresh()
    yield address
    postgres.drop(address)
