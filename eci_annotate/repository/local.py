"""The backend at the stores themselves, for one identity; every answer goes through `view`, every refusal is noted.

It adds no rule of its own: `workflow` decides, `making` makes, the stores keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from eci_annotate.errors import LeaseLost, NotFound, Refused, Tampered
from eci_annotate.repository import drafting
from eci_annotate.repository.audit import AuditQuery, audit_table
from eci_annotate.repository.checkpoints import check_checkpoints, take_when_due
from eci_annotate.repository.deciding import do_project, do_subject
from eci_annotate.repository.identity import Identity
from eci_annotate.repository.images import LocalImages
from eci_annotate.repository.listing import subject_page
from eci_annotate.repository.protocols import Check, SubjectPage, SubjectQuery
from eci_annotate.repository.rooms import Rooms
from eci_annotate.repository.signing import sign
from eci_annotate.repository.subjects import check_query
from eci_annotate.repository.verification import check_subject
from eci_annotate.store.protocols import Address, Record
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import digest as digest_of
from eci_annotate.workflow.commands import Attach, ChangeUseCase, Command, Enrol, Seal, Sign, Start
from eci_annotate.workflow.project import Member, Project, ProjectCommand
from eci_annotate.workflow.usecase import UseCase
from eci_annotate.workflow.view import SubjectView, readable, view


class LocalBackend:
    """Backend of a repository, for whoever its identity recognises.

    Parameters
    ----------
    rooms
        The repository's parts.
    identity
        Says who acts, and opens the key that signs.
    """

    def __init__(self, rooms: Rooms, identity: Identity) -> None:
        self.rooms = rooms
        self._identity = identity
        self._granted: set[tuple[Address, int]] = set()
        self.images = LocalImages(rooms.archive, rooms.layout.cache / "volumes", self._note_reading)

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self._identity.actor(self.rooms.streams.projects())

    @property
    def asks_secret(self) -> bool:
        """Whether signing asks for the signer's own secret."""
        return self._identity.asks_secret(self.actor)

    def projects(self) -> list[str]:
        """The projects that the actor is a member of."""
        return sorted(self.actor.roles)

    def members(self, project: str) -> list[Member]:
        """Who takes part in a project of the actor's."""
        return list(self._project(project).members.values())

    def _project(self, project: str) -> Project:
        state = self.rooms.streams.projects().get(project)
        if state is None or project not in self.actor.roles:
            raise NotFound("There is no such project for you.", "Ask its owner.")
        return state

    def do(self, command: Any) -> SubjectView | None:
        """Do a command; the subject as it is then (None for a project's)."""
        seen = self._do(command)
        take_when_due(self.rooms, signed=isinstance(command, Sign))
        return seen

    def _do(self, command: Any) -> SubjectView | None:
        with self.noting(command):
            match command:
                case _ if isinstance(command, ProjectCommand):
                    do_project(self.rooms, command, self.actor)
                    return None
                case Sign():
                    actor = self.actor
                    sign(self.rooms, lambda: self._identity.signer(command, actor), command, actor)
                case Attach():
                    self._check_attached(command)
                    do_subject(self.rooms, command, self.actor)
                case Enrol() | ChangeUseCase():
                    pipeline = self.use_case(command.project, command.use_case).pipeline
                    do_subject(self.rooms, replace(command, pipeline=pipeline), self.actor)
                case Command() if not isinstance(command, Seal):
                    do_subject(self.rooms, command, self.actor)
                    if isinstance(command, Start):
                        return self._grant(command)
                case _:
                    raise Refused("There is no such command.", "Use those of eci_annotate.workflow.commands.")
            return self.subject(command.project, command.subject)

    def _check_attached(self, command: Attach) -> None:
        """What is attached must be there, and not be what a signed version holds, which its readers alone may read."""
        if not self.actor.may("attach", command.project, self.subject(command.project, command.subject).site):
            return  # the workflow refuses it
        self.rooms.content(command.project, command.subject).get(command.digest)
        works = self.rooms.state(command.project, command.subject)[1].work.values()
        if any(part.digest == command.digest for w in works for s in w.signed for part in s.manifest.parts):
            raise Refused("This content belongs to a signed version.", "Attach content of its own.")

    def _grant(self, command: Start) -> SubjectView:
        seen = self.subject(command.project, command.subject)
        address = Address(command.project, command.subject, command.task)
        self._granted.add((address, seen.task(command.task).fence))
        return seen

    @contextmanager
    def noting(self, command: Any) -> Iterator[None]:
        """Refusals of the command, for this while, go to the access stream."""
        try:
            yield
        except (Refused, NotFound) as error:
            what = f"{type(command).__name__}: {error.what}"
            self.note("refused.1", getattr(command, "project", ""), getattr(command, "subject", ""), what)
            raise

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """Add to the access stream: ``read.1``, ``exported.1`` or ``refused.1``."""
        now, actor = self.rooms.clock(), self.actor
        who = {"by": actor.name, "assurance": actor.assurance, "session": actor.session, "where": actor.where}
        data = {**who, "at": now.isoformat(), "project": project, "subject": subject, "what": what}
        self.rooms.access.append(now.strftime("%Y-%m"), {"name": name, "data": data})

    def _note_reading(self, project: str, subject: str, what: str) -> None:
        seen = self.subject(project, subject)
        if seen.withdrawn or not self.actor.may("see images", project, seen.site):
            raise Refused(f"You may not see images of {project!r}.", "Ask its owner.")
        if what:
            self.note("read.1", project, subject, what)

    def subject(self, project: str, subject: str) -> SubjectView:
        """One subject, as the actor may see it."""
        with self.rooms.streams.noticing(project, subject):
            return view(self.rooms.state(project, subject)[1], self.actor, self.rooms.clock())

    def subjects(self, project: str, query: SubjectQuery | None = None) -> SubjectPage:
        """A page of the subjects that the actor may see; the first 20 without a query."""
        return subject_page(self.rooms, self.actor, project, check_query(query or SubjectQuery()))

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The newest position, and which (project, subject) changed since `after`."""
        position, names = self.rooms.streams.changed(after)
        pairs = [(name.split("/")[1], name.split("/")[2]) for name in names if name.startswith("subject/")]
        return position, [pair for pair in pairs if pair[0] in self.actor.roles]

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """A definition of the project; the current one without a digest."""
        current = self._project(project).use_case
        return self.rooms.use_case(digest or current)

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """Keep a blob with the subject; who holds one of its tasks may, or (to be `attached`) who may attach data."""
        seen = self.subject(project, subject)
        attaches = attached and self.actor.may("attach", project, seen.site)
        if not attaches and not any(task.mine for task in seen.tasks):
            raise LeaseLost("You hold no task of this subject.", "Start one first.")
        return self.rooms.content(project, subject).put(content)

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """A blob or archived file that the actor's view of the subject names."""
        seen = self.subject(project, subject)
        parts = [p for t in seen.tasks for s in t.signed for p in s.manifest.parts if p.digest == digest]
        if parts and parts[0].role in ("rtstruct", "sr"):
            return _archived(self.rooms, subject, parts[0].name, digest)
        if digest not in readable(seen) and digest not in self._own_snapshots(seen):
            raise NotFound("There is no such content for you.", "Check the digest.")
        cases = {seen.use_case, *(signed.use_case for task in seen.tasks for signed in task.signed)}
        if digest in cases:
            return self.rooms.blobs.get(digest)
        return self.rooms.content(project, subject).get(digest)

    def _own_snapshots(self, seen: SubjectView) -> set[str]:
        mine = [task.name for task in seen.tasks if task.mine]
        return {d for name in mine for d in drafting.snapshots(self.draft(seen.project, seen.subject, name))}

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[Record]) -> None:
        """Append to the draft; LeaseLost when the fence is not the newest."""
        address = Address(project, subject, task)
        self.check_held(address, fence)
        self.rooms.drafts.append(address, fence, entries)

    def check_held(self, address: Address, fence: int) -> None:
        """LeaseLost when this session never held the task under that fence; whether it is the newest the store says."""
        if (address, fence) in self._granted:
            return
        if self._fence(address.project, address.subject, address.task) != fence:
            what = f"You do not hold {address.task!r}."
            raise LeaseLost(what, "Start it again; your last work is kept as a draft.")
        self._granted.add((address, fence))

    def draft(self, project: str, subject: str, task: str) -> list[Record]:
        """The entries of the draft that this session holds."""
        return self.rooms.drafts.read(Address(project, subject, task), self._fence(project, subject, task))

    def _fence(self, project: str, subject: str, task: str) -> int:
        """The fence of the last lease, if it is this session's; that it has ended loses no work."""
        self.subject(project, subject).task(task)
        lease = self.rooms.state(project, subject)[1].work[task].lease
        if lease is None or not lease.is_of(self.actor):
            raise LeaseLost(f"You do not hold {task!r}.", "Start it again; your last work is kept as a draft.")
        return lease.fence

    def audit(self, query: AuditQuery) -> pd.DataFrame:
        """The audit trail of the projects whose the actor may search; that he looked is noted in it."""
        table = audit_table(self.rooms, self.actor, query)
        self.note("audited.1", query.project, query.subject, f"{len(table)} rows")
        return table

    def check_checkpoints(self, folder: Path | None = None, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Whether nothing was cut out up to the last checkpoint in `folder` (the repository's own without one)."""
        trusted = anchors or (self.rooms.layout.authority.read_text(),)
        return check_checkpoints(self.rooms, folder or self.rooms.layout.checkpoints, trusted)

    def signature(self, request: str) -> str:
        """Nothing waits here: the key file and the secret are the person."""
        raise NotFound("There is no such request for a signature.", "Sign again.")

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Recompute everything signed of a subject that the actor may see."""
        return check_subject(self.rooms, self.subject(project, subject), anchors)


def _archived(rooms: Rooms, subject: str, name: str, digest: str) -> bytes:
    _, series, sop = name.split("/")
    content = rooms.archive.content(subject, series, sop)
    if digest_of(content) != digest:
        raise Tampered("An archived file was changed.", "Restore it from a backup.")
    return content
