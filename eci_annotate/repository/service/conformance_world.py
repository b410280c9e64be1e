"""What the checks of `conformance` run on: two services on one fresh repository, and who acts there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from eci_annotate.repository.draft_entries import answers_entry
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.repository.service.protocol import Service
from eci_annotate.store.protocols import Address, DraftPart
from eci_annotate.workflow.subject.commands import Start


@dataclass(frozen=True)
class ServiceWorld:
    """What the checks run on.

    Parameters
    ----------
    service, again
        The implementation, opened twice on one repository.
    identity
        Gives the identity of a member by name and session; with a signer it may sign.
    project, subject, task
        A subject with images, and a task that the annotator may start; signed versions go to one target.
    owner, annotator
        Members of that project alone, only the first an owner; the service holds their signing keys.
    images
        A folder with DICOM files of another patient.
    issue, revoke
        Issue a site's credential (its ID and token); revoke it by its ID.
    answers
        A complete report for an empty drawing.
    """

    service: Service
    again: Service
    identity: Callable[[str, str, Signer | None], Identity]
    project: str
    subject: str
    task: str
    owner: str
    annotator: str
    images: Path
    issue: Callable[[], tuple[str, str]]
    revoke: Callable[[str], None]
    answers: dict[str, object] = field(default_factory=dict)

    def person(self, name: str, session: str = "one", signer: Signer | None = None) -> PersonBackend:
        """Return the backend of a member at the first service."""
        return self.service.backend(self.identity(name, session, signer))

    def started(self) -> tuple[PersonBackend, int]:
        """Let the annotator take the lease; returns their backend and the fence."""
        backend = self.person(self.annotator)
        seen = backend.do(Start(self.project, self.subject, self.task))
        assert seen is not None
        return backend, seen.task(self.task).fence

    def part(self, fence: int, answers: dict[str, object]) -> DraftPart:
        """Return answers to be added to the draft of the task."""
        return DraftPart(Address(self.project, self.subject, self.task), fence, [answers_entry(answers)])
