"""A replay shows, at each step, what was drawn up to there; at its end the bits that were signed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from eci_annotate.demo.rehearsal import recorded
from eci_annotate.errors import Refused
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.draft_entries import lines_entry, snapshot_entry, whole_journal
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.task import Task
from eci_annotate.tools import from_line, replay, save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Add, ChooseTool, Delete, Redo, SetOption, Undo
from eci_annotate.tools.editing.journal_steps import journal_steps
from eci_annotate.tools.gestures import Press
from eci_annotate.viewer.replay_player import ReplayPlayer
from eci_annotate.viewer.session.resume import begin, restored
from tests.repository.readings_world import P, as_member, lesion, make, report, subject

MEANING = "I drew this"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """A reading with a box, an outline, paint, an undo and a redo."""
    folder = make(tmp_path_factory.mktemp("replay"), 1)
    task = as_member(folder, "anna").start(subject(1), "annotate", project=P)
    series = str(task.hanging().first)
    entries = recorded("tiny", grid_of(task.volume()), series)
    task.save([to_line(entry) for entry in [*entries, Undo(), Undo(), Redo(), Redo()]])
    easel = replay(task.volume, None, task.draft().lines)
    labels = [each.label for each in easel.table.annotations()]
    task.answer(report(*(lesion(label) for label in labels)))
    return task.sign(MEANING)


def state(easel: Easel) -> bytes:
    return save(easel)


def test_the_end_of_a_replay_is_what_was_signed_bit_by_bit(signed: Signed) -> None:
    player = ReplayPlayer(signed)
    assert not player.controller.easel.table.annotations() and len(player.steps) > 6
    player.slider.value = len(player.steps)
    assert state(player.controller.easel) == signed.content("snapshot")[0]
    assert player.words.value.startswith(f"{len(player.steps)} of {len(player.steps)}")


def test_each_step_in_any_order_is_the_drawing_up_to_there(signed: Signed) -> None:
    player = ReplayPlayer(signed)
    lines = signed.journal()[1]
    ends = np.cumsum([len(step.entries) for step in player.steps])
    assert ends[-1] == len(lines)
    order = list(range(len(player.steps) + 1)) * 2
    random.Random(3).shuffle(order)
    for number in order:
        player.go(number)
        fresh = Easel(signed.volume)
        for line in lines[: ends[number - 1] if number else 0]:
            fresh.do(from_line(line))
        found = player.controller.easel.table.annotations()
        assert [(a.label, round(a.volume_mm3, 6)) for a in found] == [
            (a.label, round(a.volume_mm3, 6)) for a in fresh.table.annotations()
        ]


def test_a_later_version_begins_with_the_earlier_one(signed: Signed) -> None:
    repository = Repository(signed._backend, signed._images)
    task = repository.start(signed.subject, "annotate", project=P, rerun=True)
    begun = restored(task)
    opening = begin(begun, task, task.hanging())
    uid = next(iter(begun.easel.table.objects))
    task.save([to_line(entry) for entry in [*opening, Delete(uid)]])
    left = [each.label for each in replay(task.volume, *drawing(task)).table.annotations()]
    task.answer(report(*(lesion(label) for label in left)))
    player = ReplayPlayer(task.sign(MEANING))
    assert len(player.controller.easel.table.objects) == len(left) + 1
    player.go(len(player.steps))
    assert [each.label for each in player.controller.easel.table.annotations()] == left


def drawing(task: Task) -> tuple[bytes | None, list[str]]:
    draft = task.draft()
    return draft.snapshot, draft.lines


def test_a_step_has_a_name_and_a_stroke_has_a_place(signed: Signed) -> None:
    steps = journal_steps(signed.journal()[1])
    names = [step.name for step in steps]
    assert {"Undo", "Redo"} <= set(names) and any(name.startswith("Add ") for name in names)
    strokes = [step for step in steps if any(isinstance(entry, Press) for entry in step.entries)]
    assert strokes and all(step.at is not None for step in strokes)


def test_a_cut_stroke_is_closed_at_the_end_as_when_it_was_signed(signed: Signed) -> None:
    player = ReplayPlayer(signed)
    lines = signed.journal()[1]
    cut = max(n for n, line in enumerate(lines) if isinstance(from_line(line), Press)) + 1
    player.steps = journal_steps(lines[:cut])
    player.go(len(player.steps))
    assert save(player.controller.easel) == save(replay(signed.volume, None, lines[:cut]))


def test_choices_belong_to_the_step_after_them() -> None:
    entries = [ChooseTool("smartpaint"), SetOption("radius_mm", 5.0), Add("1", "smartpaint", "a", (1, 2, 3), "2.25.1")]
    (step,) = journal_steps([to_line(entry) for entry in entries])
    assert step.name == "Add a" and len(step.entries) == 3


def test_nothing_can_be_drawn_in_a_replay(signed: Signed) -> None:
    player = ReplayPlayer(signed)
    with pytest.raises(Refused, match="replay"):
        player.controller.do(Undo())


def test_the_journal_begins_at_the_snapshot_that_it_continued_and_ignores_later_ones() -> None:
    entries = [snapshot_entry("first"), lines_entry(["a"], 0), snapshot_entry("second"), lines_entry(["a", "b"], 0)]
    assert whole_journal(entries) == ("first", ["a", "b"])
    assert whole_journal(entries[1:]) == ("", ["a", "b"])
    with pytest.raises(Refused, match="missing"):
        whole_journal([lines_entry(["a"], 0), lines_entry(["c"], 2)])


def test_a_review_has_no_drawing(signed: Signed) -> None:
    class Bare(Signed):
        def content(self, role: str) -> list[bytes]:
            return []

    bare = Bare(signed._backend, signed._images, signed.project, signed.subject, signed.event)
    with pytest.raises(Refused, match="no drawing"):
        ReplayPlayer(bare)
