"""The interfaces of a repository: `Backend` (commands up, views down) with its parts, and `Images`.

Local and remote implementations give the same results and texts.

No client appends events, names an actor or supplies a signed file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, overload

import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Member
from eci_annotate.workflow.slot_choice import HangingChoice
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.usecase import UseCase

if TYPE_CHECKING:
    from eci_annotate.repository.assistants.protocol import Prompt, Proposed
    from eci_annotate.repository.pending_signature import Pending
    from eci_annotate.repository.signed import Signed

PIECE = 500
SORTS = ("subject", "site", "cohort", "stage", "progress")


class RequestState(StrEnum):
    """How a request for a signature stands."""

    WAITING = "waiting"
    DONE = "signed"
    VOID = "void"


@dataclass(frozen=True)
class SubjectQuery:
    """Which subjects of a project, in which order, and which page of them; what is empty or None is not asked.

    Parameters
    ----------
    contains
        Part of the pseudonym.
    site, cohort, stage, included, live
        Only subjects like this. What a view hides, no filter finds.
    signed
        Only subjects of which annotations are signed.
    startable
        Only subjects with a task that you may start now, or hold.
    urgent
        Only subjects with a task that you hold or have begun, that is assigned to you, or that was sent back.
    sort, descending
        One of `SORTS`; ties by pseudonym.
    offset, size
        How many to leave out, and how many to give.
    position
        As the subjects stood when the feed had come to this position; 0 is now. It goes with `contains`, `site` and
        `signed` only, and with the order by subject.
    """

    contains: str = ""
    site: str = ""
    cohort: str = ""
    stage: str = ""
    included: bool | None = None
    live: bool | None = None
    signed: bool = False
    startable: bool = False
    urgent: bool = False
    sort: str = "subject"
    descending: bool = False
    offset: int = 0
    size: int = 20
    position: int = 0


@dataclass(frozen=True)
class SubjectPage:
    """How many subjects fit (with `startable`: at most), and the views of the page."""

    total: int
    views: tuple[SubjectView, ...]


@dataclass(frozen=True)
class Check:
    """One row of a verification."""

    subject: str
    task: str
    version: int
    check: str
    passed: bool
    detail: str = ""


class Account(Protocol):
    """Who acts, and the projects that they are a member of."""

    @property
    def actor(self) -> Actor:
        """The actor: name, site, roles per project, and how surely we know them."""

    @property
    def asks_secret(self) -> bool:
        """Whether signing asks for the signer's own secret."""

    def projects(self) -> list[str]:
        """The projects that the actor is a member of."""

    def members(self, project: str) -> list[Member]:
        """The members of one of the actor's projects."""

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """A definition of the project as the actor may know it; the current one without a digest."""

    def kept_series(self, project: str) -> list[HangingChoice]:
        """The series that the actor keeps in slots of the hanging protocol; for an owner also what others propose."""


class TaskDrafts(Protocol):
    """The drafts of the tasks that this session holds."""

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[dict[str, Any]]) -> None:
        """Append to the draft; LeaseLost when the fence is not the newest."""

    def read(self, project: str, subject: str, task: str) -> list[dict[str, Any]]:
        """The entries of the draft that this session holds."""


class Trail(Protocol):
    """The evidence: what was read and exported, and whether what is signed is unchanged."""

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """Add to the access stream: ``read.1``, ``exported.1`` or ``refused.1``."""

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Recompute everything signed of a subject; `anchors` (PEM) are trusted in place of the project's own."""


class Backend(Protocol):
    """What a repository does; everything for the one actor whose credential opened it."""

    @property
    def account(self) -> Account:
        """Who acts, and their projects."""

    @property
    def drafts(self) -> TaskDrafts:
        """Drafts of the tasks that this session holds."""

    @property
    def trail(self) -> Trail:
        """Access notes and verification."""

    @overload
    def do(self, command: Sign) -> Signed | Pending:
        """Sign a draft: the version, or the signature that its person has to confirm."""

    @overload
    def do(self, command: Any) -> SubjectView | None:
        """Do a command; the subject as it is then."""

    def signature(self, request: str) -> RequestState:
        """How a request for a signature stands."""

    def subject(self, project: str, subject: str) -> SubjectView:
        """One subject, as the actor may see it."""

    def subjects(self, project: str, query: SubjectQuery | None = None) -> SubjectPage:
        """A page of the subjects that the actor may see; the first 20 without a query."""

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The newest position, and which (project, subject) changed since `after`."""

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """Keep a blob with the subject, for a draft or to be `attached`; returns its digest."""

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """A blob that the actor's view of the subject names."""


def every_subject(backend: Backend, project: str, query: SubjectQuery | None = None) -> Iterator[SubjectView]:
    """All subjects that fit, page after page; `offset` and `size` of the query do not count."""
    asked, offset, total = query or SubjectQuery(), 0, 1
    while offset < total:
        page = backend.subjects(project, replace(asked, offset=offset, size=PIECE))
        yield from page.views
        offset, total = offset + PIECE, page.total


def changed_since(backend: Backend, after: int) -> tuple[int, set[tuple[str, str]]]:
    """Return the newest position of the feed, which comes in pages, and the subjects that changed since `after`."""
    changed: set[tuple[str, str]] = set()
    more = True
    while more:
        position, names = backend.feed(after)
        changed |= {(project, subject) for project, subject in names}
        after, more = position, position > after
    return after, changed


def newest_position(backend: Backend) -> int:
    """Return the newest position of the feed."""
    return changed_since(backend, 0)[0]


class Images(Protocol):
    """The pixels of a subject, authorised like everything else."""

    def studies(self, project: str, subject: str) -> list[Study]:
        """The subject's studies."""

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """A series as a volume (k, j, i)."""

    def assistants(self, project: str, subject: str) -> list[str]:
        """The names of the model servers that the owner allowed for the project."""

    def propose(
        self, project: str, subject: str, series_uid: str, assistant: str, prompts: tuple[Prompt, ...]
    ) -> Proposed:
        """What a model server proposes for a series; the image goes there."""

    def objects(self, project: str, subject: str, series_uid: str) -> list[bytes]:
        """The files of a REG, RTSTRUCT or SEG series that came with the images; NotFound for signed work."""
