"""The part of a repository's face that sets signed versions side by side: differences and agreement."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.backend import Backend, Images, every_subject
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.pipeline import ANNOTATE

if TYPE_CHECKING:
    from eci_annotate.repository.analysis.agreement import Agreement
    from eci_annotate.repository.analysis.delta import Delta


class Comparing:
    """Compares what its actor may see."""

    backend: Backend
    images: Images

    def delta(self, before: Signed, after: Signed, tolerance_mm: float = 1.0) -> Delta:
        """What differs between two versions or readers of one subject, as tables and pictures."""
        from eci_annotate.repository.analysis.delta import Delta

        if (before.project, before.subject) != (after.project, after.subject):
            raise Refused("The versions belong to different subjects.", "Compare versions or readers of one subject.")
        where = (before.project, before.subject)
        return Delta(before, after, partial(self.images.volume, *where), tolerance_mm)

    def agreement(self, project: str | None = None, task: str = ANNOTATE, tolerance_mm: float = 1.0) -> Agreement:
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

        Raises
        ------
        NotFound
            There is no such task, or no subject with two readings.
        NotInstalled
            The extra `agreement` is not there.
        """
        from eci_annotate.repository.analysis.agreement import Agreement
        from eci_annotate.repository.analysis.readings import gather

        where = project or self._only_project()
        subjects = list(every_subject(self.backend, where))
        readings = gather(subjects, partial(self.backend.use_case, where), self._signed_of, task)
        return Agreement(readings, partial(self.images.volume, where), task, tolerance_mm)

    def _signed_of(self, seen: SubjectView, event: VersionSigned) -> Signed:
        return Signed(self.backend, self.images, seen.project, seen.subject, event)

    def _only_project(self) -> str:
        projects = self.backend.projects()
        if len(projects) != 1:
            raise NotFound("Several projects exist.", f"Name one: project={' or '.join(map(repr, projects))}.")
        return projects[0]
