"""Each shipped use case from images to an accepted, exported, verified version, with what its own gate demands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import eci_annotate as eci
from eci_annotate.errors import Refused
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, ChooseTool, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.repository.repository_world import anchor, as_member
from tests.viewer.study_world import write_study
from tests.viewer.test_earlier_version import dated
from tests.workflow.test_use_cases import agreeing, answers

S = "ECI_KAU_S0001"
MR, CT = {"Modality": "MR"}, {"Modality": "CT"}
ADC = {"Modality": "MR", "ImageType": ["DERIVED", "PRIMARY", "ADC"]}
SUB = {"Modality": "MR", "ImageType": ["DERIVED", "SECONDARY", "SUBTRACTION"]}


@dataclass(frozen=True)
class Trial:
    """A study, and what to draw: for each task tool and slot, in order."""

    series: Mapping[str, Mapping[str, Any]]
    drawn: Mapping[str, tuple[tuple[str, str], ...]]
    unavailable: Mapping[str, str] = field(default_factory=dict)


TRIALS = {
    "liver-ct": Trial({"Abdomen portal venous": CT}, {"annotate": (("smartpaint", ""),)}),
    "liver-mri": Trial({"t1_vibe_fs_portal": MR}, {"annotate": (("box", "portal"),)}),
    "colorectal-ct": Trial({"Abdomen pv": CT}, {"annotate": (("smartpaint", "portal"),)}),
    "rectal-mri": Trial({"t2_tse_obl_hr": MR}, {"annotate": (("freedraw", "oblique"),)}),
    "rectal-mri-restaging": Trial(
        {"t2_tse_obl_hr before": dated("20240101"), "t2_tse_obl_hr after": dated("20240701")},
        {"baseline": (("freedraw", "oblique-prior"),), "restaging": (("freedraw", "oblique"),)},
    ),
    "breast-mri": Trial(
        {"SUB 1-2": SUB, "T2 STIR": MR},
        {"annotate": (("smartpaint", "subtraction"), ("box", "t2"))},
        {"adc": "not acquired"},
    ),
    "mammography": Trial({}, {"annotate": (("box", "lcc"), ("box", "lmlo"))}),
    "mammography-screening": Trial({}, {"annotate": (("box", "rmlo"),)}),
    "hcc-response": Trial(
        {"Abd arterial 2.0": CT},
        {"annotate.1": (("smartpaint", "arterial-ct"),), "annotate.2": (("smartpaint", "arterial-ct"),),
         "adjudicate": (("smartpaint", "arterial-ct"),)},
    ),
}  # fmt: skip


def mammograms(folder: Path, source: Path) -> None:
    """The four views of one woman, which are four studies there, as one study."""
    folder.mkdir(parents=True)
    for number, path in enumerate(sorted(source.rglob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        dataset.StudyInstanceUID, dataset.PatientID, dataset.PatientName = "2.25.77", "woman", "woman"
        dataset.save_as(folder / f"{number}.dcm")


@pytest.fixture
def made(name: str, tmp_path: Path, shared_data: Path) -> Path:
    if name.startswith("mammo"):
        mammograms(tmp_path / "dicom", shared_data / "mammo_cbis_4view_quarter")
    else:
        write_study(tmp_path / "dicom", TRIALS[name].series)
    create_repository(tmp_path / "repository", project=name, member="olga", site="KAU")
    owner = open(tmp_path / "repository")
    for member, role in (("anna", "annotator"), ("ben", "annotator"), ("ruth", "reviewer")):
        add_member(owner, find(tmp_path / "repository"), member, project=name, roles=(role,), site="KAU")
    import_folders(owner.backend, [tmp_path / "dicom"], project=name, site="KAU", accept_identified=True)
    return tmp_path / "repository"


def drawing(task: Task, parts: tuple[tuple[str, str], ...], label: str) -> Iterator[Any]:
    """Entries that draw one annotation per part, in the middle of its series."""
    series = {each.slot: each.series_uid for each in task.hanging().placed}
    for number, (tool, slot) in enumerate(parts):
        uid = series[slot] if slot else str(task.hanging().first)
        grid = grid_of(task.volume(uid))
        middle = (np.array(grid.shape) - 1) / 2

        def at(j: float, i: float, grid: Any = grid, middle: Any = middle) -> tuple[float, float, float]:
            x, y, z = (float(each) for each in grid.reference_from_image(np.round(middle) + np.array([0, j, i])))
            return x, y, z

        plane = Plane("acquired", at(0, 0), grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
        ring = [at(8 * np.sin(a), 8 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 24)]
        yield Show(uid)
        yield ChooseTool(tool)
        yield Add(f"a{number}", tool, label, (255, 0, 0), uid)
        if tool == "box":
            yield from (Press(at(-6, -6), plane), Drag((at(0, 2), at(6, 6)), plane), Release(at(6, 6), plane))
        else:
            yield from (Press(ring[0], plane), Drag(tuple(ring[1:-1]), plane), Release(ring[-1], plane))


def work(repo: Repository, name: str, trial: Trial, task_name: str) -> Any:
    """Draw and answer everything that is asked, and sign; what is missing before is refused."""
    task = repo.start(S, task_name)
    full = answers(repo.use_case().questions, 0)
    gate = task.definition.gate
    assert gate is not None
    agree = agreeing(gate, [slot for _, slot in trial.drawn[task_name]])
    full[gate.lesions] = [full[gate.lesions][0] | {gate.label: "lesion 1"} | agree]
    task.answer(full)
    with pytest.raises(Refused, match="'lesion 1' has no"):
        task.sign("I drew and checked it")
    task.save([to_line(each) for each in drawing(task, trial.drawn[task_name], "lesion 1")])
    if trial.unavailable:
        with pytest.raises(Refused, match="say why it is not available"):
            task.sign("I drew and checked it")
    task.answer(full, {"unavailable": dict(trial.unavailable)})
    return task.sign("I drew and checked it")


@pytest.mark.parametrize("name", TRIALS)
def test_from_images_to_an_accepted_version(
    name: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, signed = TRIALS[name], None
    readers = dict(zip(trial.drawn, ("anna", "ben", "ruth") if name == "hcc-response" else ("anna",) * 3, strict=False))
    for task, reader in readers.items():
        signed = work(as_member(monkeypatch, made, reader), name, trial, task)
        if name != "hcc-response":
            assert {each.label for each in signed.annotations()} == {"lesion 1"}
    reviewer = as_member(monkeypatch, made, "olga" if name == "hcc-response" else "ruth")
    reviewer.start(S, "review").sign("I looked at it", verdict="accept")
    assert signed is not None
    (last,) = [each for each in reviewer.signed_versions(accepted=True) if each.task == signed.task]
    files = last.export(tmp_path / "out")
    checks = verify_exported(tmp_path / "out", [anchor(made)])
    assert checks and all(each.passed for each in checks), [each for each in checks if not each.passed]
    structures = [eci.read_rtstruct(each) for each in files if "rtstruct" in each.name]
    assert structures
    assert {roi.label for each in structures for roi in each} == {"lesion 1"}


def test_every_use_case_has_a_trial() -> None:
    assert TRIALS.keys() == {path.parent.name for path in forms_folder().glob("*/usecase.yaml")}
