"""The datasheet of a training set: agreement of the readers, licence and consent, the same bytes twice."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.repository.datasets.dataset_case import Sample, TrainingCase
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from eci_annotate.repository.datasets.monai import MonaiLayout
from eci_annotate.repository.datasets.nnunet import NnunetLayout
from eci_annotate.repository.datasets.reader_agreement import NONE
from eci_annotate.workflow.subject.commands import Withdraw
from tests.repository.readings_world import DOUBLE, P, as_member, draw, lesion, make, read, report, subject
from tests.repository.test_datasets import contents

BOXES = {"anna": ("lesion 1", (4, 12, 14), (4, 5)), "ben": ("lesion 1", (4, 12, 14), (4, 4))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects that two readers read and a third person settled; a third one was withdrawn after that."""
    made = make(tmp_path_factory.mktemp("double"), 3, *DOUBLE)
    for number in (1, 2, 3):
        for name, box in BOXES.items():
            read(made, name, number, report(lesion("lesion 1")), box)
        decision = as_member(made, "al").start(subject(number), "adjudicate")
        draw(decision, BOXES["anna"])
        decision.answer(report(lesion("lesion 1")))
        decision.sign("decided")
    as_member(made, "olga").backend.do(Withdraw(P, subject(3), "letter"))
    return made


def test_it_states_how_the_readers_agree(folder: Path, tmp_path: Path) -> None:
    repository = as_member(folder, "olga")
    for name in ("one", "two"):
        export_dataset(repository, tmp_path / name, "coco", rules_of(licence="CC  BY\n4.0"))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    sheet = json.loads((tmp_path / "one" / "datasheet.json").read_text())
    (dice,) = [row for row in sheet["agreement"]["rows"] if row["measure"] == "Dice, mean"]
    signed = [repository.signed(subject(1), f"annotate.{n}", 1, project=P).annotations()[0] for n in (1, 2)]
    one, other = (each.mask_on(repository.volume(each.series_uid)).values for each in signed)
    assert dice["value"] == pytest.approx(2 * (one & other).sum() / (one.sum() + other.sum()), abs=1e-3)
    assert (dice["comparison"], dice["task"], dice["n"], dice["missing"]) == ("anna – ben", "annotate", 2, 0)
    assert sheet["licence"] == "CC BY 4.0"
    assert sheet["consent"]["withdrawn"] == [{"project": P, "subject": subject(3)}]
    text = (tmp_path / "one" / "DATASHEET.md").read_text()
    assert (
        "| anna – ben | lesion 1 | Dice, mean |" in text and f"Withdrawn: {subject(3)}" in text and "CC BY 4.0" in text
    )
    coco = json.loads((tmp_path / "one" / "annotations.json").read_text())
    assert coco["licenses"] == [{"id": 1, "name": "CC BY 4.0", "url": ""}]
    assert {image["license"] for image in coco["images"]} == {1}


@pytest.mark.parametrize("layout", [NnunetLayout, MonaiLayout])
def test_trainers_are_given_no_nan(layout: type[NnunetLayout | MonaiLayout]) -> None:
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 2, 2), "1.2.3")
    image = eci.volume_from_array(np.array([[[np.nan, 2], [3, 4]]], np.float32), grid)
    mask = eci.volume_from_array(np.array([[[0, 0], [0, 1]]], np.uint8), grid)
    case = TrainingCase(SimpleNamespace(project="p", subject="S"), "1.2", 1, "accepted", (), ())  # type: ignore[arg-type]
    plan = DatasetPlan(0, ("p",), rules_of(), (), {"a": 1}, ())
    files = dict(layout(plan).add(Sample(case, image, mask, mask.values.astype(np.uint16), {})))
    (content,) = [each for name, each in files.items() if "images" in name]
    values = nibabel.Nifti1Image.from_bytes(gzip.decompress(content)).get_fdata()
    assert values.ravel("F").tolist() == [2, 2, 3, 4]


def test_it_says_that_nothing_was_read_twice_and_no_licence_is_stated(tmp_path: Path) -> None:
    made = make(tmp_path, 1)
    read(made, "anna", 1, report(lesion("lesion 1")), BOXES["anna"])
    export_dataset(as_member(made, "olga"), tmp_path / "out", "monai", rules_of(include_pending=True))
    sheet = json.loads((tmp_path / "out" / "datasheet.json").read_text())
    assert sheet["agreement"] == {"rows": [], "notes": [NONE]} and sheet["licence"] == "not stated"
    assert sheet["consent"]["withdrawn"] == []


def test_one_reading_of_the_two_that_are_needed_is_no_ground_truth(tmp_path: Path) -> None:
    made = make(tmp_path, 1, DOUBLE[0], {"readers": {"need": 2, "most": 3}}, DOUBLE[2])
    read(made, "anna", 1, report(lesion("lesion 1")), BOXES["anna"])
    repository = as_member(made, "olga")
    (refused,) = eci.datasets(repository).refused
    assert refused.why == "Fewer than 2 readings of annotate are signed."
    assert len(eci.datasets(repository, include_pending=True)) == len(eci.datasets(repository, task="annotate.1")) == 1
    read(made, "ben", 1, report(lesion("lesion 1")), BOXES["ben"])
    assert [each.why for each in eci.datasets(repository).refused] == ["anna and ben read annotate."]
