"""A use case tried out: a repository of its own with one synthetic patient, and where each series is placed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eci_annotate.demo.phantoms.patient_study import series_uid_of, write_study
from eci_annotate.demo.phantoms.plan import read_plan
from eci_annotate.demo.workshop import opened_as
from eci_annotate.dicom.images.study import folder_headers
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.workflow.usecase.usecase import UseCase

MEMBER, SITE = "preview", "DEMO"
SUBJECT = f"ECI_{SITE}_S0001"
Tell = Callable[[str, int, int], None]


def _silent(what: str, done: int, of: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Placement:
    """A synthetic series: where it belongs, and the slots where the hanging protocol places it."""

    description: str
    belongs: str
    placed: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether it is placed where it belongs; true for a series that belongs nowhere in particular."""
        return not self.belongs or self.belongs in self.placed


def placements(folder: Path | str) -> list[Placement]:
    """Return where the hanging protocol of a use case places the series of its synthetic patient.

    Parameters
    ----------
    folder
        The use case's folder.

    Raises
    ------
    BadUseCase
        The use case or its ``phantom.yaml`` has a problem.
    """
    plan, case = read_plan(folder), UseCase.from_folder(folder)
    with tempfile.TemporaryDirectory(prefix="eci-phantom-") as name:
        write_study(plan, name)
        hanging = case.hang([header for _, header in folder_headers(Path(name))])
    slots: dict[str, list[str]] = {}
    for each in hanging.placed:
        slots.setdefault(each.series_uid, []).append(each.slot)
    return [
        Placement(each.description, each.slot, tuple(slots.get(series_uid_of(plan, number), ())))
        for number, each in enumerate(plan.series, 1)
    ]


def make_preview(folder: Path | str, place: Path, tell: Tell = _silent) -> Path:
    """Make a repository for a use case with one synthetic patient, whose first task is ready.

    Parameters
    ----------
    folder
        The use case's folder.
    place
        Folder for the repository and the images; must exist.
    tell
        Receives what is done, how much of it, and of how much.

    Returns
    -------
    Path
        The repository's folder; its one member has all roles that the use case asks for.
    """
    plan, case = read_plan(folder), UseCase.from_folder(folder)
    repository = place / "repository"
    whole = str(Path(folder).resolve())  # a folder, not the name of a shipped use case
    create_repository(repository, project=case.name, member=MEMBER, site=SITE, use_case=whole)
    write_study(plan, place / "dicom", lambda done, of: tell("Making the patient", done, of))
    tell("Importing", 0, 1)
    backend = opened_as(repository, MEMBER).backend
    assert isinstance(backend, LocalBackend)
    import_folders(backend, [place / "dicom"], project=case.name, site=SITE)
    tell("Importing", 1, 1)
    return repository
