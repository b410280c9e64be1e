"""A `Repository`: worklist, start, tables, volumes, verify; it knows only `Backend` and `Images`.

So the same notebook runs on a folder and on a hub.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.errors import NotFound, Tampered
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository import tables
from eci_annotate.repository.annotation_table import SignedVersions
from eci_annotate.repository.backend import Backend, Images, SubjectQuery
from eci_annotate.repository.subject_table import subject_table
from eci_annotate.repository.tables import Verification
from eci_annotate.repository.task import Signed, Task
from eci_annotate.workflow.subject.commands import Attach, Start
from eci_annotate.workflow.subject.events import Attached
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.pipeline import ANNOTATE
from eci_annotate.workflow.usecase.usecase import UseCase


class Repository(SignedVersions):
    """A repository, opened by one actor.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> repo.worklist()[["subject", "task", "status"]].values.tolist()
    [['ECI_KAU_S0001', 'annotate', 'ready']]
    """

    def __init__(self, backend: Backend, images: Images) -> None:
        self.backend = backend
        self.images = images
        self._actor_name = backend.actor.name

    def __repr__(self) -> str:
        return f"<Repository, opened by {self._actor_name}, projects: {', '.join(self.backend.projects())}>"

    # -- work --------------------------------------------------------------
    def worklist(self, project: str | None = None, *, size: int = 1000) -> pd.DataFrame:
        """What you may start now, and what you hold; one row per task, of at most `size` subjects per project."""
        asked = SubjectQuery(startable=True, size=size)
        projects = [project] if project else self.backend.projects()
        return tables.worklist(seen for name in projects for seen in self.backend.subjects(name, asked).views)

    def start(
        self,
        subject: str,
        task: str,
        *,
        project: str | None = None,
        take_over: bool = False,
        rerun: bool = False,
    ) -> Task:
        """Take the lease of a task.

        Parameters
        ----------
        subject, task, project
            As in the worklist; the project may be left out when there is one only.
        take_over
            Take it from your own other session (or, as an owner, from anybody), which can then write nothing.
        rerun
            Make the next version of a task that is signed.

        Raises
        ------
        Refused
            Somebody has it, and until when; or it is not ready, or not for you.
        """
        project = project or self._only_project()
        seen = self.backend.do(Start(project, subject, task, take_over, rerun))
        if seen is None:
            raise NotFound("Subject not found, or you do not have access to it.", "Call worklist() for your tasks.")
        return Task(self.backend, self.images, project, subject, seen.task(task))

    def use_case(self, project: str | None = None) -> UseCase:
        """The project's use case."""
        return self.backend.use_case(project or self._only_project())

    # -- what is signed ------------------------------------------------------
    def versions(self, subject: str, task: str = ANNOTATE, *, project: str | None = None) -> list[Signed]:
        """The signed versions of a task that you may see, oldest first."""
        project = project or self._only_project()
        seen = self.backend.subject(project, subject)
        return [self._handle(seen, event.task, event.version) for event in seen.task(task).signed]

    def signed(self, subject: str, task: str, version: int, *, project: str | None = None) -> Signed:
        """One signed version."""
        seen = self.backend.subject(project or self._only_project(), subject)
        return self._handle(seen, task, version)

    def _handle(self, seen: SubjectView, task: str, version: int) -> Signed:
        return self._signed_of(seen, seen.version(task, version))

    def annotation(self, index_row: tuple[Any, ...]) -> Annotation:
        """The annotation of one row of `annotations()`, e.g. ``repo.annotation(table.index[0])``."""
        project, subject, task, _reader, version, uid = index_row
        for each in self.signed(str(subject), str(task), int(version), project=str(project)).annotations():
            if each.uid == uid:
                return each
        raise NotFound("Annotation not found, or you do not have access to it.", "Call annotations() for a list.")

    # -- subjects ------------------------------------------------------------
    def subjects(self, project: str | None = None, **query: Any) -> pd.DataFrame:
        """One page of subjects with stage and progress; `query` is that of `SubjectQuery`, e.g. ``site="KAU"``."""
        return subject_table(self.backend, project or self._only_project(), SubjectQuery(**query))[0]

    def attach(
        self, subject: str, layer: str, content: bytes, media_type: str, *, project: str | None = None
    ) -> Attached:
        """Attach the next version of a data layer (a document, a table) to a subject.

        Parameters
        ----------
        layer
            Its name, e.g. ``pathology``.
        content, media_type
            What it is, e.g. ``text/csv``.
        """
        where = (project or self._only_project(), subject)
        digest = self.backend.put(*where, content, attached=True)
        seen = self.backend.do(Attach(*where, layer, media_type, digest, len(content)))
        found = [each for each in seen.layers if each.layer == layer] if seen else []
        if not found:
            raise NotFound("You may attach data but not read it.", "Ask the owner.")
        return found[0]

    def layers(self, subject: str, *, project: str | None = None) -> pd.DataFrame:
        """The newest version of each data layer of a subject."""
        seen = self.backend.subject(project or self._only_project(), subject)
        return tables.layers(seen)

    def layer(self, subject: str, layer: str, *, project: str | None = None) -> bytes:
        """The content of a data layer's newest version."""
        seen = self.backend.subject(project or self._only_project(), subject)
        for each in seen.layers:
            if each.layer == layer:
                self.backend.note("read.1", seen.project, subject, f"layer {layer} version {each.version}")
                return self.backend.get(seen.project, subject, each.digest)
        raise NotFound("Data layer not found, or you do not have access to it.", "Call layers(subject) for a list.")

    # -- images --------------------------------------------------------------
    def studies(self, subject: str, *, project: str | None = None) -> list[Study]:
        """The subject's studies, with structure sets and reports among their series."""
        return self.images.studies(project or self._only_project(), subject)

    def volume(self, series_uid: str, *, subject: str | None = None, project: str | None = None) -> xr.DataArray:
        """A series as a volume (k, j, i); give the subject to spare the search for it."""
        for seen in self._subjects(project, SubjectQuery(contains=subject or "")):
            if subject in (None, seen.subject) and self._has(seen, series_uid):
                return self.images.volume(seen.project, seen.subject, series_uid)
        raise NotFound("Series not found, or you do not have access to it.", "Call studies(subject) for a list.")

    def _has(self, seen: SubjectView, series_uid: str) -> bool:
        studies = self.images.studies(seen.project, seen.subject)
        return any(each.series_uid == series_uid for study in studies for each in study.series)

    # -- proof ---------------------------------------------------------------
    def verify(self, signed: Signed | None = None) -> Verification:
        """Recompute what a version (or everything that you may see) was signed over.

        Raises
        ------
        Tampered
            Names the first thing that differs, and how many.
        """
        wholes = [signed] if signed else self._subjects(None)
        checks = [check for each in wholes for check in self.backend.verify(each.project, each.subject)]
        outcome = Verification([c for c in checks if not signed or _is_about(c.task, c.version, signed)])
        if outcome.failed:
            first = outcome.failed[0]
            where = f"{first.subject} {first.task} version {first.version}, {first.check}"
            names = ", ".join(dict.fromkeys(check.check for check in outcome.failed))
            what = f"{len(outcome.failed)} of {len(outcome.checks)} checks failed ({names}); {where}: {first.detail}"
            raise Tampered(what, "Restore it from a backup.")
        return outcome


def _is_about(task: str, version: int, signed: Signed) -> bool:
    return not task or task == "ingest" or (task == signed.task and version <= signed.version)
