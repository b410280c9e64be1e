"""Rulers and values inside annotations in the report: filled in at a click, tied by label, kept with the version."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.errors import BadUseCase
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, Delete, Select, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.viewer.workbench import Workbench
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local, write_phantom

MEASURED: dict[str, Any] = {
    "depth": {
        "type": "number",
        "title": "Depth",
        "x-title": {"es": "Profundidad", "de": "Tiefe"},
        "x-unit": "mm",
        "x-measure": {"kind": "distance", "of": "depth"},
    },
    "density": {
        "type": "number",
        "title": "Density",
        "x-title": {"es": "Densidad", "de": "Dichte"},
        "x-unit": "HU",
        "x-measure": {"kind": "mean", "of": "lesion 1"},
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rulers")
    case = root / "case"
    shutil.copytree(forms_folder() / "liver-ct", case)
    report = json.loads((case / "report.json").read_text())
    report["properties"] |= MEASURED
    (case / "report.json").write_text(json.dumps(report))
    write_phantom(root / "dicom", "tiny")
    create_repository(root / "repository", project=P, member="anna", site="KAU", use_case=str(case))
    repository = open(root / "repository")
    import_folders(local(repository), [root / "dicom"], project=P, site="KAU")
    return root / "repository"


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    return open(Path(shutil.copytree(made, tmp_path / "repository")))


def ruler_lines(task: Any, uid: str = "r1", columns: float = 10.0, label: str = "distance 1") -> list[str]:
    """Journal lines that draw a distance along a row of the middle slice."""
    grid, series = grid_of(task.volume()), str(task.hanging().first)
    start = np.array(grid.shape) / 2

    def at(j: float, i: float) -> tuple[float, float, float]:
        x, y, z = (float(each) for each in grid.reference_from_image(start + (0, j, i)))
        return x, y, z

    plane = Plane("axial", at(0, 0), grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
    drawn = [Press(at(5, 0), plane), Drag((at(5, columns),), plane), Release(at(5, columns), plane)]
    return [to_line(each) for each in (Show(series), Add(uid, "distance", label, (0, 255, 0), series), *drawn)]


def opened(repo: Repository, **answers: Any) -> Workbench:
    task = repo.start(S, "annotate")
    task.answer({**ANSWERS, **answers})
    task.save([*lines(task), *ruler_lines(task)])
    return Workbench(task)


def field(bench: Workbench, name: str) -> Any:
    assert bench.report.form is not None
    bench.report.form._remeasure()
    return bench.report.form.group.parts[name]


def test_the_selected_ruler_is_taken_and_named_by_the_field(repo: Repository) -> None:
    bench = opened(repo)
    table, length = bench.controller.easel.table, 10 * grid_of(bench.task.volume()).spacing_mm[2]
    depth = field(bench, "depth")
    assert depth.take.description == f"Measure: {length:g} mm, distance 1" and table.active == "r1"
    depth.take.click()
    assert depth.answer == length and table.objects["r1"].label == "depth"
    assert "as drawn" in field(bench, "depth").differs.value
    assert [row["label"] for row in bench.annotations.drawn] == ["lesion 1"]  # no gate counts a ruler
    bench.leave()


def test_no_ruler_is_taken_that_is_not_selected_or_has_another_name(repo: Repository) -> None:
    bench = opened(repo)
    bench.do(Select("u1"))
    assert field(bench, "depth").take.disabled and "'depth' is not drawn yet" in field(bench, "depth").take.tooltip
    bench.leave()


def test_values_inside_an_annotation_are_filled_in_with_their_unit(repo: Repository) -> None:
    bench = opened(repo)
    ct = bench.task.volume()
    (box,) = bench.controller.easel.table.annotations()
    mean = round(float(ct.values[box.mask_on(ct).values].mean()), 1)
    density = field(bench, "density")
    assert density.take.description == f"Measure: {mean:g} HU"
    density.take.click()
    assert density.answer == mean
    bench.leave()


def test_a_version_keeps_where_each_value_comes_from_and_says_what_is_stale(repo: Repository, tmp_path: Path) -> None:
    bench = opened(repo, depth=1.5)
    field(bench, "density").take.click()
    bench.do(Delete("r1"))
    assert "not measured on a drawing" in field(bench, "depth").differs.value
    bench.leave()
    task = repo.start(S, "annotate")
    task.save(ruler_lines(task, "r2", label="depth"))
    signed = task.sign(MEANING)
    length = round(10 * float(grid_of(task.volume()).spacing_mm[2]), 1)
    by_path = {tuple(row["path"]): row for row in signed.measurements["answers"]}
    depth, density = by_path[("depth",)], by_path[("density",)]
    assert (depth["uid"], depth["kind"], depth["value"], depth["measured"], depth["agrees"]) == (
        "r2", "distance", 1.5, length, False,
    )  # fmt: skip
    assert (density["uid"], density["measure"], density["agrees"]) == ("u1", "mean", True)
    assert by_path[("lesions", 0, "size_mm")]["agrees"] is False
    (ruler,) = signed.measurements["rulers"]
    assert ruler["label"] == "depth" and len(ruler["points_lps"]) == 2
    assert [row["label"] for row in signed.rows()] == ["lesion 1"]
    written = {path.name: path for path in signed.export(tmp_path / "out")}
    report, _ = signed.export(tmp_path / "report", format="tid1500")
    (group,) = hd.sr.srread(report).content.get_image_measurement_groups()
    assert group.tracking_identifier == "depth" and round(group.get_measurements()[0].value, 1) == length
    for kind in ("nifti", "nrrd", "seg"):
        with pytest.warns(UserWarning, match=f"{kind} files do not hold these rulers of .*: depth."):
            signed.export(tmp_path / kind, format=kind)
    (row,) = [row for _, _, row in eci.datasets(repo, include_pending=True)]
    assert (row["rulers_left_out"], row["lengths"]) == (1, "mm")
    (name,) = (name for name in written if name.endswith("_measurements.json"))
    assert json.loads(written[name].read_text()) == signed.measurements
    assert all(check.passed for check in repo.verify(signed).checks)


def test_a_unit_that_the_images_do_not_have_is_refused(repo: Repository) -> None:
    bench = opened(repo)
    (question,) = (each for each in bench.task.questions if each.name == "density")
    found = bench.report.sizes.reading(replace(question, unit="SUV"), {}, "")
    assert found is not None and found.value is None and found.words == "'lesion 1' has values in HU: type the value."
    bench.leave()


def test_an_angle_in_millimetres_is_not_published() -> None:
    definition = copy.deepcopy(json.loads(UseCase.from_folder(forms_folder() / "liver-ct").blob))
    size = definition["report"]["properties"]["lesions"]["items"]["properties"]["size_mm"]
    size["x-measure"] = {"kind": "angle"}
    with pytest.raises(BadUseCase, match="is measured as angle in mm"):
        UseCase.from_definition(definition)
