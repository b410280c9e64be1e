"""A folder whose files are taken once they no longer change, and then deleted there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from eci_annotate.errors import EciError, NoImages, Overloaded
from eci_annotate.proxy.receive.file_sources import RECEIVED, files_of_source, take_paths
from eci_annotate.proxy.spool import Spool

SETTLED_S = 5.0
_State = tuple[int, int]  # size and time of change
log = logging.getLogger("eci_proxy")


class WatchedFolder:
    """A folder that is looked at again and again.

    Parameters
    ----------
    folder
        The folder; its subfolders too.
    settled_s
        How long a file must be unchanged while it is watched; what its time of change says may be wrong.
    clock
        Seconds that only grow.
    """

    def __init__(self, folder: Path, settled_s: float = SETTLED_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._settled, self._clock = folder, settled_s, clock
        self._met: dict[Path, tuple[_State, float]] = {}
        self._refused: set[tuple[Path, _State]] = set()

    def step(self, spool: Spool) -> int:
        """Take what has settled; returns how many files. What is refused stays there, and is not tried again."""
        done, met = 0, self._met
        self._met = {}
        for path in files_of_source(self._folder) if self._folder.is_dir() else ():
            state = _state(path)
            if state is None or (path, state) in self._refused:
                continue
            before, since = met.get(path, (state, self._clock()))
            self._met[path] = (state, since if before == state else self._clock())
            if before != state or self._clock() - since < self._settled:
                continue
            try:
                done += self._take(spool, path, state)
            except Overloaded as error:  # the disk: later files have no room either
                log.error("watched folder", extra={"kind": type(error).__name__, "why": error.what})
                self._met |= {each: seen for each, seen in met.items() if each not in self._met}
                return done
        return done

    def _take(self, spool: Spool, path: Path, state: _State) -> int:
        try:
            counts = take_paths(spool, [path], lambda *_: None)
            if _state(path) != state:  # it was still being written: it is taken again when it is whole
                return 0
            if set(counts) == {RECEIVED}:
                path.unlink()
                return counts[RECEIVED]
        except NoImages:
            pass
        except Overloaded as error:
            if "disk" in error.what:
                raise
        except (EciError, OSError) as error:
            log.error("watched folder", extra={"kind": type(error).__name__})
        self._refused.add((path, state))
        log.warning("a file of a watched folder was refused, or taken in part, and stays there")
        return 0


def _state(path: Path) -> _State | None:
    """A file's size and time of change; None if it is gone, or leads nowhere."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
