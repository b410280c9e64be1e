"""A receiver sets temporary files of its whole process to its spool: the tests of other folders get theirs back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def temporary_files_of_the_process() -> Iterator[None]:
    """Restore the process's folder of temporary files after each module."""
    before = tempfile.tempdir
    yield
    tempfile.tempdir = before
