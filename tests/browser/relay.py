"""A line between browser and server: a test can cut it (hold every byte, or break all connections), or make it long."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET

OPEN, SILENT, CLOSED, DEAF = "open", "silent", "closed", "deaf"
PIECE = 8192


@dataclass(frozen=True)
class Distance:
    """How long a line is: seconds there and back, and bytes per second each way, which all connections share."""

    round_trip_s: float = 0.0
    rate: float = float("inf")


NEAR, FAR = Distance(), Distance(0.06, 10e6 / 8)


class Way:
    """One direction of the line: what is sent arrives later, in order, and no faster than the rate allows."""

    def __init__(self, distance: Distance) -> None:
        self._distance = distance
        self._free_s = 0.0

    def send(self, size: int) -> float:
        """Take a piece; returns when its last byte has left. It arrives half a round trip later."""
        self._free_s = max(time.monotonic(), self._free_s) + size / self._distance.rate
        return self._free_s


class Relay:
    """Passes bytes between the port it listens on and another one."""

    def __init__(self, target: int, distance: Distance = NEAR) -> None:
        self.target, self.port, self.state = target, 0, OPEN
        self._distance, self._there, self._back = distance, Way(distance), Way(distance)
        self._loop = asyncio.new_event_loop()
        self._lines: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._end.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.state == CLOSED:
            self._break(writer)
            return
        await asyncio.sleep(self._distance.round_trip_s)  # the greeting of TCP
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.target)
        self._lines |= {writer, there}
        await asyncio.gather(
            self._pass(reader, there, (SILENT,), self._there),
            self._pass(there_reader, writer, (SILENT, DEAF), self._back),
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: tuple[str, ...], way: Way
    ) -> None:
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.ensure_future(self._arrive(under_way, writer, held))
        with suppress(OSError):
            while data := await reader.read(PIECE):
                gone_s = way.send(len(data))
                under_way.put_nowait((gone_s + self._distance.round_trip_s / 2, data))
                await asyncio.sleep(max(0.0, gone_s - time.monotonic()))
        under_way.put_nowait((0.0, b""))
        await arriving

    async def _arrive(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter, held: tuple[str, ...]
    ) -> None:
        with suppress(OSError):
            while True:
                at_s, data = await under_way.get()
                await asyncio.sleep(max(0.0, at_s - time.monotonic()))
                if not data:
                    break
                while self.state in held:
                    await asyncio.sleep(0.02)
                if writer not in self._lines:
                    return  # broken meanwhile: what was on the way is lost
                writer.write(data)
                await writer.drain()
            writer.close()

    def _break(self, writer: asyncio.StreamWriter) -> None:
        """Close without a farewell."""
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    def _set(self, state: str, broken: bool) -> None:
        self.state = state
        if broken:
            lines, self._lines = self._lines, set()
            for writer in lines:
                self._break(writer)

    def cut(self, how: str) -> None:
        """Cut the line: `silent`: nothing arrives; `closed`: all connections break; `deaf`: no answer comes."""
        self._loop.call_soon_threadsafe(self._set, how, how == CLOSED)

    def mend(self) -> None:
        """Let new connections through; those from before break, and what they carried is lost."""
        self._loop.call_soon_threadsafe(self._set, OPEN, True)

    def end(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)


@contextmanager
def relayed(target: int, distance: Distance = NEAR) -> Iterator[Relay]:
    """A relay to a port of this machine."""
    relay = Relay(target, distance)
    try:
        yield relay
    finally:
        relay.end()
