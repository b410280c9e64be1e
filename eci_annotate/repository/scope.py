"""What one actor can reach: projects, subjects, and signed versions as handles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import xarray as xr

from eci_annotate.errors import NotFound
from eci_annotate.repository.backend import Backend, Check, Images, SubjectQuery, every_subject
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.verdict import VersionStatus
from eci_annotate.workflow.subject.view import SubjectView


@dataclass(frozen=True)
class Scope:
    """Backend and images of one actor."""

    backend: Backend
    images: Images

    def project(self, named: str | None) -> str:
        """The project that was named, or the only one."""
        projects = [named] if named else self.backend.account.projects()
        if len(projects) != 1:
            raise NotFound("Several projects exist.", f"Name one: project={' or '.join(map(repr, projects))}.")
        return projects[0]

    def subjects(self, project: str | None, query: SubjectQuery | None = None) -> Iterator[SubjectView]:
        """The subjects of one project, or of all."""
        for name in [project] if project else self.backend.account.projects():
            yield from every_subject(self.backend, name, query)

    def volume(self, series_uid: str, subject: str | None, project: str | None) -> xr.DataArray:
        """A series as a volume, of the first subject that has it."""
        for seen in self.subjects(project, SubjectQuery(contains=subject or "")):
            studies = self.images.studies(seen.project, seen.subject) if subject in (None, seen.subject) else []
            if any(each.series_uid == series_uid for study in studies for each in study.series):
                return self.images.volume(seen.project, seen.subject, series_uid)
        raise NotFound("Series not found, or you do not have access to it.", "Call studies(subject) for a list.")

    def signed(self, seen: SubjectView, event: VersionSigned, status: VersionStatus | None = None) -> Signed:
        """A signed version as a handle."""
        return Signed(self.backend, self.images, seen.project, seen.subject, event, status)

    def layer(self, project: str, subject: str, layer: str) -> bytes:
        """The content of a data layer's newest version; reading it is noted."""
        seen = self.backend.subject(project, subject)
        for each in seen.layers:
            if each.layer == layer:
                self.backend.trail.note("read.1", seen.project, subject, f"layer {layer} version {each.version}")
                return self.backend.get(seen.project, subject, each.digest)
        raise NotFound("Data layer not found, or you do not have access to it.", "Call layers(subject) for a list.")

    def checks(self, signed: Signed | None) -> list[Check]:
        """What a verification of one version, or of every subject, finds."""
        wholes = [signed] if signed else self.subjects(None)
        checks = [check for each in wholes for check in self.backend.trail.verify(each.project, each.subject)]
        return [check for check in checks if not signed or _is_about(check.task, check.version, signed)]


def _is_about(task: str, version: int, signed: Signed) -> bool:
    return not task or task == "ingest" or (task == signed.task and version <= signed.version)
