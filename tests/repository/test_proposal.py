"""What would be signed is one value: a draft is replayed once, and again only when it or its images have changed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eci_annotate import tools
from eci_annotate.errors import BadAnswers, Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.new_project import publish
from eci_annotate.repository.local.sign import proposal_of
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed, Task
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.adoption import adoption_of
from eci_annotate.tools.editing.entries import Delete, SetOption
from eci_annotate.tools.freedraw import Drawing
from eci_annotate.tools.protocol import Idle
from eci_annotate.workflow.subject.commands import ChangeUseCase, Sign, Withdraw
from eci_annotate.workflow.usecase.gate import shape_of
from eci_annotate.workflow.usecase.usecase import UseCase
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[None]]:
    """One entry for each replay of a draft."""
    real, made = tools.replay, list[None]()

    def counted(*args: Any) -> Any:
        made.append(None)
        return real(*args)

    monkeypatch.setattr(tools, "replay", counted, raising=False)
    yield made


def drawn(repo: Repository) -> Task:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    return task


def propose(repo: Repository, task: Task) -> Any:
    context, backend = local(repo).context, local(repo)
    command = Sign(P, S, "annotate", task.fence, MEANING)
    return proposal_of(context, command, context.state(P, S)[1], backend.account.actor, context.clock())


def test_only_what_is_true_of_the_boxes_is_stated(repo: Repository) -> None:
    task = drawn(repo)
    (box,) = propose(repo, task).content.annotations
    shape = shape_of(box.centre_lps, box.size_mm, box.axes_lps)
    seen = {"lesion 1": {"1.2": shape, "1.3": "of the box before"}, "deleted": {"1.2": shape}}
    task.answer(ANSWERS, {"seen": seen})
    assert propose(repo, task).content.checks == {"seen": {"lesion 1": {"1.2": shape}}}


def test_a_signature_replays_once_and_is_a_value(repo: Repository, replays: list[None]) -> None:
    task = drawn(repo)
    signed = repo.backend.do(Sign(P, S, "annotate", task.fence, MEANING))
    assert isinstance(signed, Signed) and signed.version == 1 and len(replays) == 1


def test_looking_again_replays_nothing_until_the_draft_changes(repo: Repository, replays: list[None]) -> None:
    task = drawn(repo)
    first = propose(repo, task)
    assert propose(repo, task).content is first.content and len(replays) == 1
    task.answer({**ANSWERS, "comment": "a second look"})
    second = propose(repo, task)
    assert second.digest != first.digest and second.content.answers["comment"] and len(replays) == 2
    task.sign(MEANING)
    assert len(replays) == 2


def test_changed_images_are_replayed_on_again(repo: Repository, folder: Path, replays: list[None]) -> None:
    task = drawn(repo)
    propose(repo, task)
    for path in (folder / "archive").rglob("*.dcm"):
        os.utime(path, ns=(0, 0))
    propose(repo, task)
    assert len(replays) == 2


def test_an_incomplete_draft_is_refused_before_it_is_replayed(repo: Repository, replays: list[None]) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    with pytest.raises(BadAnswers):
        propose(repo, task)
    assert replays == []


def test_nothing_of_a_withdrawn_subject_is_kept(repo: Repository) -> None:
    propose(repo, drawn(repo))
    repo.backend.do(Withdraw(P, S, "letter"))
    assert not local(repo).context.proposals._known


def test_seeds_that_nobody_decided_about_are_not_signed(repo: Repository) -> None:
    task = drawn(repo)
    task.save(lines(task, "lesion 2", "growcut", "u2"))
    with pytest.raises(Refused, match="lesion 2: GrowCut has seeds but no accepted result"):
        task.sign(MEANING)


def test_a_polygon_that_was_not_closed_is_not_signed(repo: Repository) -> None:
    task = drawn(repo)
    shown, added, press, _, release = lines(task, "lesion 2", "freedraw", "u2")
    pen = tools.to_line(SetOption("pen", "polygon"))
    task.save([shown, added, pen, press, release])
    opened = tools.replay(task.volume, None, task.draft().lines)
    assert isinstance(opened.state, Drawing) and len(opened.state.path) == 1
    signed = task.sign(MEANING)
    (content,) = signed.content("snapshot")
    assert tools.replay(task.volume, content, []).state == Idle()
    assert [each.label for each in signed.annotations()] == ["lesion 1"]


def test_what_is_beside_the_images_or_drawn_with_another_tool_is_refused(folder: Path, repo: Repository) -> None:
    task = drawn(repo)
    series = str(task.hanging().first)
    frame = grid_of(task.volume()).frame_of_reference_uid
    beside = Box((9000, 0, 0), (9, 9, 9), label="lesion 1", uid="b", series_uid=series, frame_uid=frame)
    task.save([to_line(adoption_of(beside, None, "model/1"))])
    with pytest.raises(Refused, match="beside the images"):
        task.sign(MEANING)
    task.save([to_line(Delete("b"))])
    propose(repo, task)
    definition = json.loads(task.use_case.blob)
    definition["usecase"]["tasks"][1]["tools"] = ["freedraw"]
    publish(local(repo), P, case := UseCase.from_definition(definition))
    task.release()
    repo.backend.do(ChangeUseCase(P, S, case.digest, case.pipeline, "outlines only"))
    with pytest.raises(Refused, match="Box, which this task does not offer"):
        repo.start(S, "annotate").sign(MEANING)
