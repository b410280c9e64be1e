"""The backend at the stores themselves, for one identity; every answer goes through `view`, every refusal is noted.

It adds no rule of its own: `workflow` decides, `artefacts` makes what is signed, the stores keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, overload

import pandas as pd

from eci_annotate.errors import LeaseLost, NotFound, Refused
from eci_annotate.repository.backend import Check, RequestState, SubjectPage, SubjectQuery
from eci_annotate.repository.local.access_log import Notes
from eci_annotate.repository.local.audit import AuditQuery, audit_table
from eci_annotate.repository.local.checkpoints import check_checkpoints, check_own_certificate, take_when_due
from eci_annotate.repository.local.command_handler import check_project, do_project, do_subject
from eci_annotate.repository.local.content_access import check_attached, check_put, content_of
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.local.sign import sign
from eci_annotate.repository.local.subject_list import seen_of, subject_page
from eci_annotate.repository.local.verify import check_subject
from eci_annotate.repository.local.volume_cache import LocalImages
from eci_annotate.repository.signed import Signed, signed_by
from eci_annotate.repository.subject_table import check_query
from eci_annotate.store.protocols import Address, Record
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Member, Project, ProjectCommand, check_name
from eci_annotate.workflow.subject.commands import Attach, ChangeUseCase, Command, Enrol, Seal, Sign, Start
from eci_annotate.workflow.subject.decide import decide
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.view import SubjectView, view, view_case
from eci_annotate.workflow.usecase.pipeline import task_named
from eci_annotate.workflow.usecase.usecase import UseCase


class _Right(NamedTuple):
    """What allows work on a task: one of these roles, for subjects of this site."""

    roles: tuple[str, ...]
    site: str


def _right(state: Subject, task: str) -> _Right:
    return _Right(task_named(state.pipeline, task).roles, state.site)


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
        self._granted: dict[tuple[Address, int], _Right] = {}
        self._notes = Notes(rooms, lambda: self.actor)
        self.images = LocalImages(rooms.volumes, self._note_reading)

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
            raise NotFound("Project not found, or you do not have access to it.", "Ask its owner.")
        return state

    @overload
    def do(self, command: Sign) -> Signed: ...

    @overload
    def do(self, command: Any) -> SubjectView | None: ...

    def do(self, command: Any) -> SubjectView | Signed | None:
        """Do a command; the version that was signed, or the subject as it is then (None for a project's)."""
        check_own_certificate(self.rooms.layout)
        done = self._sign(command) if isinstance(command, Sign) else self._do(command)
        take_when_due(self.rooms, signed=isinstance(command, Sign))
        return done

    def _sign(self, command: Sign) -> Signed:
        with self.noting(command):
            actor = self.actor
            event = sign(self.rooms, lambda: self._identity.signer(command, actor), command, actor)
        known = {"basis": event.basis, "use_case": event.use_case}
        return signed_by(self, self.images, command, event.version, known)

    def _do(self, command: Any) -> SubjectView | None:
        with self.noting(command):
            match command:
                case _ if isinstance(command, ProjectCommand):
                    do_project(self.rooms, command, self.actor)
                    return None
                case Attach():
                    check_attached(self.rooms, command, self._subject(command.project, command.subject), self.actor)
                    return self._done(command)
                case Enrol() | ChangeUseCase():
                    check_name(command.subject)
                    pipeline = self.use_case(command.project, command.use_case).pipeline
                    return self._done(replace(command, pipeline=pipeline))
                case Command() if not isinstance(command, Seal):
                    return self._done(command)
                case _:
                    raise Refused("Unknown command.", "Use those of eci_annotate.workflow.subject.commands.")

    def _done(self, command: Command) -> SubjectView:
        """Do a subject's command; its view is made of the state that the events made, without reading it again."""
        state = do_subject(self.rooms, command, self.actor)
        with self.rooms.streams.noticing(command.project, command.subject):
            seen = view(state, self.actor, self.rooms.clock())
        if isinstance(command, Start):
            address = Address(command.project, command.subject, command.task)
            self._granted[address, seen.task(command.task).fence] = _right(state, command.task)
        return seen

    def check(self, command: Any) -> None:
        """Refuse what `do` would refuse now; nothing changes."""
        with self.noting(command):
            now = self.rooms.clock()
            if isinstance(command, ProjectCommand):
                check_project(self.rooms, command, self.actor)
            else:
                decide(command, self.rooms.state(command.project, command.subject)[1], self.actor, now)

    def noting(self, command: Any) -> AbstractContextManager[None]:
        """Refusals of the command, for this while, go to the access stream."""
        where = (getattr(command, "project", ""), getattr(command, "subject", ""))
        return self._notes.refusals(type(command).__name__, *where)

    def refusals(self, doing: str, project: str, subject: str = "") -> AbstractContextManager[None]:
        """Refusals of what is no command go to the access stream too; each once."""
        return self._notes.refusals(doing, project, subject)

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """Add to the access stream: ``read.1``, ``exported.1`` or ``refused.1``."""
        self._notes.add(name, project, subject, what)

    def _note_reading(self, project: str, subject: str, what: str) -> None:
        with self.refusals("Read images", project, subject):
            seen = self._subject(project, subject)
            if seen.withdrawn or not self.actor.may("see images", project, seen.site):
                raise Refused(f"You may not see images of {project!r}.", "Ask its owner.")
        if what:
            self.note("read.1", project, subject, what)

    def subject(self, project: str, subject: str) -> SubjectView:
        """One subject, as the actor may see it."""
        with self.refusals("See subject", project, subject):
            return self._subject(project, subject)

    def _subject(self, project: str, subject: str) -> SubjectView:
        with self.rooms.streams.noticing(project, subject):
            return view(self.rooms.state(project, subject)[1], self.actor, self.rooms.clock())

    def subjects(self, project: str, query: SubjectQuery | None = None) -> SubjectPage:
        """A page of the subjects that the actor may see; the first 20 without a query."""
        return subject_page(self.rooms, self.actor, project, check_query(query or SubjectQuery()))

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The newest position, and which (project, subject) of the actor's lists changed since `after`."""
        position, names = self.rooms.streams.changed(after)
        return position, seen_of(self.rooms, self.actor, names)

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """A definition of the project, the current one without a digest: as far as the actor may know it."""
        state = self._project(project)
        if digest and digest not in state.published:
            raise NotFound(
                "The project has no definition with this digest.", "Leave the digest out for the current one."
            )
        return view_case(self.rooms.use_case(digest or state.use_case), self.actor, project)

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """Keep a blob with the subject; who holds one of its tasks may, or (to be `attached`) who may attach data."""
        self.check_put(project, subject, attached)
        return self.rooms.content(project, subject).put(content)

    def check_put(self, project: str, subject: str, attached: bool) -> None:
        """Refuse what `put` would refuse."""
        with self.refusals("Put content", project, subject):
            check_put(self._subject(project, subject), self.actor, attached)

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """A blob or archived file that the actor's view of the subject names."""
        with self.refusals("Read content", project, subject):
            seen = self._subject(project, subject)
            mine = [task.name for task in seen.tasks if task.mine]
            drafts = chain.from_iterable(self.draft(project, subject, name) for name in mine)
            return content_of(self.rooms, seen, digest, drafts)

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[Record]) -> None:
        """Append to the draft; LeaseLost when the fence is not the newest."""
        address = Address(project, subject, task)
        self.check_held(address, fence)
        self.rooms.drafts.append(address, fence, entries)

    def check_held(self, address: Address, fence: int) -> None:
        """LeaseLost when this session never held the task under that fence; whether it is the newest the store says.

        Refused when the roles of the actor no longer allow the task.
        """
        with self.refusals("Save", address.project, address.subject):
            if (address, fence) not in self._granted:
                if self._fence(address.project, address.subject, address.task) != fence:
                    what = f"You do not hold {address.task!r}."
                    raise LeaseLost(what, "Start it again; your last work is kept as a draft.")
                state = self.rooms.state(address.project, address.subject)[1]
                self._granted[address, fence] = _right(state, address.task)
            right = self._granted[address, fence]
            if not self.actor.has_role(address.project, right.roles, right.site):
                raise Refused(f"You may no longer work on {address.task!r}.", "Your role has changed; ask the owner.")

    def draft(self, project: str, subject: str, task: str) -> list[Record]:
        """The entries of the draft that this session holds."""
        with self.refusals("Read draft", project, subject):
            fence = self._fence(project, subject, task)
        return self.rooms.drafts.read(Address(project, subject, task), fence)

    def _fence(self, project: str, subject: str, task: str) -> int:
        """The fence of the last lease, if it is this session's; that it has ended loses no work."""
        self._subject(project, subject).task(task)
        lease = self.rooms.state(project, subject)[1].work[task].lease
        if lease is None or not lease.is_of(self.actor):
            raise LeaseLost(
                f"You do not hold the lease of {task!r}.", "Start it again; your last work is kept as a draft."
            )
        return lease.fence

    def audit(self, query: AuditQuery) -> pd.DataFrame:
        """The audit trail of the projects whose the actor may search; that he looked is noted in it."""
        actor = self.actor
        with self.refusals("Audit", query.project or next(iter(actor.roles), ""), query.subject):
            table = audit_table(self.rooms, actor, query)
        self.note("audited.1", query.project, query.subject, f"{len(table)} rows")
        return table

    def check_checkpoints(self, folder: Path | None = None, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Whether nothing was cut out up to the last checkpoint in `folder` (the repository's own without one)."""
        trusted = anchors or (self.rooms.layout.authority.read_text(),)
        return check_checkpoints(self.rooms, folder or self.rooms.layout.checkpoints, trusted)

    def signature(self, request: str) -> RequestState:
        """Nothing waits here: the key file and the secret are the person."""
        raise NotFound("Signature request not found.", "Sign again.")

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """Recompute everything signed of a subject that the actor may see."""
        return check_subject(self.rooms, self.subject(project, subject), anchors)
