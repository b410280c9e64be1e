"""De-identified files to an SFTP server, by public key; the server's own key must be known. A name is its SHA-256."""

from __future__ import annotations

import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko

from eci_annotate.errors import BadConfiguration, NotAtCentre
from eci_annotate.proxy.instance_queue import QueueState
from eci_annotate.proxy.receive.file_sources import Progress

if TYPE_CHECKING:
    from eci_annotate.proxy.proxy_service import Proxy

_TARGET = re.compile(r"(?P<user>[^@/:]+)@(?P<host>[^@/:]+)(:(?P<port>\d{1,5}))?/(?P<folder>.*)")
MOST, TIMEOUT_S = 100_000, 30.0


@dataclass(frozen=True)
class Target:
    """Where files go, and the keys of both sides."""

    user: str
    host: str
    port: int
    folder: str
    identity: Path
    known_hosts: Path

    @classmethod
    def from_text(cls, text: str, identity: Path, known_hosts: Path) -> Target:
        """Return the target ``USER@HOST[:PORT]/FOLDER``; raises BadConfiguration for any other text."""
        found = _TARGET.fullmatch(text)
        if not found:
            raise BadConfiguration(
                "The target is not USER@HOST[:PORT]/FOLDER.", "Write it like eci@sftp.example.org/in"
            )
        port = int(found["port"] or 22)
        return cls(found["user"], found["host"], port, found["folder"] or ".", identity, known_hosts)


def send_batch(proxy: Proxy, target: Target, tell: Progress) -> int:
    """Copy all de-identified files that wait; returns how many.

    A file counts as sent once it has its whole size and its final name at the server. Files that are there already
    are not copied again; an interrupted copy is made again.

    Raises
    ------
    NotAtCentre
        The server cannot be reached, or refuses the key.
    """
    with ExitStack() as stack:
        stack.enter_context(proxy.alone())
        waiting = proxy.queue.waiting(QueueState.DEIDENTIFIED, MOST)
        sftp = stack.enter_context(_connected(target, stack))
        try:
            for number, each in enumerate(waiting, 1):
                _copy(sftp, proxy.spool.outgoing(each.outgoing), f"{target.folder}/{each.outgoing}")
                proxy.queue.sent(each)
                tell("Copying", number, len(waiting))
        except (OSError, EOFError, paramiko.SSHException) as error:
            what = f"The copy was interrupted ({type(error).__name__})."
            raise NotAtCentre(what, "Run the command again: what has arrived is not copied twice.") from None
    return len(waiting)


def _copy(sftp: Any, path: Path, remote: str) -> None:
    size = path.stat().st_size
    with suppress(FileNotFoundError):
        if sftp.stat(f"{remote}.dcm").st_size == size:
            return
    sftp.put(str(path), f"{remote}.part", confirm=True)
    sftp.posix_rename(f"{remote}.part", f"{remote}.dcm")


def _connected(target: Target, stack: ExitStack) -> Any:
    client = paramiko.SSHClient()
    stack.callback(client.close)
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    try:
        client.load_host_keys(str(target.known_hosts))
        client.connect(
            target.host,
            target.port,
            target.user,
            key_filename=str(target.identity),
            allow_agent=False,
            look_for_keys=False,
            timeout=TIMEOUT_S,
        )
        return client.open_sftp()
    except (OSError, EOFError, ValueError, paramiko.SSHException) as error:
        what = f"The SFTP server cannot be used ({type(error).__name__})."
        raise NotAtCentre(what, "Check address, user, the private key, and the file of known hosts.") from None
