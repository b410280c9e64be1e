"""The part of a repository that reads signed versions of many subjects: iterators and the table of annotations.

Which versions count is decided by `workflow.verdict` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.repository import tables
from eci_annotate.repository.backend import SubjectQuery, every_subject
from eci_annotate.repository.comparisons import Comparing
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.verdict import Versions, VersionStatus, versions_named
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import DRAWN


class SignedVersions(Comparing):
    """Reads what is signed of all subjects that its actor may see."""

    def signed_versions(
        self, project: str | None = None, *, task: str = "", accepted: bool = False, versions: str = "newest"
    ) -> Iterator[Signed]:
        """The signed versions that count, as handles; those of which `annotations` lists the content.

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

        Raises
        ------
        Refused
            `versions` is neither.
        """
        found = self._versions(project, versions_named(versions), accepted)
        return (
            signed for seen, signed, _ in found if (task in (seen.name, seen.group) if task else seen.kind in DRAWN)
        )

    def all_signed(self, project: str | None = None) -> Iterator[Signed]:
        """Every signed version of every task that you may see, also those that do not count."""
        return (signed for _, signed, _ in self._versions(project, Versions.ALL, False))

    def annotations(
        self,
        project: str | None = None,
        signed: bool = True,
        *,
        accepted: bool = False,
        versions: str = "newest",
    ) -> pd.DataFrame:
        """The signed annotations that you may see, one row each.

        By default a task and reader have one version in the table: the newest, unless it was rejected. Where readings
        are adjudicated, the adjudication is in the table and the readings are not.

        Parameters
        ----------
        project
            One project; by default all that you may see.
        signed
            Drafts are not listed in tables: False is refused.
        accepted
            Only versions that every review accepted; a task without a review has none.
        versions
            ``newest``, or ``all`` for every signed version.

        Returns
        -------
        pandas.DataFrame
            Indexed by project, subject, task, reader, version, uid; columns kind, label, colour, series, frame,
            volume_mm3, signed_at, seal, verdict and superseded. `verdict` is what the reviews say of this very
            version: ``accepted``, ``pending``, ``rejected``, or ``none`` where the task is not reviewed. `superseded`
            is True when the task has a later version, or an adjudication has taken a reading's place.

        Raises
        ------
        Refused
            Drafts were asked for, or `versions` is neither ``newest`` nor ``all``.
        """
        if not signed:
            raise Refused("Drafts are not listed in tables.", "Open the task to see its draft.")
        found = self._versions(project, versions_named(versions), accepted)
        return tables.annotation_table([row for _, version, status in found for row in _rows(version, status)])

    def _versions(
        self, project: str | None, versions: Versions, accepted: bool
    ) -> Iterator[tuple[TaskView, Signed, VersionStatus]]:
        for seen in self._subjects(project, SubjectQuery(signed=True)):
            for task in seen.tasks:
                for event, status in task.chosen(versions, accepted=accepted):
                    yield task, self._signed_of(seen, event), status

    def _subjects(self, project: str | None, query: SubjectQuery | None = None) -> Iterator[SubjectView]:
        for name in [project] if project else self.backend.projects():
            yield from every_subject(self.backend, name, query)


def _rows(signed: Signed, status: VersionStatus) -> Iterator[dict[str, Any]]:
    where = {"project": signed.project, "subject": signed.subject, "task": signed.task}
    how = {"reader": signed.reader, "version": signed.version, "signed_at": to_minute(signed.at)}
    counts = {"verdict": status.verdict.value, "superseded": status.superseded}
    for row in signed.rows():
        yield {**where, **how, **row, "colour": tuple(row["colour"]), "seal": signed.seal, **counts}
