"""What one actor can reach: projects, subjects, and signed versions as handles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eci_annotate.errors import NotFound
from eci_annotate.repository.backend import Backend, Images, SubjectQuery, every_subject
from eci_annotate.repository.task import Signed
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.view import SubjectView


@dataclass(frozen=True)
class Scope:
    """Backend and images of one actor."""

    backend: Backend
    images: Images

    def project(self, named: str | None) -> str:
        """The project that was named, or the only one."""
        projects = [named] if named else self.backend.projects()
        if len(projects) != 1:
            raise NotFound("Several projects exist.", f"Name one: project={' or '.join(map(repr, projects))}.")
        return projects[0]

    def subjects(self, project: str | None, query: SubjectQuery | None = None) -> Iterator[SubjectView]:
        """The subjects of one project, or of all."""
        for name in [project] if project else self.backend.projects():
            yield from every_subject(self.backend, name, query)

    def signed(self, seen: SubjectView, event: VersionSigned) -> Signed:
        """A signed version as a handle."""
        return Signed(self.backend, self.images, seen.project, seen.subject, event)
