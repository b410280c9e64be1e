"""The waists: `Backend` (commands up, views down) and `Images`. Local and remote give the same results and texts.

No client appends events, names an actor or supplies a signed file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Member
from eci_annotate.workflow.usecase import UseCase
from eci_annotate.workflow.view import SubjectView


@dataclass(frozen=True)
class Page:
    """A part of a list: the first `offset` left out, `size` at most."""

    offset: int = 0
    size: int = 10_000


@dataclass(frozen=True)
class Check:
    """One row of a verification."""

    subject: str
    task: str
    version: int
    check: str
    passed: bool
    detail: str = ""


class Backend(Protocol):
    """What a repository does; everything for the one actor whose credential opened it."""

    @property
    def actor(self) -> Actor:
        """Who acts here."""

    @property
    def asks_secret(self) -> bool:
        """Whether signing asks for the signer's own secret."""

    def projects(self) -> list[str]:
        """The projects that the actor is a member of."""

    def members(self, project: str) -> list[Member]:
        """Who takes part in a project of the actor's."""

    def do(self, command: Any) -> SubjectView | None:
        """Do a command; the subject as it is then."""

    def subject(self, project: str, subject: str) -> SubjectView:
        """One subject, as the actor may see it."""

    def subjects(self, project: str, query: str = "", page: Page | None = None) -> list[SubjectView]:
        """The subjects whose pseudonym contains `query`, sorted."""

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The newest position, and which (project, subject) changed since `after`."""

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """Keep a blob with the subject, for a draft or to be `attached`; returns its digest."""

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """A blob that the actor's view of the subject names."""

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """A definition of the project; the current one without a digest."""

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[dict[str, Any]]) -> None:
        """Append to the draft; LeaseLost when the fence is not the newest."""

    def draft(self, project: str, subject: str, task: str) -> list[dict[str, Any]]:
        """The entries of the draft that this session holds."""

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """Add to the access stream: ``read.1``, ``exported.1`` or ``refused.1``."""

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Recompute everything signed of a subject; `anchors` (PEM) are trusted in place of the project's own."""


class Images(Protocol):
    """The pixels of a subject, authorised like everything else."""

    def studies(self, project: str, subject: str) -> list[Study]:
        """The subject's studies."""

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """A series as a volume (k, j, i)."""
