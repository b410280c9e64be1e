"""Answers filled in from the drawing: the value, the remark where both differ, and nothing picked among several."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom.sr.codedict import codes

from eci_annotate.errors import BadUseCase
from eci_annotate.imaging.annotations import Box
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.tools.editing.entries import Alter
from eci_annotate.tools.measure import measurements_in_words
from eci_annotate.viewer.workbench import Workbench
from eci_annotate.workflow.usecase.form_measure import agrees, rounded
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case
from tests.repository.repository_world import ANSWERS, MEANING, S, lines, make
from tests.repository.test_proposal import propose


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sizes"))


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


def opened(repo: Repository, answers: dict[str, Any] = ANSWERS, copies: int = 1) -> Workbench:
    task = repo.start(S, "annotate")
    task.answer(answers)
    for n in range(copies):
        task.save(lines(task, uid=f"u{n}"))
    return Workbench(task)


def size_field(bench: Workbench) -> Any:
    assert bench.report.form is not None
    part: Any = bench.report.form.group.parts["lesions"]
    return part.groups[0].parts["size_mm"]


def side_of(bench: Workbench) -> float:
    """The longest side of the box in the plane of the slices."""
    (box,) = (each for each in bench.controller.easel.table.objects.values() if isinstance(each, Box))
    normal = bench.controller.easel.table.grid.directions[0]
    across = max(range(3), key=lambda n: abs(sum(a * b for a, b in zip(box.axes_lps[n], normal, strict=True))))
    return round(max(size for n, size in enumerate(box.size_mm) if n != across), 1)


def test_a_click_fills_in_what_is_drawn_and_the_remark_goes(repo: Repository) -> None:
    bench = opened(repo)
    field, wanted = size_field(bench), side_of(bench)
    assert field.take.description == f"Measure: {wanted:g} mm" and wanted != 49.0
    assert "differs from the drawing" in field.differs.value
    assert bench.report.remark == (
        f"Form and drawing differ: Longest diameter of 'lesion 1': 49 mm in the form, {wanted:g} mm drawn."
    )
    bench.signing.button.click()
    assert "Form and drawing differ" in bench.signing.note.value
    field.take.click()
    assert field.answer == wanted and "as drawn" in field.differs.value and bench.report.remark == ""
    assert bench.task.draft().answers["lesions"][0]["size_mm"] == wanted
    bench.leave()


def test_a_box_is_as_long_in_the_form_as_in_measure_and_in_the_report(repo: Repository, tmp_path: Path) -> None:
    bench = opened(repo)
    (uid,), side = bench.controller.easel.table.objects, side_of(bench)
    assert f"long axis {side:.1f} mm" in measurements_in_words(bench.controller.easel.table, uid)
    bench.leave()
    path, _ = repo.start(S, "annotate", take_over=True).sign(MEANING).export(tmp_path, format="tid1500")
    (group,) = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    (long,) = group.get_measurements(name=codes.SCT.LongAxis)
    assert round(long.value, 1) == side


def test_a_drawing_of_another_label_is_not_measured(repo: Repository) -> None:
    bench = opened(repo)
    (uid,) = bench.controller.easel.table.objects
    bench.do(Alter(uid, label="lesion 2"))
    field = size_field(bench)
    assert field.take.disabled and field.take.tooltip == "'lesion 1' is not drawn yet."
    assert "not measured on a drawing" in field.differs.value and field.answer == 49.0
    bench.do(Alter(uid, label="lesion 1"))
    assert not field.take.disabled and "differs" in field.differs.value
    bench.leave()


def test_nothing_is_picked_among_two_drawings(repo: Repository) -> None:
    bench = opened(repo, copies=2)
    field = size_field(bench)
    assert field.take.disabled and "is drawn 2 times" in field.take.tooltip
    field.take.click()
    assert field.answer == 49.0
    bench.leave()


def test_what_is_signed_says_where_form_and_drawing_differ(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    (remark,) = propose(repo, task).content.remarks
    drawn = float(remark.rsplit(", ", 1)[1].split()[0])
    lesion = ANSWERS["lesions"][0] | {"size_mm": drawn}
    task.answer({**ANSWERS, "lesions": [lesion]})
    assert propose(repo, task).content.remarks == ()


@pytest.mark.parametrize(
    ("answer", "drawn", "unit", "same"),
    [
        (12.3, 12.34, "mm", True),
        (12.4, 12.34, "mm", False),
        (12, 12.34, "mm", True),
        (13, 12.34, "mm", False),
        (0, 0.4, "ml", False),
        (4.12, 4.1234, "ml", True),
    ],
)
def test_rounding_is_no_difference(answer: float, drawn: float, unit: str, same: bool) -> None:
    assert agrees(answer, drawn, unit) is same
    assert agrees(rounded(drawn, unit), drawn, unit)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x-unit": "kg"}, "is measured as long_axis in kg"),
        ({"x-measure": {"kind": "long_axis", "slots": ["nowhere"]}}, "the slot 'nowhere'"),
        ({"x-measure": {"kind": "long_axis", "when": {"colour": ["red"]}}}, "'colour'"),
        ({"x-measure": {"kind": "weight"}}, "size_mm"),
        ({"type": "integer"}, "is not a number"),
    ],
)
def test_a_measure_that_cannot_work_is_not_published(change: dict[str, Any], says: str) -> None:
    definition = copy.deepcopy(json.loads(shipped_use_case("liver-ct").blob))
    definition["report"]["properties"]["lesions"]["items"]["properties"]["size_mm"].update(change)
    with pytest.raises(BadUseCase, match=says):
        UseCase.from_definition(definition)
