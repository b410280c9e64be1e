"""A training set that is exported while people work: what its datasheet states is of one position of the feed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eci_annotate import errors
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from eci_annotate.repository.datasets.position_snapshot import take_snapshot
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.subject.commands import Withdraw
from tests.repository.readings_world import DOUBLE, Box, as_member, lesion, make, read, report, subject
from tests.repository.repository_world import P

BOX: Box = ("lesion 1", (4, 12, 14), (4, 5))
TWO_READERS: tuple[dict[str, Any], ...] = (DOUBLE[0], {"readers": {"need": 2, "most": 3}}, DOUBLE[2])


def sign(folder: Path, who: str, number: int) -> None:
    read(folder, who, number, report(lesion("lesion 1")), BOX)


class Interrupted(Repository):
    """A repository in which others sign before the agreement of readers is computed."""

    def agreement(self, *words: Any, **options: Any) -> Any:
        if others := self.__dict__.pop("others", None):
            others()
        return super().agreement(*words, **options)


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_position_versions_and_agreement_are_of_one_moment(tmp_path: Path) -> None:
    folder = make(tmp_path, 3, *TWO_READERS)
    for number in (1, 2):
        sign(folder, "anna", number)
        sign(folder, "ben", number)
    olga = as_member(folder, "olga")
    busy = Interrupted(olga.backend, olga.images)
    options = rules_of(task="annotate.1")
    export_dataset(olga, tmp_path / "quiet", "monai", options)
    busy.__dict__["others"] = lambda: [sign(folder, who, 3) for who in ("anna", "ben")]
    export_dataset(busy, tmp_path / "busy", "monai", options)
    assert files(tmp_path / "busy") == files(tmp_path / "quiet")
    export_dataset(olga, tmp_path / "later", "monai", options)
    sheet = json.loads((tmp_path / "later" / "datasheet.json").read_text())
    assert sheet["counts"]["subjects"] == 3 and {row["n"] for row in sheet["agreement"]["rows"]} == {3}


def test_a_subject_that_goes_while_they_are_listed_hides_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, 3)
    for number in (1, 2, 3):
        sign(folder, "anna", number)
    dev = as_member(folder, "dev")
    monkeypatch.setattr("eci_annotate.repository.datasets.position_snapshot.PIECE", 1)
    subjects, going = dev.backend.subjects, [subject(1)]

    def pages(project: str, query: Any = None) -> Any:
        found = subjects(project, query)
        if query.offset == 1 and going:
            as_member(folder, "olga").backend.do(Withdraw(P, going.pop(), "letter"))
        return found

    monkeypatch.setattr(dev.backend, "subjects", pages)
    assert [seen.subject for seen in take_snapshot(dev.backend, P).subjects] == [subject(2), subject(3)]


def test_a_subject_that_is_withdrawn_during_the_export_does_not_leave(tmp_path: Path) -> None:
    folder = make(tmp_path, 2)
    sign(folder, "anna", 1)
    sign(folder, "anna", 2)
    olga = as_member(folder, "olga")

    def progress(what: str, done: int, of: int) -> None:
        if done == 1:
            olga.backend.do(Withdraw(P, subject(1), "letter"))

    options = rules_of(include_pending=True)
    with pytest.raises(errors.Refused, match=f"Consent of {subject(1)} was withdrawn"):
        export_dataset(olga, tmp_path / "out", "monai", options, progress=progress)
    assert not (tmp_path / "out").exists()
    export_dataset(olga, tmp_path / "out", "monai", options)
    assert not list((tmp_path / "out").rglob(f"*{subject(1)}*"))
