"""Listening sockets bound by a parent and served by a child: the child chooses no name, so none can be hijacked.

`ECI_ANNOTATE_LISTEN_FD` contains the number of the socket's descriptor.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

from eci_annotate.errors import Refused

LISTEN_FD = "ECI_ANNOTATE_LISTEN_FD"
BACKLOG = 1024
LONGEST = 100  # bytes of a socket's path; Linux allows 107


def listen(path: Path, mode: int = 0o600) -> socket.socket:
    """Bind a unix socket and listen; it atomically replaces anything with this name.

    Raises
    ------
    Refused
        If the path is too long for a socket.
    """
    check_length(path)
    one = socket.socket(socket.AF_UNIX)
    new = path.with_name(f".{path.name}")
    new.unlink(missing_ok=True)
    one.bind(str(new))
    new.chmod(mode)
    one.listen(BACKLOG)
    new.rename(path)
    return one


def check_length(path: Path) -> None:
    """Refuse a path that is too long for a socket."""
    if len(os.fsencode(path)) > LONGEST:
        raise Refused(f"{path} is too long for a socket.", "Set `runtime` to a folder with a short name.")


def listen_tcp(address: str, port: int) -> list[socket.socket]:
    """Bind a port and listen; further sockets only reserve the same IPv6 port against other users.

    Raises
    ------
    Refused
        If the port is in use.
    """
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((address, port))
    except OSError as error:
        one.close()
        raise Refused(
            f"Port {port} is taken.", "End the program that listens there, or choose another port."
        ) from error
    one.listen(BACKLOG)
    return [one, *hold_twin(address, port)]


def hold_twin(address: str, port: int) -> list[socket.socket]:
    """Bind the same IPv6 port without listening: browsers try it for `localhost`, with the user's cookies.

    Raises
    ------
    Refused
        If another program uses it.
    """
    other = {"127.0.0.1": "::1", "0.0.0.0": "::"}.get(address)
    if other is None or not socket.has_ipv6:
        return []
    one = socket.socket(socket.AF_INET6)
    try:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((other, port))
    except OSError as error:
        one.close()
        if error.errno != errno.EADDRINUSE:  # this machine has no IPv6
            return []
        raise Refused(f"Port {port} of [{other}] is taken.", "End the program that listens there.") from error
    return [one]


def can_be_taken(port: int) -> bool:
    """Whether any user of this machine may listen on a port."""
    return port >= unprivileged_from()


def unprivileged_from() -> int:
    """Return the first port that is open to all users; containers often have 0."""
    limit = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    return int(limit.read_text()) if limit.exists() else 1024


def inherited(env: MutableMapping[str, str] | None = None) -> socket.socket | None:
    """Return the socket passed by the parent process, if any; programs started from here do not inherit it."""
    number = (os.environ if env is None else env).pop(LISTEN_FD, "")
    if not number:
        return None
    one = socket.socket(fileno=int(number))
    one.setblocking(False)
    one.set_inheritable(False)
    return one


def check_closed(folder: Path) -> None:
    """Refuse a folder if accounts other than this one or root may create or rename files in it or above it.

    Raises
    ------
    Refused
        If such a folder was found.
    """
    for one in (folder, *folder.parents):
        stat = one.stat()
        sticky = one != folder and stat.st_mode & 0o1000
        if stat.st_uid not in (0, os.geteuid()) or (stat.st_mode & 0o022 and not sticky):
            remedy = "Set `runtime` to a folder below one that belongs to root alone, for example /run/eci-hub."
            raise Refused(f"Other users may change names in {one}.", remedy)
