"""Work that is resumed and its journal stay the same, also where the snapshot was taken within a stroke."""

import shutil
from pathlib import Path

import pytest

from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.tools import from_line, replay, save, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.session.resume import begin, restored
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
