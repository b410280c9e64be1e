"""Asking a model in a task: what it proposes is accepted or discarded, journalled with its version, and counted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.assistants.assistant_servers import AssistantServer, ServerKind, allow_server
from eci_annotate.repository.assistants.proposal_report import proposal_summary, proposal_table
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.tools import from_line, replay
from eci_annotate.tools.editing.entries import Accept, ChooseTool, Select, SetOption, Undo
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.tools.model_prompts import LASSO, POINT, SCRIBBLE, Prompted, kind_of_line
from eci_annotate.tools.protocol import HALF
from eci_annotate.viewer.suggestions.model_source import NOTHING
from eci_annotate.viewer.workbench import Workbench
from tests.repository.model_servers import NnInteractiveServer, Seen, ball, serving
from tests.repository.repository_world import ANSWERS, MEANING, P, S, local, make

AT = (3, 12, 20)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("models"))


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


@pytest.fixture
def seen(repo: Repository) -> Iterator[Seen]:
    seen = Seen()
    with serving(NnInteractiveServer(seen).app) as url:
        allow_server(local(repo), AssistantServer("lesions", P, ServerKind.NNINTERACTIVE, url))
        yield seen


def bench_of(repo: Repository, **more: Any) -> Workbench:
    task = repo.start(S, "annotate", **more)
    task.answer({"image_quality": "good", "lesions": []})
    bench = Workbench(task)
    bench.do(ChooseTool("model"))
    return bench


def click(bench: Workbench, *voxels: tuple[int, int, int]) -> None:
    grid = grid_of(bench.task.volume())
    at = [tuple(float(n) for n in grid.reference_from_image(voxel)) for voxel in voxels]
    plane = Plane("axial", at[0], grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
    strokes = [Press(at[0], plane), *(Drag((each,), plane) for each in at[1:]), Release(at[-1], plane)]
    for entry in strokes:
        bench.controller.easel.do(entry)
        bench.applied(entry)
    bench.suggestions._follow()


def painted(bench: Workbench) -> dict[str, np.ndarray]:
    table = bench.controller.easel.table
    return {thing.label: table.field(uid) >= HALF for uid, thing in table.objects.items()}


def test_the_tool_is_offered_only_where_the_owner_set_a_model_up(repo: Repository) -> None:
    bench = Workbench(repo.start(S, "annotate"))
    assert "model" not in bench.toolbar.tools and "growcut" in bench.toolbar.tools
    bench.leave()


def test_nothing_is_sent_before_a_click_and_the_user_reads_where_it_goes(repo: Repository, seen: Seen) -> None:
    bench = bench_of(repo)
    bench.suggestions._follow()
    assert bench.suggestions.current is None and seen.claims == 0
    assert "images of this series then go to lesions" in bench.suggestions.display.widget.children[0].value
    bench.leave()


def test_a_proposal_is_accepted_into_a_new_annotation_and_replays_without_the_server(
    repo: Repository, seen: Seen
) -> None:
    bench = bench_of(repo)
    click(bench, AT)
    assert painted(bench) == {} and bench.suggestions.current is not None
    bench.suggestions.accept()
    expected = ball(bench.task.volume().shape, list(AT))
    np.testing.assert_array_equal(painted(bench)["lesion 1"], expected)
    assert bench.controller.easel.table.undo_name == "Undo proposal of lesions for lesion 1"
    assert bench.suggestions.current is None and len(seen.asked) == 1  # accepted prompts are not asked again
    bench.autosave.snapshot()
    draft = bench.task.draft()
    entries = bench.task._backend.drafts.read(P, S, "annotate")
    lines = [line for entry in entries for line in entry.get("l", ())]
    (accept,) = (entry for line in lines if isinstance(entry := from_line(line), Accept))
    assert accept.source == "nninteractive/2" and draft.count == len(lines)
    again = replay(bench.task.volume, None, lines)
    (uid,) = again.table.objects
    np.testing.assert_array_equal(again.table.field(uid) >= HALF, expected)
    assert len(seen.asked) == 1
    bench.leave()


def test_prompts_add_up_erase_excludes_and_escape_begins_again(repo: Repository, seen: Seen) -> None:
    bench = bench_of(repo)
    click(bench, AT)
    bench.do(SetOption("erase", True))
    click(bench, (3, 14, 20))
    shape = bench.task.volume().shape
    (part,) = bench.suggestions.current.parts
    found = np.zeros(shape, bool)
    found[part.where] = part.voxels
    np.testing.assert_array_equal(found, ball(shape, list(AT)) & ~ball(shape, [3, 14, 20]))
    bench.decide("discard")
    bench.suggestions._follow()
    assert bench.suggestions.current is None and painted(bench) == {}
    bench.do(SetOption("erase", False))
    click(bench, (5, 30, 40))  # what was discarded is not asked again
    assert [told["coordinates"] for _, told in seen.asked[-1:]] == [[5, 30, 40]] and len(seen.asked) == 4
    bench.leave()


def test_a_server_that_fails_is_read_in_plain_words_and_drawing_goes_on(repo: Repository, seen: Seen) -> None:
    bench, seen.fails = bench_of(repo), 500
    click(bench, AT)
    text = bench.suggestions.display.widget.children[0].value
    assert "model server refused the request" in text and "Traceback" not in text and NOTHING not in text
    bench.do(ChooseTool("box"))
    assert bench.controller.easel.tool == "box"
    bench.leave()


def test_the_report_counts_proposals_and_how_much_was_changed(repo: Repository, seen: Seen) -> None:
    bench = bench_of(repo)
    click(bench, AT)
    bench.suggestions.accept()
    click(bench, (5, 30, 40))
    bench.suggestions.accept()
    bench.do(Undo())
    bench.autosave.snapshot()
    bench.leave()
    task = repo.start(S, "annotate", take_over=True)
    task.answer({**ANSWERS, "lesions": [{**ANSWERS["lesions"][0], "label": "lesion 1"}]})
    first = task.sign(MEANING)
    (row,) = proposal_table(repo).to_dict("records")
    assert (row["label"], row["source"], row["dice"]) == ("lesion 1", "nninteractive/2", 1.0)
    bench = Workbench(repo.start(S, "annotate", rerun=True))
    table = bench.controller.easel.table
    (uid,) = table.objects
    before = table.field(uid) >= HALF
    bench.do(Select(uid))
    bench.do(ChooseTool("smartpaint"))
    for name, value in (("radius_mm", 3.0), ("erase", True), ("flow", 1.0), ("rule", "classic")):
        bench.do(SetOption(name, value))
    click(bench, AT)
    after = table.field(uid) >= HALF
    assert 0 < after.sum() < before.sum()
    bench.autosave.snapshot()
    second = bench.task.sign(MEANING)
    (row,) = proposal_table(repo).to_dict("records")
    wanted = 2 * int((before & after).sum()) / int(before.sum() + after.sum())
    assert (row["version"], row["source"]) == (second.version, "nninteractive/2") and first.version == 1
    assert row["dice"] == pytest.approx(wanted)
    (line,) = proposal_summary(proposal_table(repo)).to_dict("records")
    assert (line["source"], line["annotations"], line["percent"], line["unchanged"]) == ("nninteractive/2", 1, 100.0, 0)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (((0.0, 0.0, 0.0),), POINT),
        (((0.0, 0.0, 0.0), (0.5, 0.0, 0.0)), POINT),
        (((0.0, 0.0, 0.0), (20.0, 0.0, 0.0)), SCRIBBLE),
        (((0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (20.0, 20.0, 0.0), (0.0, 20.0, 0.0), (0.0, 1.0, 0.0)), LASSO),
    ],
)
def test_a_line_is_what_it_looks_like(line: tuple[tuple[float, float, float], ...], kind: str) -> None:
    assert kind_of_line(line) == kind
    assert Prompted().line == ()
