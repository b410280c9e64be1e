"""One repository is made per run; each test has a copy, and a service for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository.repository_world import make
from tests.service.service_world import prepared, serving


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that is not to be changed."""
    return prepared(make(tmp_path_factory.mktemp("made")))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A repository of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "repository"))


@pytest.fixture
def service(folder: Path) -> Iterator[str]:
    """The address of a service for it."""
    with serving(folder) as address:
        yield address
