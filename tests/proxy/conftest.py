"""A service for the proxies of the tests; a receiver's process-wide temporary folder is reset after each module."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest

from tests.service.conftest import folder, made, service

__all__ = ["folder", "made", "service"]


@pytest.fixture(scope="module", autouse=True)
def temporary_files_of_the_process() -> Iterator[None]:
    """Restore the process's folder of temporary files after each module."""
    before = tempfile.tempdir
    yield
    tempfile.tempdir = before
