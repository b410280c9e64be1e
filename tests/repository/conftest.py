"""One repository is made per run, and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from tests.postgres import dsn, postgres  # noqa: F401
from tests.repository.repository_world import make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that is not to be changed."""
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A repository of the test's own."""
    return Path(shutil.copytree(made, tmp_path / "repository"))


@pytest.fixture
def repo(folder: Path) -> Repository:
    """It, opened by anna."""
    return open(folder)
