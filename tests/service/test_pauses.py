"""The collector of garbage in the service: what it looked at long enough is left alone from then on."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from eci_annotate.hub.background.garbage_collection import Pauses


@pytest.fixture(params=[0.0, 3600.0])
def longest_s(request: pytest.FixtureRequest) -> Iterator[float]:
    """Each full collection is too long, or none."""
    watching = Pauses(request.param)
    watching.keep_short()
    yield request.param
    watching.leave()
    assert gc.get_freeze_count() == 0


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


def test_after_a_long_full_collection_the_next_has_little_to_look_at(longest_s: float) -> None:
    gc.collect(1)
    assert gc.get_freeze_count() == 0, "young objects come and go"
    gc.collect()
    assert (gc.get_freeze_count() > 10_000) == (longest_s == 0.0)
    gone = weakref.ref(Circle())
    gc.collect()
    assert gone() is None, "what is new is collected as ever"
