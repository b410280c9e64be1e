"""Ports for servers of tests and benchmarks: none that the system hands out, none that another test holds.

A port found by binding to 0 may be given to anybody's outgoing connection before the server binds it, or while a test
has its server stopped. These lie below the system's range, and each is claimed until the claiming process ends.
"""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from pathlib import Path

LOWEST, RANGE = 15_000, Path("/proc/sys/net/ipv4/ip_local_port_range")
_claims: list[ExitStack] = []


def free_port() -> int:
    """A port for one server."""
    return free_ports(1)


def free_ports(many: int) -> int:
    """The first of some neighbouring ports."""
    end = int(RANGE.read_text().split()[0]) - many
    for first in random.SystemRandom().sample(range(LOWEST, end, many), 200):
        with ExitStack() as stack:
            try:
                for port in range(first, first + many):
                    _claim(stack, port)
            except OSError:
                continue
            _claims.append(stack.pop_all())
            return first
    raise OSError(f"no free ports between {LOWEST} and {end}")


def _claim(stack: ExitStack, port: int) -> None:
    """Raise OSError when somebody listens there, or another process of the tests claims it."""
    name = stack.enter_context(socket.socket(socket.AF_UNIX))
    name.bind(f"\0eci_annotate-test-port-{port}")  # in the kernel alone: gone with this process
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(("127.0.0.1", port))
