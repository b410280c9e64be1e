"""Signed versions side by side: differences, agreement, and the quality of a project."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from eci_annotate.errors import Refused
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.scope import Scope
from eci_annotate.repository.task import Signed

if TYPE_CHECKING:
    from eci_annotate.repository.analysis.agreement import Agreement
    from eci_annotate.repository.analysis.delta import Delta
    from eci_annotate.repository.analysis.project_quality import ProjectQuality


@dataclass(frozen=True)
class Comparisons:
    """Compares signed versions in scope."""

    scope: Scope

    def delta(self, before: Signed, after: Signed, tolerance_mm: float) -> Delta:
        """What differs between two versions or readers of one subject."""
        from eci_annotate.repository.analysis.annotation_pairs import studies_by_series
        from eci_annotate.repository.analysis.delta import Delta

        if (before.project, before.subject) != (after.project, after.subject):
            raise Refused("The versions belong to different subjects.", "Compare versions or readers of one subject.")
        where = (before.project, before.subject)
        volume = partial(self.scope.images.volume, *where)
        return Delta(before, after, volume, tolerance_mm, studies_by_series(before.studies()))

    def quality(self, project: str | None) -> ProjectQuality:
        """How a running project does."""
        from eci_annotate.repository.analysis.project_quality import ProjectQuality

        where, scope = self.scope.project(project), self.scope
        case_of = partial(scope.backend.account.use_case, where)
        return ProjectQuality(list(scope.subjects(where)), case_of, scope.signed, datetime.now(UTC))

    def why_not_ready(self, subject: str, project: str | None) -> str:
        """Why a subject cannot be used yet."""
        from eci_annotate.repository.analysis.readiness import why_not_ready

        where = self.scope.project(project)
        seen = self.scope.backend.subject(where, subject)
        return why_not_ready(seen, self.scope.backend.account.use_case(where, seen.use_case))

    def agreement(self, project: str | None, task: str, tolerance_mm: float, position: int = 0) -> Agreement:
        """How well the signed readings of a task agree."""
        from eci_annotate.repository.analysis.agreement import Agreement
        from eci_annotate.repository.analysis.readings import gather

        where, scope = self.scope.project(project), self.scope
        subjects = list(scope.subjects(where, SubjectQuery(position=position)))
        readings = gather(subjects, partial(scope.backend.account.use_case, where), scope.signed, task)
        return Agreement(readings, partial(scope.images.volume, where), task, tolerance_mm)
