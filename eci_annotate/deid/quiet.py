"""Keep the warnings of libraries back: they quote paths and values, which may name a patient."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCK = Lock()
_entered: list[warnings.catch_warnings[None]] = []  # one per thread that is quiet; the first holds the old filters


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore all warnings.

    The filters belong to the whole process. Of several threads that are quiet at once, the first replaces them and the
    last restores them. If each restored what it found, later warnings could be ignored for ever.
    """
    with _LOCK:
        _entered.append(_entered[0] if _entered else _ignoring())
    try:
        yield
    finally:
        with _LOCK:
            guard = _entered.pop()
            if not _entered:
                guard.__exit__(None, None, None)


def _ignoring() -> warnings.catch_warnings[None]:
    guard = warnings.catch_warnings()
    guard.__enter__()
    warnings.simplefilter("ignore")
    return guard
