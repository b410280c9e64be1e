"""A private hospital for a workshop, in one folder: a phantom with known lesions, a radiologist, a reviewer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eci_annotate.demo.rehearsal import perform, take_in
from eci_annotate.dicom.phantom import phantom_lesions
from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.analysis.delta import Delta
from eci_annotate.repository.keys.repository_folder import find, key_of
from eci_annotate.repository.open_repository import open_as
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed, Task
from eci_annotate.workflow.actor import Role

PROJECT, SITE, KIND = "liver-ct", "SCHOOL", "axial"
RADIOLOGIST, REVIEWER = "anna", "ruth"


@dataclass(frozen=True)
class Truth:
    """The known lesions of a phantom, in place of a version."""

    version: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    def annotations(self) -> list[Annotation]:
        """Return them as masks on the phantom's grid."""
        return list(phantom_lesions(KIND))


def hospital(folder: Path | str) -> str:
    """Create the hospital if it does not exist; returns its only subject."""
    root = Path(folder)
    if not (root / "eci.json").exists():
        create_repository(root, project=PROJECT, member=RADIOLOGIST, site=SITE)
    anna, layout = opened_as(root, RADIOLOGIST), find(root)
    if not layout.key_file(REVIEWER).exists():
        add_member(anna, layout, REVIEWER, project=PROJECT, roles=(Role.REVIEWER,), site=SITE)
    if anna.subjects(PROJECT).empty:
        take_in(anna, KIND, PROJECT, SITE)
    return str(anna.subjects(PROJECT)["subject"].iloc[0])


def opened_as(folder: Path | str, name: str) -> Repository:
    """Open the repository as one of its members, in the same session each time."""
    layout = find(Path(folder))
    return open_as(layout, key_of(layout.key_file(name)), f"workshop-{name}")


def truth(signed: Signed) -> Delta:
    """Return the differences between the known lesions and those drawn."""
    return Delta(Truth(), signed, signed.volume)


def draw(task: Task) -> None:
    """Draw and report with recorded gestures, for use without a person at the screen."""
    perform(task, KIND, "Drawn by recorded gestures")


def progress(classroom: Path | str) -> list[dict[str, Any]]:
    """Return how far each participant of a class is: a row for each hospital.

    Parameters
    ----------
    classroom
        A hospital, or a folder that holds hospitals up to two levels below; a participant is named by the first level.

    Returns
    -------
    list of dict
        ``participant``, ``stage``, numbers of ``versions`` and ``lesions`` (of the last version), and the mean Dice to
        the truth of the first and the last version (``dice_first``, ``dice_last``; None before the first): a known
        lesion that was not drawn counts 0.
    """
    root = Path(classroom)
    if (root / "eci.json").exists():
        return [_row(root.name, root)]
    found = sorted({*root.glob("*/eci.json"), *root.glob("*/*/eci.json")})
    return [_row(path.relative_to(root).parts[0], path.parent) for path in found]


def _row(name: str, folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"participant": name, "stage": "not begun", "versions": 0, "lesions": 0}
    row |= {"dice_first": None, "dice_last": None}
    try:
        anna = opened_as(folder, RADIOLOGIST)
        subjects = list(anna.subjects(PROJECT)["subject"])
        signed = anna.versions(subjects[0]) if subjects else []
        reviews = anna.versions(subjects[0], "review") if signed else []
        if signed:
            stage = "corrected" if len(signed) > 1 else f"reviewed: {reviews[-1].verdict}" if reviews else "drawn"
            row |= {"stage": stage, "versions": len(signed), "lesions": len(signed[-1].annotations())}
            row |= {"dice_first": _closeness(signed[0]), "dice_last": _closeness(signed[-1])}
    except EciError as error:
        row["stage"] = error.what
    return row


def _closeness(signed: Signed) -> float:
    """Return the mean Dice of the known lesions; 0 for one that was not drawn."""
    table = truth(signed).table
    return round(float(table[table.volume_before_mm3 > 0].dice.fillna(0).mean()), 3)
