"""Signed versions of many subjects: iterators and the table of annotations.

Which versions count is decided by `workflow.subject.verdict` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.repository import tables
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.scope import Scope
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.verdict import Versions, VersionStatus, versions_named
from eci_annotate.workflow.subject.view import TaskView
from eci_annotate.workflow.usecase.pipeline import DRAWN


@dataclass(frozen=True)
class SignedVersions:
    """Reads what is signed of all subjects in scope."""

    scope: Scope

    def counting(
        self, project: str | None, task: str, accepted: bool, versions: str, position: int = 0
    ) -> Iterator[Signed]:
        """The versions that count, of one task or group, or of all tasks that hold annotations."""
        found = self._versions(project, versions_named(versions), accepted, position=position)
        return (
            signed for seen, signed, _ in found if (task in (seen.name, seen.group) if task else seen.kind in DRAWN)
        )

    def all(self, project: str | None) -> Iterator[Signed]:
        """Every signed version of every task."""
        return (signed for _, signed, _ in self._versions(project, Versions.ALL, False, withdrawn=True))

    def table(
        self,
        project: str | None,
        signed: bool,
        *,
        accepted: bool = False,
        versions: str = "newest",
        position: int = 0,
    ) -> pd.DataFrame:
        """Annotations of the versions that count, one row each."""
        if not signed:
            raise Refused("Drafts are not listed in tables.", "Open the task to see its draft.")
        found = self._versions(project, versions_named(versions), accepted, position=position)
        return tables.annotation_table([row for _, version, status in found for row in _rows(version, status)])

    def _versions(
        self, project: str | None, versions: Versions, accepted: bool, withdrawn: bool = False, position: int = 0
    ) -> Iterator[tuple[TaskView, Signed, VersionStatus]]:
        """Yield the versions that are asked for; those of withdrawn subjects have no content any more."""
        for seen in self.scope.subjects(project, SubjectQuery(signed=True, position=position)):
            for task in seen.tasks if withdrawn or not seen.withdrawn else ():
                for event, status in task.chosen(versions, accepted=accepted):
                    yield task, self.scope.signed(seen, event, status), status


def _rows(signed: Signed, status: VersionStatus) -> Iterator[dict[str, Any]]:
    where = {"project": signed.project, "subject": signed.subject, "task": signed.task}
    how = {"reader": signed.reader, "version": signed.version, "signed_at": to_minute(signed.at)}
    counts = {"verdict": status.verdict.value, "superseded": status.superseded}
    for row in signed.rows():
        yield {**where, **how, **row, "colour": tuple(row["colour"]), "seal": signed.seal, **counts}
