"""Synthetic patients of use cases: placed where they belong, the same each time; previews, manuals, publishing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
import yaml
from typer.testing import CliRunner

import eci_annotate as eci
from eci_annotate.cli import app
from eci_annotate.demo.case_preview import MEMBER, SUBJECT, make_preview, placements
from eci_annotate.demo.phantoms.patient_study import lesion_voxels, write_study
from eci_annotate.demo.phantoms.plan import FILE, read_plan
from eci_annotate.errors import BadUseCase, EciError
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.viewer.panels.manual import to_html
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_cases


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(each) for each in args])
    return done.exit_code, done.output + (str(done.exception) if isinstance(done.exception, EciError) else "")


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return Path(shutil.copytree(forms_folder() / "mammography", tmp_path / "mine"))


def change(folder: Path, name: str, act: object) -> None:
    content = yaml.safe_load((folder / name).read_text())
    act(content)  # type: ignore[operator]
    (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.mark.parametrize("name", shipped_use_cases())
def test_each_series_is_placed_where_it_belongs(name: str) -> None:
    found = placements(forms_folder() / name)
    assert [each for each in found if not each.right] == []
    slots = {each.belongs for each in found}
    needed = {
        slot
        for task in UseCase.from_folder(forms_folder() / name).pipeline
        if task.gate
        for need in task.gate.needs
        for slot in need.slots[:1]
    }
    assert needed <= slots, "the patient has every series that the first task asks for"


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = read_plan(forms_folder() / "mammography")
    first, second = (write_study(plan, tmp_path / name) for name in ("a", "b"))
    assert [each.read_bytes() for each in first] == [each.read_bytes() for each in second] and len(first) == 4


def test_lesions_are_where_the_plan_says_in_each_plane_and_study(tmp_path: Path) -> None:
    plan = read_plan(forms_folder() / "rectal-mri-restaging")
    write_study(plan, tmp_path)
    (lesion,) = plan.lesions
    sizes = {}
    for number, series in enumerate(plan.series, 1):
        volume = eci.load_series(tmp_path / f"{number:02d}")
        inside = lesion_voxels(plan, series, lesion)
        wanted = series.values.get("lesion", plan.anatomy.lesion_mr)
        assert abs(volume.values[inside].mean() - wanted) < 10
        grid = eci.grid_of(volume)
        middle = grid.reference_from_image(np.argwhere(inside).mean(0))
        assert np.abs(middle - lesion.centre_mm).max() < 2.5, series
        sizes[series.slot] = inside.sum() * grid.voxel_mm3
    assert sizes["oblique-prior"] / sizes["oblique"] == pytest.approx(1.6**3, rel=0.15)


def test_mammograms_show_the_lesion_of_their_side_only(tmp_path: Path) -> None:
    for number, path in enumerate(write_study(read_plan(forms_folder() / "mammography"), tmp_path)):
        dataset = pydicom.dcmread(path)
        assert (dataset.pixel_array > 2200).any() == (dataset.ImageLaterality == "L"), number


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda plan: plan.update(anatomy="knee"), "anatomy"),
        (lambda plan: plan["series"][0].update(modality="XX"), "series/0/modality"),
        (lambda plan: plan["series"][1].pop("description"), "series/1"),
        (lambda plan: plan.update(series=[]), "series"),
        (lambda plan: plan["lesions"][0].update(centre_mm=[1, 2]), "lesions/0/centre_mm"),
    ],
)
def test_a_problem_of_a_plan_is_named(case: Path, act: object, says: str) -> None:
    change(case, FILE, act)
    with pytest.raises(BadUseCase, match=says):
        read_plan(case)
    (case / FILE).unlink()
    with pytest.raises(BadUseCase, match="missing"):
        read_plan(case)


def test_the_preview_is_a_repository_with_a_ready_task(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    repo = open_repository(make_preview(forms_folder() / "mammography", tmp_path, lambda *what: told.append(what)))
    assert repo.worklist()[["subject", "status"]].values.tolist() == [[SUBJECT, "ready"]]
    task = repo.start(SUBJECT, "annotate")
    assert task.holder == MEMBER and len(task.hanging().placed) == 4
    assert told[-1] == ("Importing", 1, 1) and ("Making the patient", 4, 4) in told


def test_trying_a_use_case_names_a_series_in_the_wrong_slot(case: Path) -> None:
    code, text = run("usecase", "test", case)
    assert code == 0 and "Every series is placed where it belongs." in text
    change(case, FILE, lambda plan: plan["series"][0].update(slot="rcc"))
    code, text = run("usecase", "test", case)
    assert code == 1 and "Placed in another slot than they belong to: L CC." in text
    (case / FILE).unlink()
    code, text = run("usecase", "test", case)
    assert code == 0 and "the hanging protocol was not tried" in text


def test_a_changed_use_case_is_published_for_new_subjects(case: Path, tmp_path: Path) -> None:
    repository = make_preview(forms_folder() / "mammography", tmp_path)
    change(case, "usecase.yaml", lambda content: content.update(title="Changed"))
    code, text = run("usecase", "publish", case, repository)
    assert code == 0 and "Published Changed" in text
    repo = open_repository(repository)
    assert repo.use_case().title == "Changed"
    assert repo.start(SUBJECT, "annotate").use_case.title != "Changed", "what is enrolled keeps its own"
    code, text = run("usecase", "publish", case, repository)
    assert code == 0 and "follows exactly this version" in text
    change(case, "usecase.yaml", lambda content: content.update(name="mine"))
    code, text = run("usecase", "publish", case, repository)
    assert code == 1 and "follows 'mammography', not 'mine'" in text
    assert run("usecase", "publish", case, repository, "--other")[0] == 0
    assert open_repository(repository).use_case().name == "mine"


def test_manuals_carry_their_pictures_and_ask_no_other_host(case: Path) -> None:
    text = UseCase.from_folder(case).manual
    shown = to_html(text)
    assert '<img src="data:image/webp;base64,' in shown and "mammography.webp" not in shown
    foreign = to_html('![a chart](http://example.org/x.png) ![b](//example.org/y.png) ![c](x.png "<i>")')
    assert "<img" not in foreign and "example.org" not in foreign and "a chart" in foreign
    (case / "mammography.webp").write_bytes(b"x" * 300_000)
    with pytest.raises(BadUseCase, match="too large"):
        UseCase.from_folder(case)
    (case / "mammography.webp").unlink()
    with pytest.raises(BadUseCase, match="missing"):
        UseCase.from_folder(case)
