"""What an adjudication and a review are about: the readings, and the version that was reviewed before."""

from __future__ import annotations

from pathlib import Path

import pytest

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.comparison.sides import sides_of
from eci_annotate.workflow.subject.commands import Reopen
from eci_annotate.workflow.usecase.pipeline import TaskKind
from tests.repository.readings_world import AGAIN, DOUBLE, as_member, draw, lesion, make, read, report, subject
from tests.repository.repository_world import P

S = subject(1)
BOX = ("lesion 1", (4, 18, 22), (4, 5))


@pytest.mark.parametrize("blind", [False, True])
def test_an_adjudication_is_about_the_readings_of_its_group(tmp_path: Path, blind: bool) -> None:
    folder = make(tmp_path, 1, *DOUBLE[:2], {**DOUBLE[2], "blind": blind})
    for who in ("ben", "anna"):
        read(folder, who, 1, report(lesion("lesion 1")), BOX)
    task = as_member(folder, "al").start(S, "adjudicate")
    assert task.definition.kind == TaskKind.ADJUDICATE and task.reviewing() is None and task.reviewed_before() is None
    first, second = ["Reader A", "Reader B"] if blind else ["ben", "anna"]
    assert [(each.task, each.reader) for each in task.readings()] == [("annotate.1", first), ("annotate.2", second)]
    sides = sides_of(task, Easel(task.volume))
    assert [side.title for side in sides] == [first, second]
    assert all(side.annotations()[0].label == "lesion 1" for side in sides)


def test_who_adjudicates_blind_has_no_way_to_the_readers_names(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *DOUBLE[:2], {**DOUBLE[2], "blind": True})
    for who in ("ben", "anna"):
        read(folder, who, 1, report(lesion("lesion 1")), BOX)
    al, real = as_member(folder, "al"), as_member(folder, "ruth").signed(S, "annotate.1", 1)
    hidden = al.signed(S, "annotate.1", 1)
    assert hidden.reader == "Reader A" and hidden.rows() == real.rows() and hidden.report == real.report
    assert {each[3] for each in al.annotations().index} == {"Reader A", "Reader B"}
    for role in ("rtstruct", "sr", "journal"):
        for part in real.event.manifest.of(role):
            with pytest.raises(NotFound):
                hidden._backend.get(hidden.project, S, part.digest)
    for kind in ("rtstruct", "seg", "nifti", "nrrd"):
        with pytest.raises(Refused, match="hidden from you"):
            hidden.export(tmp_path / "out", format=kind)
    with pytest.raises(NotFound, match="hidden from you"):
        al.agreement()
    assert al.verify().passed
    task = al.start(S, "adjudicate")
    task.answer(report(lesion("lesion 1")))
    draw(task, BOX)
    task.sign("decided")
    assert al.signed(S, "annotate.1", 1).event == real.event


def test_a_review_knows_what_was_reviewed_before(tmp_path: Path) -> None:
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    ruth = as_member(folder, "ruth")
    first = ruth.start(S, "review")
    assert first.readings() == [] and first.reviewed_before() is None
    first.sign("no", verdict="reject", reason="too small")
    again = as_member(folder, "anna", "two").start(S, "annotate")
    draw(again, ("lesion 2", (4, 26, 38), (3, 3)))
    again.answer(report(lesion("lesion 1"), lesion("lesion 2")))
    again.sign("mended")
    second = ruth.start(S, "review")
    before = second.reviewed_before()
    assert before is not None
    version, review = before
    assert (version.task, version.version, review.reason) == ("annotate", 1, "too small")
    now = second.reviewing()
    assert now is not None and now.version == 2


def test_who_signs_a_reading_to_be_repeated_is_told_that_he_signed(tmp_path: Path) -> None:
    folder = make(tmp_path, 1, *AGAIN)
    signed = read(folder, "anna", 1, report(lesion("lesion 1")), BOX, task="annotate")
    assert (signed.version, signed.reader, signed.seal, signed.rows()) == (1, "anna", "", [])
    with pytest.raises(NotFound):
        as_member(folder, "anna").signed(S, "annotate", 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX, task="again")
    assert as_member(folder, "anna").signed(S, "annotate", 1).seal


def test_only_its_reader_learns_that_a_blinded_reading_was_sent_back(tmp_path: Path) -> None:
    folder, asked = make(tmp_path, 1, *DOUBLE), SubjectQuery(urgent=True)
    read(folder, "anna", 1, report(lesion("lesion 1")), BOX)
    backends = {who: as_member(folder, who).backend for who in ("anna", "ben", "al", "olga")}
    assert all(backend.subjects(P, asked).total == 0 for backend in backends.values())
    backends["olga"].do(Reopen(P, subject(1), "annotate.1", "a cyst is missing"))
    assert {who: backend.subjects(P, asked).total for who, backend in backends.items()} == {
        "anna": 1, "ben": 0, "al": 0, "olga": 0
    }  # fmt: skip
