"""A subject of two projects: what one of them signed is nothing that the members of the other may read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eci_annotate.dicom.object_origin import ObjectOrigin
from eci_annotate.errors import EciError
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.local import content_access
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.workflow.subject.commands import Describe, Enrol
from tests.repository.repository_world import local
from tests.service.matrix_world import P, Q, S, T, make_world


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


def test_the_trails_of_two_projects_are_apart(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    owner = local(open_repository(world.folder))
    names = {P: ("auditor-near", "owner-near"), Q: ("auditor-other", "owner-other")}
    for project, subject in ((P, S), (Q, T)):
        reader = LocalBackend(owner.context, HubIdentity(names[project][0], "one"))
        reader.subject(project, subject)
        with pytest.raises(EciError):
            reader.do(Describe(project, subject, cohort=f"of-{project}"))
        owner.do(Describe(project, subject, cohort=f"of-{project}"))
    for project, other, own, foreign in ((P, Q, S, T), (Q, P, T, S)):
        for name in names[project]:
            backend = LocalBackend(owner.context, HubIdentity(name, "one"))
            rows = backend.trail.audit_page(AuditQuery(), 1000).rows
            rows += backend.trail.audit(AuditQuery()).to_dict("records")
            assert {row["project"] for row in rows} == {project} and own in {row["subject"] for row in rows}
            text = json.dumps(rows, default=str)
            assert not [word for word in (foreign, f"of-{other}", names[other][0]) if word in text]
            assert {p for p, _ in backend.feed()[1]} <= {project}
    stranger = LocalBackend(owner.context, HubIdentity(names[P][0], "one"))
    for act in (stranger.trail.audit, lambda query: stranger.trail.audit_page(query, 10)):
        with pytest.raises(EciError):
            act(AuditQuery(Q))  # their name is in the trail of Q now, as of somebody who was refused
