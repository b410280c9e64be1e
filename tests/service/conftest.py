"""One repository is made per run; each test has a copy, and a service for it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "repository"))

from repository_world import make
from service_world import prepared, serving


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
