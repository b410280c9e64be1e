"""Signed versions for other systems: those of subjects that changed since a position, each with its parts.

A version may come again, and is known by its seal: a reader that was hidden from the actor may be named later, without
a new signature. Nothing is left out of a later answer because it was hidden in an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.backend import Backend
from eci_annotate.repository.export import provenance_of
from eci_annotate.repository.manifest_parts import exported_parts
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import Json
from eci_annotate.workflow.subject.blinding import is_nameless
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.verdict import Verdict, Versions, VersionStatus
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.pipeline import Decision, TaskKind

BEGIN_AGAIN = "Begin again with 0: known versions have known seals."


@dataclass(frozen=True)
class VersionPart:
    """One part of a version: what it is, its file name, and the SHA-256 by which it is fetched."""

    role: str
    file: str
    digest: str


@dataclass(frozen=True)
class CompletedVersion:
    """A signed version that the actor may export.

    Attributes
    ----------
    verdict
        The decision that a review's version states: ``accept`` or ``reject``; empty for other tasks.
    status
        What the reviews say of this very version by now: ``accepted``, ``pending``, ``rejected``, or ``none`` if the
        pipeline does not review it.
    superseded
        A later version or an adjudication replaces it.
    """

    project: str
    subject: str
    site: str
    task: str
    version: int
    at: datetime
    verdict: str
    seal: str
    predecessor: str
    parts: tuple[VersionPart, ...]
    status: Verdict = Verdict.NONE
    superseded: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is accepted, or needs no review; a review counts if it accepts."""
        return self.status in (Verdict.ACCEPTED, Verdict.NONE) and self.verdict != Decision.REJECT


@dataclass(frozen=True)
class CompletedPage:
    """Versions of subjects that changed, subjects that were withdrawn, and the position to ask from next.

    `more` says that there are later changes: ask again at once.
    """

    position: int
    more: bool
    versions: tuple[CompletedVersion, ...]
    withdrawn: tuple[tuple[str, str], ...]


def completed_since(backend: Backend, after: int = 0) -> CompletedPage:
    """Return the signed versions of subjects that changed since a position, as far as the actor may export them.

    Raises
    ------
    Refused
        The actor may export nothing: an empty page would say that nothing is complete. Or the position is none of this
        repository: whoever asked on from it would miss all changes up to it.
    """
    actor = backend.account.actor
    if not any(actor.may(Permission.EXPORT, project) for project in actor.roles):
        raise Refused("You may not export signed versions.", "Ask the project's owner.")
    if not is_position(backend, after):
        raise Refused("This repository has no such position.", BEGIN_AGAIN)
    position, changed = backend.feed(after)
    seen = [view for project, subject in changed if (view := _seen(backend, project, subject))]
    versions = tuple(each for view in seen if not view.withdrawn for each in versions_of(view))
    gone = tuple((view.project, view.subject) for view in seen if view.withdrawn)
    return CompletedPage(position, position > after, versions, gone)


def is_position(backend: Backend, after: int) -> bool:
    """Whether a repository has come to a position; one of another repository, or of a later state, may be beyond it."""
    return after == 0 or (after > 0 and backend.feed(after - 1)[0] >= after)


def completed_pages(backend: Backend, after: int = 0) -> Iterator[CompletedPage]:
    """Yield pages from a position on, until nothing newer is there; see `completed_since`."""
    more = True
    while more:
        page = completed_since(backend, after)
        after, more = page.position, page.more
        yield page


def versions_of(view: SubjectView) -> list[CompletedVersion]:
    """Return the versions of a subject whose reader is named, in the order in which they were signed."""
    tasks = [task for task in view.tasks if task.kind != TaskKind.INGEST]
    every = [each for task in tasks for each in task.chosen(Versions.ALL)]
    named = [(signed, status) for signed, status in every if not is_nameless(signed)]
    return [_completed(view, *each) for each in sorted(named, key=lambda each: each[0].at)]


def provenance_document(backend: Backend, project: str, subject: str, task: str, version: int) -> Json:
    """Return the provenance of a version: the signed record, and the signer's certificate; for members who may export.

    Raises
    ------
    Refused
        The actor may not export, or the version's reader is hidden.
    NotFound
        There is no such version for the actor.
    """
    view = backend.subject(project, subject)
    if not backend.account.actor.may(Permission.EXPORT, project, view.site):
        raise Refused("You may not export signed versions.", "Ask the project's owner.")
    return provenance_of(backend, project, subject, view.version(task, version))


def _seen(backend: Backend, project: str, subject: str) -> SubjectView | None:
    with suppress(NotFound):
        view = backend.subject(project, subject)
        return view if backend.account.actor.may(Permission.EXPORT, project, view.site) else None
    return None


def _completed(view: SubjectView, signed: VersionSigned, status: VersionStatus) -> CompletedVersion:
    stem = f"{view.subject}_{signed.task}_v{signed.version:04d}"
    parts = tuple(VersionPart(part.role, name, part.digest) for part, name in exported_parts(stem, signed.manifest))
    return CompletedVersion(
        view.project, view.subject, view.site, signed.task, signed.version,
        signed.at, signed.verdict, signed.seal, signed.predecessor, parts,
        status.verdict, status.superseded,
    )  # fmt: skip
