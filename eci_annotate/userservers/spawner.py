"""Starts a user's server as that user's own system user; or, in an explicitly insecure demonstration, as the hub's.

Home, temporary files, sockets and compiled code are private to each user, mode 0700; only files written by root are
shared.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Integer, List, Unicode

from eci_annotate.repository.remote.unix_url import SCHEME, unix_url
from eci_annotate.userservers.banner import INSECURE
from eci_annotate.userservers.cgroups import Cage
from eci_annotate.userservers.listener import LISTEN_FD, listen
from eci_annotate.userservers.system_users import FIRST, UidMap

CONFIG = Path(__file__).parent / "config"  # disables JupyterLab's news; adds the banner, if there is one
ENDING_S = 3  # a server that ignores the first signal gets the next one


class FolderSpawner(LocalProcessSpawner):  # type: ignore[misc]
    """Common part of both spawners: the location of a user's files, and the environment of their programs."""

    homes = Unicode(help="Folder of the users' home folders.").tag(config=True)
    runtime = Unicode(help="Folder of the users' sockets; short, for a socket's path has at most 107 bytes.").tag(
        config=True
    )
    warm = Unicode(help="Folder of kernels compiled beforehand; each user starts with a copy.").tag(config=True)

    gifts = List(Unicode(), help="Files that a new user finds in the home folder; changed ones are left alone.").tag(
        config=True
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.interrupt_timeout = self.term_timeout = ENDING_S

    @property
    def home(self) -> Path:
        """The user's home folder. No name, including ``..``, leads out of the folder of homes."""
        return Path(self.homes, quote(self.user.name, safe="@~").replace(".", "%2E"))

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Set the folders of programs: below the home folder, wherever the hub was started."""
        home = str(self.home)
        private = f"{self.runtime}/{self.folder_name()}"
        return env | {
            "USER": self.user.name,
            "LOGNAME": self.user.name,
            "HOME": home,
            "SHELL": "/bin/bash",
            "TMPDIR": f"{home}/.tmp",
            "NUMBA_CACHE_DIR": f"{home}/.cache/numba",
            "MPLCONFIGDIR": f"{home}/.cache/matplotlib",
            "JUPYTER_RUNTIME_DIR": private,
            "JUPYTER_CONFIG_DIR": f"{home}/.jupyter",
            "JUPYTER_CONFIG_PATH": str(CONFIG),
            "JUPYTER_DATA_DIR": f"{home}/.local/share/jupyter",
            "IPYTHONDIR": f"{home}/.ipython",
        }

    def folder_name(self) -> str:
        """Name of the user's folder for sockets."""
        raise NotImplementedError

    def make_places(self, uid: int | None) -> None:
        """Create home and socket folder, mode 0700 and with that owner. Root does this only in folders owned by root.

        Raises
        ------
        PermissionError
            If a folder exists and belongs to another user.
        """
        for folder in (self.home, Path(self.runtime, self.folder_name())):
            if not os.path.lexists(folder):
                folder.mkdir(mode=0o700)
                if uid is not None:
                    os.chown(folder, uid, uid)
            elif folder.is_symlink() or (uid is not None and folder.stat().st_uid != uid):
                raise PermissionError(f"{folder} belongs to another system user")

    def fill_home(self) -> None:
        """Copy files into the home folder. The user does this: root would follow links created by the user."""
        cache = self.home / ".cache" / "numba"
        for folder in (self.home / ".tmp", cache):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.warm and not any(cache.iterdir()):
            with suppress(OSError):  # only speed is lost
                shutil.copytree(self.warm, cache, dirs_exist_ok=True)
        for gift in map(Path, self.gifts):
            if not os.path.lexists(self.home / gift.name):
                (self.home / gift.name).write_bytes(without_outputs(gift))


def without_outputs(path: Path) -> bytes:
    """Return the content of a file; of a notebook without outputs, which may show somebody else's repository."""
    content = path.read_bytes()
    if path.suffix != ".ipynb":
        return content
    notebook = json.loads(content)
    for cell in notebook.get("cells", ()):
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def end_all(uid: int) -> None:
    """Kill every process of a system user, so that none of them keeps listening on a port."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == uid:
                os.kill(int(process.name), signal.SIGKILL)


class UidSpawner(FolderSpawner):
    """Runs each user as a separate system user, by number, without an entry in /etc/passwd. The hub must be root."""

    uid_file = Unicode(help="Where names and numbers are kept for ever.").tag(config=True)
    first_uid = Integer(FIRST, help="The first number that is given; nobody else may have those above.").tag(
        config=True
    )
    cages = Unicode("", help="Folder of control groups; without one, limits are not enforced.").tag(config=True)
    sockets = Unicode("", help="Root's folder of the servers' sockets; empty: servers listen on TCP ports.").tag(
        config=True
    )
    _held: socket.socket | None = None

    @property
    def uid(self) -> int:
        """The user's number."""
        return UidMap(Path(self.uid_file), self.first_uid).uid(self.user.name)

    @property
    def server(self) -> Any:
        """The server as JupyterHub knows it; with the address of its socket, if it has one."""
        server = super().server
        if server is not None and server.proto == SCHEME and not server.connect_url:
            server.connect_url = unix_url(self.socket_path, server.base_url)
        return server

    @server.setter
    def server(self, server: Any) -> None:
        LocalProcessSpawner.server.fset(self, server)

    @property
    def socket_path(self) -> Path:
        """Address of the server for the proxy. The user can neither move nor replace it: root would follow a link."""
        return Path(self.sockets, f"{self.uid}.sock")

    def get_env(self) -> dict[str, str]:
        """Return the usual environment, and the socket that the server serves."""
        held = {LISTEN_FD: str(self._held.fileno())} if self._held is not None else {}
        return dict(super().get_env()) | held

    async def start(self) -> Any:
        """Start the server; on a socket bound here, if there is a folder for sockets."""
        if not self.sockets:
            return await super().start()
        with listen(self.socket_path) as self._held:
            self.popen_kwargs.update(pass_fds=[self._held.fileno()])
            await super().start()
            self._held = None
        return unix_url(self.socket_path)

    async def poll(self) -> int | None:
        """Return whether the server runs, ignoring a process number that now belongs to another user's process."""
        if self.proc is None and self.pid and not self._is_mine(self.pid):
            self.clear_state()
            return 0
        return await super().poll()

    def _is_mine(self, process: int) -> bool:
        try:
            return Path(f"/proc/{process}").stat().st_uid == self.uid
        except FileNotFoundError:
            return False

    def folder_name(self) -> str:
        """The number: short, and of no use to anyone who lists the folder."""
        return str(self.uid)

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the child does before it becomes the server: give up all privileges of root."""
        uid, home = self.uid, self.home
        self.make_places(uid)
        cage = Cage.of(self.cages, uid, memory_bytes=self.mem_limit, cpus=self.cpu_limit)

        def become_user() -> None:
            cage.enter()
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.umask(0o077)
            os.chdir(home)
            self.fill_home()

        return become_user

    async def stop(self, now: bool = False) -> None:
        """Stop the server, and all other processes of the user."""
        await super().stop(now=now)
        end_all(self.uid)
        if self.sockets:
            self.socket_path.unlink(missing_ok=True)


class SharedSpawner(FolderSpawner):
    """Runs all users as the hub's own system user: each can read the files of others. For demonstrations only."""

    def folder_name(self) -> str:
        """The user's name as a folder."""
        return self.home.name

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Return the usual environment, and the setting that makes every page show the warning."""
        return super().user_env(env) | {INSECURE: "1"}

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Return what the child does before it becomes the server."""
        self.make_places(None)
        home = self.home

        def move_home() -> None:
            os.umask(0o077)
            os.chdir(home)
            self.fill_home()

        return move_home
