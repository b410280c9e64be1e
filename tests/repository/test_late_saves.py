"""A save that is acknowledged is in the version, or in the draft of the next one: none is lost at the signature."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

import eci_annotate as eci
from eci_annotate.errors import EciError, LeaseLost, Refused, StoreUnavailable
from eci_annotate.repository.local import artefacts
from eci_annotate.repository.open_repository import open as open_again
from eci_annotate.store.protocols import DraftPart
from tests.repository.repository_world import ANSWERS, MEANING, S, as_member, lines, local


def drawn(repo: Any) -> Any:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    return task


def test_a_save_after_the_signature_is_refused(repo: eci.Repository) -> None:
    task = drawn(repo)
    task.sign(MEANING)
    with pytest.raises(LeaseLost):
        task.answer({**ANSWERS, "image_quality": "poor"})
    repo.start(S, "annotate", rerun=True).answer(ANSWERS)


def test_a_save_by_another_process_after_the_signature_is_refused(repo: eci.Repository, folder: Path) -> None:
    task, other = drawn(repo), local(open_again(folder)).context.drafts
    address = next(iter(local(repo).drafts._granted))[0]
    other.append(address, task.fence, [{"a": ANSWERS}])
    task.sign(MEANING)
    for part in ([DraftPart(address, task.fence, [{"a": {}}])], [DraftPart(address, task.fence, [{"l": ["x"]}])] * 2):
        assert {str(each) for each in other.append_many(part)} == {
            "This task is signed. Start its next version to go on."
        }
    with pytest.raises(LeaseLost, match="is signed"):
        other.append(address, task.fence, [{"a": {}}])
    with pytest.raises(EciError):
        task.sign(MEANING)  # a second signature, refused, opens nothing again
    with pytest.raises(LeaseLost, match="is signed"):
        other.append(address, task.fence, [{"a": {}}])
    again = open_again(folder).start(S, "annotate", rerun=True)
    again.answer(ANSWERS)
    other.append(address, again.fence, [{"a": ANSWERS}])


def test_of_two_opposite_signatures_at_once_one_is_made(
    repo: eci.Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn(repo).sign(MEANING)
    review = as_member(monkeypatch, folder, "ruth").start(S, "review")
    both = Barrier(2)

    def sign(verdict: str) -> str:
        both.wait(10)
        try:
            return str(review.sign("m", verdict=verdict, reason="" if verdict == "accept" else "wrong").version)
        except LeaseLost as refused:
            return type(refused).__name__

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(sign, ("accept", "reject"))) == ["1", "LeaseLost"]
    assert all(check.passed for check in local(repo).trail.verify("liver-ct", S))


def test_a_save_during_the_signature_waits(repo: eci.Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    task, right, met = drawn(repo), artefacts.annotated, list[EciError]()

    def annotated(*given: Any) -> Any:
        with pytest.raises(StoreUnavailable) as refused:
            task.answer({**ANSWERS, "image_quality": "poor"})
        met.append(refused.value)
        return right(*given)

    monkeypatch.setattr(artefacts, "annotated", annotated)
    assert task.sign(MEANING).version == 1 and met


def test_a_save_of_another_process_during_the_signature_ends_it(
    repo: eci.Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, right = drawn(repo), artefacts.annotated
    other = local(open_again(folder)).context.drafts
    address = next(iter(local(repo).drafts._granted))[0]

    def annotated(*given: Any) -> Any:
        made = right(*given)
        other.append(address, task.fence, [{"a": {**ANSWERS, "image_quality": "poor"}}])
        return made

    with monkeypatch.context() as patched:
        patched.setattr(artefacts, "annotated", annotated)
        with pytest.raises(Refused, match="changed while it was signed"):
            task.sign(MEANING)
    task.answer(ANSWERS)
    assert task.sign(MEANING).version == 1
