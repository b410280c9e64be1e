"""Processes that do one job for each file. One that dies, for want of memory for instance, costs that file only."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from threading import Thread
from typing import Any, TypeVar

from eci_annotate.errors import StoreUnavailable

T = TypeVar("T")
AHEAD = 8  # jobs per process that are handed in before the first of them is done
_WARM_UP = 8
MALLOPT = {-1: 1 << 28, -2: 1 << 24, -3: 1 << 25}  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD of malloc.h


class ProcessPool:
    """Processes that share jobs.

    Parameters
    ----------
    number
        How many processes.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._pool = self._opened()

    def close(self) -> None:
        """Stop after what is being done."""
        self._pool.shutdown(cancel_futures=True)

    def warm_up(self) -> None:
        """Start the processes before there is work."""
        for job in [self._pool.submit(abs, 0) for _ in range(_WARM_UP)]:
            job.result()

    def results(self, act: Callable[..., T], jobs: Iterable[tuple[Any, ...]]) -> Iterator[T | None]:
        """Yield what `act` returns for the arguments of each job, in order; None where its process dies each time.

        Raises
        ------
        StoreUnavailable
            No process can be started.
        """
        coming = iter(jobs)
        waiting: deque[tuple[tuple[Any, ...], Future[T] | None]] = deque()
        while True:
            for job in islice(coming, AHEAD * self._number - len(waiting)):
                waiting.append((job, self._submit(act, job)))
            if not waiting:
                return
            job, future = waiting.popleft()
            found = _result(future)
            if found is None:
                self._renew()
                found = self._alone(act, job)
                waiting = deque((each, self._submit(act, each)) for each, _ in waiting)
            yield found

    def _alone(self, act: Callable[..., T], job: tuple[Any, ...]) -> T | None:
        """Do a job alone: if its process dies again, it is because of this job."""
        found = _result(self._submit(act, job))
        if found is None:
            self._renew()
        return found

    def _submit(self, act: Callable[..., T], job: tuple[Any, ...]) -> Future[T] | None:
        try:
            return self._pool.submit(act, *job)
        except BrokenProcessPool:
            return None

    def _renew(self) -> None:
        self.close()
        self._pool = self._opened()
        try:
            self._pool.submit(abs, 0).result()
        except BrokenProcessPool:
            raise StoreUnavailable("No process can be started to de-identify.", "Start the program again.") from None

    def _opened(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")  # threads run already, so that a fork might hang
        return ProcessPoolExecutor(self._number, spawn, _begin)


def _begin() -> None:
    end_with_parent()
    keep_memory()


def keep_memory() -> None:
    """Let memory that is freed stay with this process: taking it again for each file costs a third of the time."""
    with suppress(AttributeError, OSError, TypeError):  # only glibc has this
        for parameter, size in MALLOPT.items():
            ctypes.CDLL(None).mallopt(parameter, size)


def end_with_parent() -> None:
    """End this process as soon as the one that started it has ended, and not by Ctrl + C, which the parent answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_after, args=(parent.join,), daemon=True).start()


def _end_after(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def _result(job: Future[T] | None) -> T | None:
    """What a job gave; None if its process died, or another one of the pool."""
    try:
        return None if job is None else job.result()
    except BrokenProcessPool:
        return None
