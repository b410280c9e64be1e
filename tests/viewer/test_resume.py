"""Work that is resumed and its journal stay the same, also where the snapshot was taken within a stroke."""

import shutil
from pathlib import Path

import pytest

from eci_annotate.imaging.annotations import Box
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.tools import from_line, replay, save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.session.resume import begin, restored
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.workbench import Workbench
from tests.repository.repository_world import S, lines, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


@pytest.mark.parametrize("tool", ["box", "freedraw", "smartpaint", "growcut"])
def test_a_stroke_that_is_open_in_the_snapshot_is_closed_in_the_journal_too(repo: Repository, tool: str) -> None:
    task = repo.start(S, "annotate")
    *begun, release = lines(task, tool=tool)
    task.save(begun)
    easel = Easel(task.volume)
    for line in begun:
        easel.do(from_line(line))
    task.snapshot(save(easel))
    easel.finish()
    work = restored(task)
    assert save(work.easel) == save(easel), "the stroke is closed where it was"
    task.save([to_line(entry) for entry in begin(work, task, task.hanging())])
    for line in (*begun[2:], release):
        work.easel.do(from_line(line))
        task.save([line])
    draft = task.draft()
    assert save(replay(task.volume, draft.snapshot, draft.lines)) == save(work.easel)


def focus_at_opening(bench: Workbench, page: str) -> object:
    """Where a new page turns to; None: the middle of the series."""
    sent = [
        each.message for each in bench.controller.receive({"kind": "ready", "page": page}) if isinstance(each, Send)
    ]
    looks = [each for each in sent if each["kind"] == "look"]
    return looks[-1]["focus"] if looks else None


def test_a_task_opens_where_it_was_left(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    bench = Workbench(task)
    assert focus_at_opening(bench, "first") is None, "nothing is drawn yet"
    task.save(lines(task))
    again = Workbench(repo.start(S, "annotate"))
    (box,) = again.controller.easel.table.annotations()
    assert isinstance(box, Box)
    assert focus_at_opening(again, "second") == pytest.approx(box.centre_lps)
    again.controller.focus, again.controller.active_pane = (1.0, 2.0, 3.0), "axial"
    assert focus_at_opening(again, "reloaded") == (1.0, 2.0, 3.0)
