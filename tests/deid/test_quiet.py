"""Warnings of libraries are kept back, and those of later work are not."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from pathlib import Path

import eci_annotate
from eci_annotate.deid.quiet import quiet

PACKAGE = Path(eci_annotate.__file__).parent


def test_threads_that_end_in_any_order_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    first, second = ExitStack(), ExitStack()
    first.enter_context(quiet())
    second.enter_context(quiet())
    first.close()
    warnings.warn("quotes a value", stacklevel=1)
    second.close()
    assert list(warnings.filters) == before


def test_filters_are_changed_in_one_place_only() -> None:
    assert [path.name for path in PACKAGE.rglob("*.py") if "catch_warnings" in path.read_text()] == ["quiet.py"]
