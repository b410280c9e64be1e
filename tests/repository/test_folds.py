"""A command folds its subject's stream once: what follows uses the state that its events made."""

from __future__ import annotations

from typing import Any

import pytest

from eci_annotate.repository.local import event_streams
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Describe, Renew, Start
from tests.repository.repository_world import P, S, local


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each time that a subject's stream is folded."""
    real, made = event_streams._folded, list[None]()

    def counted(records: Any) -> Any:
        made.append(None)
        return real(records)

    monkeypatch.setattr(event_streams, "_folded", counted)
    return made


def test_a_start_folds_once_and_gives_what_a_reader_sees(repo: Repository, folds: list[None]) -> None:
    seen = repo.backend.do(Start(P, S, "annotate"))
    assert len(folds) == 1
    assert seen == repo.backend.subject(P, S) and seen is not None and seen.task("annotate").mine


def test_a_start_of_what_is_held_folds_once_too(repo: Repository, folds: list[None]) -> None:
    first = repo.backend.do(Start(P, S, "annotate"))
    folds.clear()
    again = repo.backend.do(Start(P, S, "annotate"))
    assert len(folds) == 1 and first is not None and again is not None
    assert again.task("annotate").fence == first.task("annotate").fence


def test_other_commands_fold_once(repo: Repository, folds: list[None]) -> None:
    seen = repo.backend.do(Start(P, S, "annotate"))
    assert seen is not None
    for command in (Renew(P, S, "annotate", seen.task("annotate").fence), Describe(P, S, True, True, "a")):
        folds.clear()
        then = local(repo).do(command)
        assert len(folds) == 1 and then == repo.backend.subject(P, S)
