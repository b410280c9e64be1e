"""A subject of two projects: what one of them signed is nothing that the members of the other may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.dicom.object_origin import ObjectOrigin
from eci_annotate.errors import EciError
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.local import content_access
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.workflow.subject.commands import Enrol
from tests.repository.repository_world import local
from tests.service.matrix_world import P, Q, S, make_world


def test_signed_objects_of_another_project_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(tmp_path)
    owner = local(open_repository(world.folder))
    owner.do(Enrol(Q, S, "KAU", world.digest, ()))  # of both projects, and may take in images in both
    series = [each for study in owner.images.studies(P, S) for each in study.series if each.modality == "RTSTRUCT"]
    assert series
    state = owner.context.state(Q, S)[1]
    assert state.subject == S and not any(work.signed for work in state.work.values())
    # as if the tasks of the two had other names
    monkeypatch.setattr(content_access, "origin_of", lambda content: ObjectOrigin())
    for name in ("annotator-other", "developer-other", "data-manager-other"):
        backend = LocalBackend(owner.context, HubIdentity(name, "one"))
        for each in series:
            with pytest.raises(EciError):
                backend.images.objects(Q, S, each.series_uid)


def test_what_another_project_signed_is_not_listed(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    owner = local(open_repository(world.folder))
    owner.do(Enrol(Q, S, "KAU", world.digest, ()))
    manager = LocalBackend(owner.context, HubIdentity("data-manager-other", "one"))

    def listed(backend: LocalBackend, project: str) -> set[str]:
        return {each.modality for study in backend.images.studies(project, S) for each in study.series}

    assert listed(owner, P) == {"CT", "RTSTRUCT", "SR"}
    assert listed(owner, Q) == listed(manager, Q) == {"CT"}
