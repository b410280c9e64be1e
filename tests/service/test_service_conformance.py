"""The service at the stores keeps the laws of `repository.service.conformance`, in a folder and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.service.conformance import SERVICE_LAWS
from eci_annotate.repository.service.conformance_world import ServiceWorld
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.repository.sites.site_credentials import issue, revoke
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from tests.postgres import dsn, postgres  # noqa: F401
from tests.repository.repository_world import make
from tests.service.service_world import P, S, prepared
from tests.service.site_world import owner

EMPTY = {"image_quality": "good", "lesions": []}
Law = Callable[[ServiceWorld], None]


def world_of(folder: Path, images: Path) -> ServiceWorld:
    write_phantom(images, "anisotropic")
    keep_target(owner(folder), SyncTarget("archive", P, TargetKind.DICOMWEB, "http://archive.invalid"))
    return ServiceWorld(
        *(open_service(folder), open_service(folder), HubIdentity, P, S, "annotate", "olga", "ben", images),
        issue=lambda: issue(owner(folder), P, "KAU"),
        revoke=lambda name: revoke(owner(folder), name),
        answers=EMPTY,
    )


@pytest.mark.parametrize("law", SERVICE_LAWS, ids=lambda law: law.__name__)
def test_a_service_of_a_folder_keeps(law: Law, folder: Path, tmp_path: Path) -> None:
    law(world_of(folder, tmp_path / "dicom"))


@pytest.mark.parametrize("law", SERVICE_LAWS, ids=lambda law: law.__name__)
def test_a_service_of_a_database_keeps(law: Law, dsn: str, tmp_path: Path) -> None:  # noqa: F811
    law(world_of(prepared(make(tmp_path, dsn)), tmp_path / "other"))
