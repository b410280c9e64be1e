"""The same call gives the same result, and the same text of error, at the folder and at the service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import eci_annotate as eci
from eci_annotate.errors import BadRequest, EciError, LeaseLost, NoIdentity, NotFound, Refused, StoreUnavailable
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.remote.backend import RemoteBackend
from eci_annotate.repository.remote.http_client import Line
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import (
    AddMember,
    Assign,
    Attach,
    Describe,
    Enrol,
    OpenProject,
    ReleaseTask,
    Renew,
    Reopen,
    Sign,
    Start,
    Withdraw,
)
from tests import registered_study
from tests.repository.repository_world import ANSWERS, MEANING, lines
from tests.service.service_world import P, S, remote, serving, tokens

ACTS: dict[str, Callable[[Repository], Any]] = {
    "projects": lambda r: r.backend.account.projects(),
    "members": lambda r: r.backend.account.members(P),
    "subject": lambda r: r.backend.subject(P, S),
    "subjects": lambda r: r.backend.subjects(P, SubjectQuery(site="KAU", sort="stage", descending=True, size=3)),
    "no order": lambda r: r.backend.subjects(P, SubjectQuery(sort="age")),
    "startable": lambda r: r.backend.subjects(P, SubjectQuery(startable=True)),
    "worklist": lambda r: r.worklist().to_dict(),
    "no subject": lambda r: r.backend.subject(P, "ECI_KAU_S9999"),
    "no project": lambda r: r.backend.account.members("other"),
    "use case": lambda r: r.use_case().blob,
    "feed": lambda r: r.backend.feed(0),
    "studies": lambda r: r.studies(S),
    "start": lambda r: r.backend.do(Start(P, S, "annotate")),
    "draft": lambda r: r.backend.drafts.read(P, S, "annotate"),
    "save": lambda r: r.backend.drafts.save(P, S, "annotate", 1, [{"a": {"image_quality": "good"}}]),
    "save late": lambda r: r.backend.drafts.save(P, S, "annotate", 7, [{"a": {}}]),
    "put": lambda r: r.backend.put(P, S, b"some bytes"),
    "get what is not named": lambda r: r.backend.get(P, S, "0" * 64),
    "review": lambda r: r.backend.do(Start(P, S, "review")),
    "renew": lambda r: r.backend.do(Renew(P, S, "annotate", 1)),
    "release": lambda r: r.backend.do(ReleaseTask(P, S, "annotate", 1)),
    "describe": lambda r: r.backend.do(Describe(P, S, cohort="pilot")),
    "exclude": lambda r: r.backend.do(Describe(P, S, included=False)),
    "attach nothing": lambda r: r.backend.do(Attach(P, S, "table", "text/csv", "0" * 64, 3)),
    "assign": lambda r: r.backend.do(Assign(P, S, "annotate", "ben")),
    "reopen": lambda r: r.backend.do(Reopen(P, S, "annotate", "once more")),
    "sign nothing": lambda r: r.backend.do(Sign(P, S, "annotate", 1, "")),
    "withdraw": lambda r: r.backend.do(Withdraw(P, S, "")),
    "verify": lambda r: r.backend.trail.verify(P, S),
    "enrol": lambda r: r.backend.do(Enrol(P, "ECI_KAU_S0002", "KAU", r.use_case().digest, ())),
    "add member": lambda r: r.backend.do(AddMember(P, "anna", "KAU", ("owner",), "")),
}


def outcome(act: Callable[[Repository], Any], repo: Repository) -> Any:
    """What comes of it, so that it can be compared; times are left out."""
    try:
        return act(repo)
    except EciError as error:
        return type(error), str(error)


def without_times(told: Any) -> Any:
    """The lease's end is the only thing that two moments tell differently."""
    if hasattr(told, "tasks"):
        return replace(told, tasks=tuple(replace(task, until=None) for task in told.tasks))
    if hasattr(told, "views"):
        return replace(told, views=tuple(without_times(each) for each in told.views))
    return str(told).split(" until ")[0] if isinstance(told, dict) else told


@pytest.mark.parametrize("name", ["anna", "ben", "vera", "dev", "mara", "otto"])
def test_both_give_the_same(folder: Path, tmp_path: Path, name: str) -> None:
    import shutil

    twin = Path(shutil.copytree(folder, tmp_path / "twin"))
    local = LocalBackend(Context.from_layout(find(twin)), HubIdentity(name, "one"))
    near = Repository(local, local.images)
    with serving(folder) as address:
        far = remote(address, name)
        for what, act in ACTS.items():
            here, there = (without_times(outcome(act, repo)) for repo in (near, far))
            assert here == there, what


def test_volumes_are_the_same_voxel_for_voxel(folder: Path, service: str) -> None:
    here, there = eci.open(folder), remote(service, "anna")
    task = there.start(S, "annotate")
    uid = str(task.hanging().first)
    near, far = here.volume(uid), task.volume()
    xr.testing.assert_identical(near.reset_coords(drop=True), far.reset_coords(drop=True))
    assert float((near + far).max()) == 2 * float(near.max())
    assert np.shares_memory(far.values, far.values)


def test_objects_of_the_study_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    here = registered_study.repository(tmp_path, registered_study.write_registration)
    uid = registered_study.uid_of(here, "Motion")
    with serving(tmp_path / "repository") as address:
        there = remote(address, "anna")
        assert there.images.objects(P, S, uid) == here.images.objects(P, S, uid)
        assert [each.name for each in there.start(S, "annotate").registrations()] == ["Motion"]
        with pytest.raises(NotFound):
            there.images.objects(P, S, registered_study.uid_of(here, "portal"))


def test_only_the_persons_confirmation_signs(service: str, folder: Path) -> None:
    repo = remote(service, "ben")
    task = repo.start(S, "annotate")
    task.save(lines(task))
    with pytest.raises(EciError, match="is missing"):
        task.begin_signing(MEANING)
    task.answer(ANSWERS)
    waiting = task.begin_signing(MEANING)
    assert not hasattr(waiting, "seal") and f"/sign/{P}/{S}/" in waiting.url
    assert waiting.poll() is None and repo.versions(S) == []
    again = repo.backend.do(Sign(P, S, "annotate", task.fence, MEANING))
    assert isinstance(again, Pending) and again.poll() is None
    task.save(lines(task, uid="u2"))
    with pytest.raises(Refused, match="differs from the request"):
        waiting.poll()
    request = waiting.url.partition("/sign/")[2]
    with pytest.raises(EciError, match="request not found"):
        remote(service, "anna").backend.signature(request)
    with pytest.raises(EciError, match="request not found"):
        repo.backend.signature(f"{P}/{S}/{'0' * 64}")


def test_who_has_no_token_or_no_part_gets_nothing(folder: Path) -> None:
    people = tokens()
    with serving(folder, people) as address:
        for name in ("stranger", "nobody"):
            with pytest.raises(NoIdentity):
                remote(address, name).backend.account.projects()
        repo = remote(address, "ben")
        repo.start(S, "annotate")
        del people.table["token-ben"]
        with pytest.raises(NoIdentity, match="unknown, expired"):
            repo.backend.account.projects()
        with pytest.raises(Refused, match="not open a project through the API"):
            remote(address, "olga").backend.do(OpenProject("mine", "KAU"))


def test_what_was_sent_twice_counts_once(service: str) -> None:
    task = remote(service, "ben").start(S, "annotate")
    task.save(["one", "two"])
    assert task._count == 2
    task._count = 0  # as if the answer had been lost
    task.save(["one", "two", "three"])
    assert task.draft().lines == ["one", "two", "three"]


def test_a_service_takes_every_entry_that_a_task_writes(service: str) -> None:
    task = remote(service, "ben").start(S, "annotate", take_over=True)
    stated = {"absent": {"late": "not acquired"}}
    task.save(["one"])
    task.snapshot(b"whole")
    task.answer({"image_quality": "good"}, stated)
    draft = task.draft()
    assert (draft.answers, draft.checks, draft.snapshot) == ({"image_quality": "good"}, stated, b"whole")
    entries = task._backend.drafts.read(P, S, "annotate")
    assert all("t" in each for each in entries[-3:])
    with pytest.raises(BadRequest, match="not a draft entry"):
        task._backend.drafts.save(P, S, "annotate", task.fence, [{"?": 1}])


def test_a_service_that_is_gone_is_said_and_work_goes_on_when_it_is_back(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("eci_annotate.repository.remote.http_client._WAITS_S", (0.01,))
    with serving(folder) as address:
        repo = remote(address, "ben")
        task = repo.start(S, "annotate")
        task.save(["one"])
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        task.save(["two"])
    with serving(folder) as address:
        again = remote(address, "ben").start(S, "annotate")
        assert again.draft().lines == ["one"]
        again.save(["two"])
        with pytest.raises(LeaseLost):
            remote(address, "anna").backend.drafts.read(P, S, "annotate")


def test_tokens_are_in_no_error_and_no_repr(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = remote(service, "ben")
    line = vars(repo.backend)["_line"]
    assert "token-ben" not in repr(repo) + repr(repo.backend) + repr(line)
    monkeypatch.setattr("eci_annotate.repository.remote.http_client._WAITS_S", (0.01,))
    refusals: list[Callable[[], object]] = [
        lambda: repo.start("ECI_KAU_S9999", "annotate", project=P),
        lambda: repo.volume("1.2.3", project=P),
        lambda: repo.annotation((P, S, "annotate", "ben", 9, "1.2")),
        lambda: remote("http://127.0.0.1:9/", "ben").worklist(),
        lambda: Repository(RemoteBackend(Line(service, "token-ben-unknown", "one")), repo.images),
    ]
    for refuse in refusals:
        with pytest.raises(EciError) as caught:
            refuse()
        error: BaseException | None = caught.value
        while error is not None:  # the message, and those of what caused it
            assert "token-ben" not in f"{error} {error!r} {vars(error)}"
            error = error.__cause__ or error.__context__
