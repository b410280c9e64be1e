"""What changes in another project while its subject is enrolled decides: a withdrawal, an enrolment, a removed role."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import Refused
from eci_annotate.repository.local import command_handler, content_access
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import AddMember, ChangeMember, Enrol, Withdraw
from tests.repository.repository_world import P, S, as_member, local
from tests.service.matrix_world import Q, other_project


@pytest.fixture
def two(made: Path, tmp_path: Path) -> tuple[Repository, Repository]:
    """A repository with P and Q, opened twice."""
    folder = Path(shutil.copytree(made, tmp_path / "repository"))
    other_project(folder)
    return eci.open(folder), eci.open(folder)


def enrol(repo: Repository, project: str = Q, subject: str = S) -> None:
    local(repo).do(Enrol(project, subject, "KAU", repo.use_case(P).digest, ()))


def meanwhile(monkeypatch: pytest.MonkeyPatch, moment: str, act: Callable[[], object]) -> None:
    """Let `act` happen once at a moment of the first command that is done from now on."""
    name = {"checked": "check_pseudonym", "decided": "decide"}[moment]
    real, pending = getattr(command_handler, name), [act]

    def then(*arguments: object) -> object:
        found = real(*arguments)
        if pending:
            pending.pop()()
        return found

    monkeypatch.setattr(command_handler, name, then)


@pytest.mark.parametrize("moment", ["checked", "decided"])
def test_a_subject_that_is_withdrawn_meanwhile_is_not_enrolled(
    two: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    mine, other = two
    meanwhile(monkeypatch, moment, lambda: other.backend.do(Withdraw(P, S, "letter")))
    with pytest.raises(Refused, match="another project"):
        enrol(mine)
    assert local(mine).context.streams.projects_of(S) == [P]
    assert not local(mine).context.archive.studies(S)


def test_a_subject_that_is_enrolled_first_keeps_its_images(
    two: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = two
    meanwhile(monkeypatch, "decided", lambda: enrol(other))
    mine.backend.do(Withdraw(P, S, "letter"))
    assert local(mine).context.archive.studies(S) and not local(other).context.state(Q, S)[1].withdrawn


@pytest.mark.parametrize("moment", ["checked", "decided"])
def test_a_role_that_is_removed_meanwhile_in_the_other_project_counts(
    two: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    owner = local(two[1])
    ben = owner.context.streams.projects()[P].members["ben"]
    owner.do(ChangeMember(P, "ben", ("data-manager",), ("*",)))
    owner.do(AddMember(Q, "ben", "KAU", ("data-manager",), ben.key, ("*",), ben.certificate))
    mine = as_member(monkeypatch, owner.context.layout.root, "ben")
    assert local(mine).account.actor.name == "ben"
    meanwhile(monkeypatch, moment, lambda: owner.do(ChangeMember(P, "ben", ("annotator",), ("*",))))
    with pytest.raises(Refused, match="another project"):
        local(mine).do(Enrol(Q, S, "KAU", owner.account.use_case(P).digest, ()))
    assert owner.context.streams.projects_of(S) == [P]


@pytest.mark.parametrize("moment", ["checked", "decided"])
def test_a_pseudonym_that_another_project_takes_meanwhile_is_checked_again(
    two: tuple[Repository, Repository], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    mine, other = two
    checked = list[object]()
    real = content_access.check_pseudonym
    monkeypatch.setattr(command_handler, "check_pseudonym", lambda *a: (checked.append(a), real(*a))[1])
    meanwhile(monkeypatch, moment, lambda: enrol(other, Q, "ECI_KAU_S0007"))
    enrol(mine, P, "ECI_KAU_S0007")
    assert len(checked) == 3  # once by the other, and twice here
