"""How long streams were when the feed had come to a position: from what came to the feed behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from eci_annotate.errors import Refused
from eci_annotate.store.protocols import Entry

_MOST = 8
UNKNOWN = "This repository has no such position."


class PastLengths:
    """The streams that have grown since a position, and how many records each had then.

    Parameters
    ----------
    all_after
        Yields the records of the feed above a position, in order.
    """

    def __init__(self, all_after: Callable[[int], Iterator[Entry]]) -> None:
        self._all_after = all_after
        self._lock = Lock()
        self._known: dict[int, tuple[int, dict[str, int]]] = {}  # by position: looked at up to, and what was found

    def at(self, position: int) -> Mapping[str, int]:
        """Return the length that each stream had then, of those that are longer now; the feed is read once.

        Raises
        ------
        Refused
            The feed has not come to this position.
        """
        with self._lock:
            upto, found = self._known.pop(position, (position - 1, {}))
            for entry in self._all_after(upto):
                upto = entry.position
                if upto > position:
                    found.setdefault(entry.stream, entry.index)
            if upto < position:
                raise Refused(UNKNOWN, "Give one that an export has stated.")
            self._known[position] = (upto, found)
            while len(self._known) > _MOST:
                self._known.pop(next(iter(self._known)))
            return dict(found)
