"""Who sees which part of the use-case definition: never the rest of the pipeline, unless the role says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.actor import MAY, PERSON_ROLES
from eci_annotate.workflow.subject.commands import ChangeUseCase, Publish
from tests.repository.repository_world import ANSWERS, MEANING, P, S, as_member, lines, local


@pytest.mark.parametrize("role", PERSON_ROLES)
def test_the_pipeline_is_whole_only_for_roles_that_see_it(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    add_member(repo, find(folder), "someone", project=P, roles=(role,), site="KAU")
    whole = repo.use_case()
    case = as_member(monkeypatch, folder, "someone").use_case()
    if MAY[role] & {"see pipeline", "see signed"}:
        assert case == whole and {task.kind for task in case.pipeline} >= {"ingest", "annotate", "review"}
        return
    assert role == "annotator"
    assert [task.name for task in case.pipeline] == ["annotate"] and case.pipeline[0].after == ()
    assert "review" not in case.blob.decode().split('"report"')[0]
    assert (case.questions, case.hanging, case.title) == (whole.questions, whole.hanging, whole.title)


def test_a_definition_is_content_only_of_a_version_that_one_sees(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = repo.use_case().digest
    ben = as_member(monkeypatch, folder, "ben")
    task = ben.start(S, "annotate")
    assert task.use_case.questions and task.definition.tools
    with pytest.raises(NotFound):
        ben.backend.get(P, S, digest)
    task.save(lines(task))
    task.answer(ANSWERS)
    signed = task.sign(MEANING)
    assert ben.backend.get(P, S, digest) == repo.use_case().blob and signed.use_case.pipeline == ben.use_case().pipeline


def test_a_definition_of_another_project_is_none_of_this_one(repo: Repository) -> None:
    backend = local(repo)
    other = backend.context.blobs.put(repo.use_case().blob.replace(b"Liver lesions", b"Other lesions"))
    with pytest.raises(NotFound, match="no definition with this digest"):
        backend.account.use_case(P, other)
    assert backend.account.use_case(P, repo.use_case().digest) == repo.use_case()


@pytest.mark.parametrize("role", [each for each in PERSON_ROLES if each != "owner"])
def test_who_may_not_move_a_subject_is_told_that_and_not_that_there_is_no_definition(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    add_member(repo, find(folder), "someone", project=P, roles=(role,), site="KAU")
    backend = as_member(monkeypatch, folder, "someone").backend
    for digest in (backend.account.use_case(P).digest, "ab" * 32):
        with pytest.raises(Refused, match="You may not move subjects"):
            backend.do(ChangeUseCase(P, S, digest, (), "a new form"))


def test_checking_a_move_says_what_doing_it_would_say(repo: Repository) -> None:
    backend, case = local(repo), repo.use_case()
    repo.start(S, "annotate")
    other = backend.context.blobs.put(case.blob.replace(b"Liver lesions", b"Other lesions"))
    backend.do(Publish(P, case.name, other))
    command = ChangeUseCase(P, S, other, (), "another title")
    for act in (backend.check, backend.do):
        with pytest.raises(NotFound, match="no definition with this digest"):
            act(replace(command, use_case="ab" * 32))
        act(command)  # the open task is in the pipeline of the definition, which the command need not name
    assert backend.subject(P, S).task("annotate").mine
