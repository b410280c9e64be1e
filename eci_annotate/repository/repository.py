"""A `Repository`: worklist, start, tables, volumes, verify; it knows only `Backend` and `Images`.

So the same notebook runs on a folder and on a hub.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.errors import NotFound, Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository import tables
from eci_annotate.repository.annotation_table import SignedVersions
from eci_annotate.repository.backend import Backend, Images, SubjectQuery
from eci_annotate.repository.comparisons import Comparisons
from eci_annotate.repository.scope import Scope
from eci_annotate.repository.signed import in_folders
from eci_annotate.repository.subject_table import subject_table
from eci_annotate.repository.task import Signed, Task
from eci_annotate.workflow.subject.commands import Attach, Start
from eci_annotate.workflow.subject.events import Attached
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.usecase import UseCase

if TYPE_CHECKING:
    from eci_annotate.repository.analysis.agreement import Agreement
    from eci_annotate.repository.analysis.delta import Delta
    from eci_annotate.repository.analysis.project_quality import ProjectQuality


class Repository:
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
        self._actor_name = backend.account.actor.name
        self._scope = Scope(backend, images)
        self._versions, self._comparisons = SignedVersions(self._scope), Comparisons(self._scope)

    def __repr__(self) -> str:
        return f"<Repository, opened by {self._actor_name}, projects: {', '.join(self.backend.account.projects())}>"

    def worklist(self, project: str | None = None, *, size: int = 1000) -> pd.DataFrame:
        """What you may start now, and what you hold; a row per task, of `size` subjects per project and urgent ones."""
        projects = [project] if project else self.backend.account.projects()
        return tables.worklist(tables.startable(self.backend, projects, SubjectQuery(startable=True, size=size))[0])

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
        project = self._scope.project(project)
        seen = self.backend.do(Start(project, subject, task, take_over, rerun))
        if seen is None:
            raise NotFound("Subject not found, or you do not have access to it.", "Call worklist() for your tasks.")
        return Task(self.backend, self.images, project, subject, seen.task(task))

    def start_next(self, project: str | None = None) -> Task:
        """Continue the task that you hold, else start the first of the worklist; Refused when none is waiting."""
        table = self.worklist(project)
        if not table.empty:
            first = table.sort_values("status", key=lambda status: status != "yours", kind="stable").iloc[0]
            where = {"project": str(first["project"]), "take_over": first["status"] == "yours"}
            return self.start(str(first["subject"]), str(first["task"]), **where)
        remedy = "Import subjects, or make the next version of a signed task: repo.start(subject, task, rerun=True)."
        raise Refused("No tasks are waiting for you.", remedy)

    def use_case(self, project: str | None = None) -> UseCase:
        """The project's use case."""
        return self.backend.account.use_case(self._scope.project(project))

    def versions(self, subject: str, task: str = "annotate", *, project: str | None = None) -> list[Signed]:
        """The signed versions of a task that you may see, oldest first."""
        project = self._scope.project(project)
        seen = self.backend.subject(project, subject)
        return [self._handle(seen, event.task, event.version) for event in seen.task(task).signed]

    def signed(self, subject: str, task: str, version: int, *, project: str | None = None) -> Signed:
        """One signed version."""
        seen = self.backend.subject(self._scope.project(project), subject)
        return self._handle(seen, task, version)

    def _handle(self, seen: SubjectView, task: str, version: int) -> Signed:
        return self._scope.signed(seen, seen.version(task, version))

    def signed_versions(
        self,
        project: str | None = None,
        *,
        task: str = "",
        accepted: bool = False,
        versions: str = "newest",
        position: int = 0,
    ) -> Iterator[Signed]:
        """The signed versions that count and still have content (no consent was withdrawn), as handles.

        Parameters
        ----------
        project
            One project; by default all that you may see.
        task
            One task or group of readings; by default all that hold annotations.
        accepted
            Only versions that every review accepted; a task without a review has none.
        versions
            ``newest``: of each task and reader the newest version, unless it was rejected; where readings are
            adjudicated, the adjudication. ``all``: every signed version.
        position
            What counted when the feed had come to this position; by default now.

        Raises
        ------
        Refused
            `versions` is neither, or the repository has no such position.
        """
        return self._versions.counting(project, task, accepted, versions, position)

    def export(self, out: Path | str, project: str | None = None, *, overlap: str = "refuse", **how: Any) -> list[Path]:
        """Write the signed versions that count, each into ``out/subject``, of several projects ``out/project/subject``.

        `format` and `overlap` are those of `Signed.export`; other options are those of `signed_versions`.
        """
        rule = {"format": how.pop("format", "rtstruct"), "overlap": overlap}
        placed = in_folders(list(self.signed_versions(project, **how)), Path(out))
        return [file for each, folder in placed for file in each.export(folder, **rule)]

    def all_signed(self, project: str | None = None) -> Iterator[Signed]:
        """Every signed version of every task that you may see, also those that do not count, or have no content."""
        return self._versions.all(project)

    def annotations(self, project: str | None = None, signed: bool = True, **which: Any) -> pd.DataFrame:
        """The signed annotations that you may see, one row each.

        Parameters
        ----------
        project, **which
            Which versions: `accepted`, `versions` and `position` of `signed_versions`.
        signed
            Drafts are not listed in tables: False is refused.

        Returns
        -------
        pandas.DataFrame
            Indexed by project, subject, task, reader, version, uid; columns kind, label, colour, series, frame,
            volume_mm3, signed_at, seal, verdict and superseded. `verdict` is what the reviews say of this very
            version: ``accepted``, ``pending``, ``rejected``, or ``none`` where the task is not reviewed. `superseded`:
            the task has a later version, or an adjudication has taken a reading's place.

        Raises
        ------
        Refused
            Drafts were asked for; or as of `signed_versions`.
        """
        return self._versions.table(project, signed, **which)

    def delta(self, before: Signed, after: Signed, tolerance_mm: float = 1.0) -> Delta:
        """What differs between two versions or readers of one subject, as tables and pictures."""
        return self._comparisons.delta(before, after, tolerance_mm)

    def agreement(
        self, project: str | None = None, task: str = "annotate", tolerance_mm: float = 1.0, *, position: int = 0
    ) -> Agreement:
        """How well the signed readings of a task agree, of those that you may see.

        Of each reader the newest version is compared, unless it was rejected. Readings are compared below an
        adjudication too, although `annotations` then holds the adjudication in their place.

        Parameters
        ----------
        project
            May be left out when there is one only.
        task
            A task, or the name of a group of readings; its repeated readings are compared with it too.
        tolerance_mm
            How far surfaces may lie apart for the surface Dice.
        position
            What was signed when the feed had come to this position; by default now.

        Raises
        ------
        NotFound
            There is no such task, or no subject with two readings.
        NotInstalled
            The extra `agreement` is not there.
        """
        return self._comparisons.agreement(project, task, tolerance_mm, position)

    def quality(self, project: str | None = None) -> ProjectQuality:
        """Progress with forecast (`table`), signatures per day, rejections, and agreement over time, as tables."""
        return self._comparisons.quality(project)

    def why_not_ready(self, subject: str, *, project: str | None = None) -> str:
        """Why a subject cannot be used yet, one sentence per line; empty if it can."""
        return self._comparisons.why_not_ready(subject, project)

    def annotation(self, index_row: tuple[Any, ...]) -> Annotation:
        """The annotation of one row of `annotations()`, e.g. ``repo.annotation(table.index[0])``."""
        project, subject, task, _reader, version, uid = index_row
        for each in self.signed(str(subject), str(task), int(version), project=str(project)).annotations():
            if each.uid == uid:
                return each
        raise NotFound("Annotation not found, or you do not have access to it.", "Call annotations() for a list.")

    def subjects(self, project: str | None = None, **query: Any) -> pd.DataFrame:
        """One page of subjects with stage and progress; `query` is that of `SubjectQuery`, e.g. ``site="KAU"``."""
        return subject_table(self.backend, self._scope.project(project), SubjectQuery(**query))[0]

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
        where = (self._scope.project(project), subject)
        digest = self.backend.put(*where, content, attached=True)
        seen = self.backend.do(Attach(*where, layer, media_type, digest, len(content)))
        found = [each for each in seen.layers if each.layer == layer] if seen else []
        if not found:
            raise NotFound("You may attach data but not read it.", "Ask the owner.")
        return found[0]

    def layers(self, subject: str, *, project: str | None = None) -> pd.DataFrame:
        """The newest version of each data layer of a subject."""
        seen = self.backend.subject(self._scope.project(project), subject)
        return tables.layers(seen)

    def layer(self, subject: str, layer: str, *, project: str | None = None) -> bytes:
        """The content of a data layer's newest version."""
        return self._scope.layer(self._scope.project(project), subject, layer)

    def studies(self, subject: str, *, project: str | None = None) -> list[Study]:
        """The subject's studies, with structure sets and reports among their series."""
        return self.images.studies(self._scope.project(project), subject)

    def volume(self, series_uid: str, *, subject: str | None = None, project: str | None = None) -> xr.DataArray:
        """A series as a volume (k, j, i); give the subject to spare the search for it."""
        return self._scope.volume(series_uid, subject, project)

    def verify(self, signed: Signed | None = None) -> tables.Verification:
        """Recompute what a version (or everything that you may see) was signed over.

        Raises
        ------
        Tampered
            Names the first thing that differs, and how many.
        """
        outcome = tables.Verification(self._scope.checks(signed))
        outcome.check()
        return outcome
