"""The local and the remote backend keep the same laws: those of `repository.conformance`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.repository.conformance import BACKEND_LAWS, World
from eci_annotate.repository.repository import Repository
from tests.repository.repository_world import as_member
from tests.service.service_world import P, S, remote

EMPTY = {"image_quality": "good", "lesions": []}
Law = Callable[[World], None]


def world_of(repository: Repository) -> World:
    return World(repository.backend, repository.images, P, S, "annotate", EMPTY)


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
def test_the_local_backend_keeps(law: Law, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    law(world_of(as_member(monkeypatch, folder, "ben")))


@pytest.mark.parametrize("law", BACKEND_LAWS, ids=lambda law: law.__name__)
def test_the_remote_backend_keeps(law: Law, service: str) -> None:
    law(world_of(remote(service, "ben")))
