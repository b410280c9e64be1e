"""A repository in which several readers draw boxes on several tiny subjects, and say what they saw."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import yaml

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import Layout, credential, find
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import KeyIdentity
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed, Task
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.workflow.trust.rsa_keys import Credential
from eci_annotate.workflow.usecase.usecase import forms_folder
from tests.repository.repository_world import MEANING, P, local

LATE = "late phase"
READERS = ("anna", "ben", "cora")
Box = tuple[str, tuple[int, int, int], tuple[int, int]]  # label, centre voxel k j i, half size j i


def case_folder(root: Path, *changes: dict[str, Any]) -> Path:
    """The liver use case with its tasks changed, in the order of the file; further ones are added."""
    folder = Path(shutil.copytree(forms_folder() / "liver-ct", root / "case"))
    definition = yaml.safe_load((folder / "usecase.yaml").read_text())
    tasks = definition["tasks"]
    changed = [{**old, **new} for old, new in zip(tasks, changes, strict=False)]
    definition["tasks"] = changed + tasks[len(changed) :] + list(changes[len(tasks) :])
    (folder / "usecase.yaml").write_text(yaml.safe_dump(definition, sort_keys=False))
    return folder


DOUBLE = (
    {},
    {"readers": {"need": 2, "most": 3}, "blind": True},
    {
        "name": "adjudicate", "title": "Settle the readings", "kind": "adjudicate", "roles": ["adjudicator"],
        "tools": ["box", "freedraw", "smartpaint"], "form": "report",
    },
)  # fmt: skip
AGAIN = ({}, {}, {}, {"name": "again", "title": "Again", "kind": "annotate", "after": ["annotate"],
                      "roles": ["annotator"], "form": "report", "repeats": "annotate", "wait_days": 0})  # fmt: skip


def make(root: Path, subjects: int, *changes: dict[str, Any], late: bool = False) -> Path:
    """A repository with that many subjects, three readers, an adjudicator and a reviewer; its folder."""
    folder = root / "repository"
    create_repository(folder, project=P, member="olga", site="KAU", use_case=str(case_folder(root, *changes)))
    repository = open(folder)
    for number in range(subjects):
        phantom(root / "dicom" / str(number), number, late)
    import_folders(local(repository), [root / "dicom"], project=P, site="KAU")
    people = [(name, "annotator") for name in READERS]
    for name, role in [*people, ("al", "adjudicator"), ("ruth", "reviewer"), ("dev", "developer")]:
        add_member(repository, find(folder), name, project=P, roles=(role,), site="KAU")
    return folder


def phantom(folder: Path, number: int, late: bool = False) -> None:
    """A tiny phantom of another patient each; with `late` a second series of the upper six slices."""
    for n, path in enumerate(sorted(write_phantom(folder, "tiny"))):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = f"P{number}"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
            dataset[keyword].value = uid_from(dataset[keyword].value, str(number))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(path)
        if late and n >= 2:
            dataset.SeriesDescription, dataset.SeriesNumber = LATE, 2
            dataset.SeriesInstanceUID = uid_from(dataset.SeriesInstanceUID, LATE)
            dataset.SOPInstanceUID = uid_from(dataset.SOPInstanceUID, LATE)
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / f"late-{path.name}")


def as_member(folder: Path, name: str, session: str = "one") -> Repository:
    """The repository, opened by one of its members."""
    layout: Layout = find(folder)
    key = Credential.from_pem(layout.key_file(name).read_bytes()) if name else credential(layout)
    backend = LocalBackend(Context.from_layout(layout), KeyIdentity(layout, key, f"{name}-{session}"))
    return Repository(backend, backend.images)


def subject(number: int) -> str:
    """The pseudonym of the n-th subject, from 1."""
    return f"ECI_KAU_S{number:04d}"


def lesion(label: str, **more: Any) -> dict[str, Any]:
    """An item of the form."""
    return {"label": label, "segment": "IVa", "size_mm": 20.0, "classification": "cyst", "confidence": 4, **more}


def report(*lesions: dict[str, Any], quality: str = "good") -> dict[str, Any]:
    """A whole report."""
    reason = {} if quality == "good" else {"quality_reason": "motion"}
    return {"image_quality": quality, **reason, "lesions": list(lesions)}


def series_named(task: Task, description: str) -> str:
    """The UID of a series of the subject."""
    found = (each for study in task.studies() for each in study.series if each.description == description)
    return next(found).series_uid


def draw(task: Task, *boxes: Box, on: str = "") -> None:
    """Draw boxes on the axial plane of a series, by default of the first."""
    series = on or str(task.hanging().first)
    grid = grid_of(task.volume(series))
    entries: list[Any] = [Show(series)]
    for number, (label, centre, half) in enumerate(boxes):
        corner, other = (np.add(centre, (0, sign * half[0], sign * half[1])) for sign in (-1, 1))
        start, end = (tuple(float(x) for x in grid.reference_from_image(at)) for at in (corner, other))
        plane = Plane("axial", start, grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
        uid = f"{task.holder}-{task.subject}-{task.task}-{task.version}-{label}-{number}{on}"
        entries += [
            Add(uid, "box", label, (255, 0, 0), series),
            Press(start, plane),
            Drag((end,), plane),
            Release(end, plane),
        ]
    task.save([to_line(entry) for entry in entries])


def read(folder: Path, who: str, number: int, answers: dict[str, Any], *boxes: Box, task: str = "") -> Signed:
    """One signed reading; the task is the one that the worklist offers, unless it is named."""
    repository = as_member(folder, who)
    work = repository.worklist()
    offered = work[work["subject"] == subject(number)]["task"].tolist()
    held = repository.start(subject(number), task or offered[0])
    draw(held, *boxes)
    held.answer(answers)
    return held.sign(MEANING)
