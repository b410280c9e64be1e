"""Several projects in one repository: the same person twice, under one pseudonym or under two."""

from __future__ import annotations

from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.new_project import new_project
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from eci_annotate.repository.datasets.subject_split import joined
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.workflow.subject.commands import Enrol
from tests.repository.readings_world import (
    LATE,
    MEANING,
    Box,
    as_member,
    draw,
    lesion,
    make,
    read,
    report,
    series_named,
    subject,
)
from tests.repository.repository_world import P, anchor, local

Q = "second"
LESION: Box = ("lesion 1", (4, 12, 14), (4, 5))


def read_in_second(folder: Path, number: int, on: str = "") -> None:
    task = as_member(folder, "dora").start(subject(number), "annotate", project=Q)
    draw(task, LESION, on=series_named(task, on) if on else "")
    task.answer(report(lesion("lesion 1")))
    task.sign(MEANING)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two subjects in two projects: the first has one pseudonym in both, the second was imported again as the third."""
    root = tmp_path_factory.mktemp("projects")
    made = make(root, 2, late=True)
    owner = as_member(made, "olga")
    case = owner.use_case(P)
    new_project(local(owner), Q, case)
    owner = as_member(made, "olga")
    local(owner).do(Enrol(Q, subject(1), "KAU", case.digest, case.pipeline))
    import_folders(local(owner), [root / "dicom"], project=Q, site="KAU")
    add_member(owner, find(made), "dora", project=Q, roles=("annotator",), site="KAU")
    for number in (1, 2):
        read(made, "anna", number, report(lesion("lesion 1")), LESION)
    read_in_second(made, 1)
    read_in_second(made, 3, on=LATE)
    return made


def test_an_export_of_two_projects_keeps_them_apart(folder: Path, tmp_path: Path) -> None:
    files = as_member(folder, "olga").export(tmp_path)
    assert len(files) == len(set(files)) == sum(path.is_file() for path in tmp_path.rglob("*"))
    places = {path.parent.relative_to(tmp_path).as_posix() for path in files}
    assert places == {f"{P}/{subject(1)}", f"{P}/{subject(2)}", f"{Q}/{subject(1)}", f"{Q}/{subject(3)}"}
    assert all(check.passed for check in verify_exported(tmp_path, [anchor(folder)]))
    alone = as_member(folder, "olga").export(tmp_path / "alone", P)
    assert {path.parent.name for path in alone} == {subject(1), subject(2)} == {
        path.name for path in (tmp_path / "alone").iterdir()
    }  # fmt: skip


def test_images_with_two_masks_are_refused_and_a_person_is_in_one_part(folder: Path, tmp_path: Path) -> None:
    repository = as_member(folder, "olga")
    why = {(each.project, each.subject): each.why for each in eci.datasets(repository, include_pending=True).refused}
    assert why == {
        (P, subject(1)): f"{subject(1)} of {Q} annotates the same images.",
        (Q, subject(1)): f"{subject(1)} of {P} annotates the same images.",
    }
    parts = set()
    for seed in range(4):
        plan = eci.datasets(repository, include_pending=True, split="0.5/0/0.5", seed=seed).plan
        assert [case.signed.subject for case in plan.cases] == [subject(2), subject(3)]
        parts |= {case.part for case in plan.cases}
    assert len(parts) == 1, "both pseudonyms have the images of one study"
    alone = eci.datasets(repository, P, include_pending=True)
    assert [case.signed.subject for case in alone.plan.cases] == [subject(1), subject(2)] and not alone.refused
    assert len(export_dataset(repository, tmp_path / "out", "bids", rules_of(include_pending=True)).rows) == 2


def test_pseudonyms_with_studies_in_common_have_one_name() -> None:
    studies = {"D": {"4"}, "C": {"1", "2"}, "B": {"2", "3"}, "A": {"3"}}
    assert joined(studies) == {"A": "A", "B": "A", "C": "A", "D": "D"}
