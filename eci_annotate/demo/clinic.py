"""A clinic of synthetic patients in one folder, with readers that are programs: for notebooks and trials.

What programs draw says nothing about people; whoever shows their agreement has to say so.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from scipy import ndimage

from eci_annotate.demo.rehearsal import COLOURS
from eci_annotate.demo.workshop import opened_as
from eci_annotate.dicom.phantom_cohort import patient_masks, write_patient
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Task
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.entries import Show
from eci_annotate.tools.protocol import Paint
from eci_annotate.tools.suggestion import MaskPart, Suggestion
from eci_annotate.workflow.usecase.usecase import forms_folder

VOXEL_MM3 = 6.0 * 3.1 * 2.3  # of the phantom `anisotropic`
CLASSES = ("metastasis", "metastasis", "haemangioma")
PROJECT, SITE, OWNER = "liver-ct", "SCHOOL", "olga"
Changes = tuple[dict[str, Any], ...]
ADJUDICATE: dict[str, Any] = {
    "name": "adjudicate", "title": "Adjudicate the readings", "kind": "adjudicate", "roles": ["adjudicator"],
    "tools": ["box", "freedraw", "smartpaint"], "form": "report",
}  # fmt: skip
DOUBLE_READING: Changes = ({}, {"readers": {"need": 2, "most": 2}}, ADJUDICATE)
PREDICTION: Changes = (
    {}, {}, {},
    {"name": "predict", "title": "Prediction of a model", "kind": "annotate", "after": ["annotate"],
     "roles": ["super-user"], "tools": ["smartpaint"], "form": "report"},
    {"name": "correct", "title": "Correct the prediction", "kind": "annotate", "after": ["predict"],
     "roles": ["annotator"], "tools": ["box", "freedraw", "smartpaint"], "form": "report"},
)  # fmt: skip


def clinic(folder: Path, members: Mapping[str, str], patients: int, tasks: Sequence[dict[str, Any]] = ()) -> Repository:
    """Create a repository of synthetic patients if it does not exist, and open it as its owner.

    Parameters
    ----------
    folder
        A new folder, or one that this function made.
    members
        Role by name.
    patients
        Their number; the n-th is ``ECI_SCHOOL_S000n``, and has the lesions of `patient_masks(n)`.
    tasks
        Changes of the tasks of the liver use case, in their order; further ones are added.
    """
    if not (folder / "eci.json").exists():
        with tempfile.TemporaryDirectory() as name:
            case = _use_case(Path(name), tasks)
            create_repository(folder, project=PROJECT, member=OWNER, site=SITE, use_case=str(case))
            owner = opened_as(folder, OWNER)
            assert isinstance(owner.backend, LocalBackend)
            studies = [Path(name) / f"{number:04d}" for number in range(1, patients + 1)]
            for number, study in enumerate(studies, 1):
                write_patient(study, number)
            import_folders(owner.backend, studies, project=PROJECT, site=SITE)  # in this order
            for member, role in members.items():
                add_member(owner, find(folder), member, project=PROJECT, roles=(role,), site=SITE)
    return opened_as(folder, OWNER)


def _use_case(folder: Path, changes: Sequence[dict[str, Any]]) -> Path:
    case = Path(shutil.copytree(forms_folder() / PROJECT, folder / PROJECT))
    definition = yaml.safe_load((case / "usecase.yaml").read_text(encoding="utf-8"))
    tasks = definition["tasks"]
    changed = [{**old, **new} for old, new in zip(tasks, changes, strict=False)]
    definition["tasks"] = changed + tasks[len(changed) :] + list(changes[len(tasks) :])
    (case / "usecase.yaml").write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")
    return case


def subject_of(number: int) -> str:
    """Return the pseudonym of the n-th patient."""
    return f"ECI_{SITE}_S{number:04d}"


def drawn_by(reader: str, number: int) -> dict[str, NDArray[np.bool_]]:
    """Return the lesions of a patient as a reader who is a program draws them: moved, and grown or shrunk a little."""
    rng = np.random.default_rng([number, *reader.encode()])
    return {label: _varied(mask, rng) for label, mask in patient_masks(number).items()}


def _varied(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    moved = ndimage.shift(mask.astype(float), (0, *rng.normal(0, 0.5, 2)), order=1)
    smooth = ndimage.gaussian_filter(moved, (0.3, 0.8, 0.8))
    return np.asarray(smooth > rng.uniform(0.35, 0.6))


def put_masks(task: Task, masks: Mapping[str, NDArray[np.bool_]], source: str) -> None:
    """Save voxels as the drawing of a task, as if they had been suggested by `source` and accepted.

    Parameters
    ----------
    task
        A task that you hold.
    masks
        Voxels (k, j, i) of the task's series, by label; empty ones are left out.
    source
        Tool or model and its version, as in ``forest/1``.
    """
    volume = task.volume()
    grid, series = grid_of(volume), series_uid_of(volume)
    whole = (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    lines = [to_line(Show(series))]
    for (label, mask), colour in zip(masks.items(), COLOURS, strict=False):
        if mask.any():
            header = Paint(label=label, colour=colour, frame_uid=grid.frame_of_reference_uid, series_uid=series)
            part = MaskPart(header.uid, whole, np.asarray(mask, bool))
            suggested = Suggestion(source, f"Accept {label}", series, (part,), adds=header)
            lines.append(to_line(acceptance(suggested, grid.shape)))
    task.save(lines)


def report_on(masks: Mapping[str, NDArray[np.bool_]], reader: str, number: int) -> dict[str, Any]:
    """Return a program's answers to the liver form: sizes from its masks, and classes that are at times wrong."""
    rng = np.random.default_rng([number + 500, *reader.encode()])
    lesions = [
        {
            "label": label,
            "segment": "VI",
            "size_mm": round(float(2 * (3 * mask.sum() * VOXEL_MM3 / (4 * np.pi)) ** (1 / 3)), 1),
            "classification": "cyst" if rng.random() < 0.15 else CLASSES[n % len(CLASSES)],
            "confidence": int(rng.integers(3, 6)),
        }
        for n, (label, mask) in enumerate(masks.items())
        if mask.any()
    ]
    return {"image_quality": "good", "lesions": lesions, "comment": "Drawn by a program."}


def read_all(folder: Path, reader: str, source: str = "program/1") -> list[str]:
    """Draw, report and sign as a program each task that waits for a reader; returns the subjects."""
    repo, done = opened_as(folder, reader), []
    for row in repo.worklist().itertuples():
        number = int(str(row.subject)[-4:])
        task = repo.start(str(row.subject), str(row.task))
        masks = drawn_by(reader, number)
        put_masks(task, masks, source)
        task.answer(report_on(masks, reader, number))
        task.sign("Drawn by a program")
        done.append(str(row.subject))
    return done
