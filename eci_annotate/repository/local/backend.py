"""The backend at the stores themselves, for one identity; every answer goes through `view`, every refusal is noted.

It adds no rule of its own: `workflow` decides, `artefacts` makes what is signed, the stores keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain
from typing import Any, overload

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.backend import RequestState, SubjectPage, SubjectQuery
from eci_annotate.repository.layout.kept_series import described
from eci_annotate.repository.local.access_log import Notes
from eci_annotate.repository.local.account import LocalAccount
from eci_annotate.repository.local.checkpoints import check_own_certificate, take_when_due
from eci_annotate.repository.local.command_handler import check_project, do_project_as, do_subject
from eci_annotate.repository.local.content_access import (
    archived_series,
    check_attached,
    check_pseudonym,
    check_put,
    content_of,
    is_signed_here,
)
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.evidence import LocalTrail
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.local.lease_list import leased_views
from eci_annotate.repository.local.sign import sign
from eci_annotate.repository.local.subject_list import seen_of, subject_page
from eci_annotate.repository.local.task_drafts import LocalDrafts
from eci_annotate.repository.local.volumes.volume_cache import LocalImages
from eci_annotate.repository.signed import Signed, signed_by
from eci_annotate.repository.subject_table import check_query
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.codec import to_json
from eci_annotate.workflow.plain_values import check_command
from eci_annotate.workflow.project import ProjectCommand
from eci_annotate.workflow.subject.commands import Attach, ChangeUseCase, Command, Enrol, KeepSeries, Seal, Sign, Start
from eci_annotate.workflow.subject.decide import decide
from eci_annotate.workflow.subject.view import SubjectView, view


class LocalBackend:
    """Backend of a repository, for whoever its identity recognises.

    Parameters
    ----------
    context
        The repository's parts.
    identity
        Says who acts, and opens the key that signs.
    signed
        Called after each signature.
    """

    def __init__(self, context: Context, identity: Identity, signed: Callable[[], object] = lambda: None) -> None:
        self.context = context
        self._identity, self._signed = identity, signed
        self.account = LocalAccount(context, identity)
        self._notes = Notes(context, self._who)
        self.drafts = LocalDrafts(context, self.account, self._notes)
        self.trail = LocalTrail(context, self.account, self._notes, self.subject)
        self.images = LocalImages(
            context.volumes, self._note_reading, self._is_signed, self._unseen_series, context.layout.root
        )

    def _who(self) -> Actor:
        return self.account.actor

    @overload
    def do(self, command: Sign) -> Signed: ...

    @overload
    def do(self, command: Any) -> SubjectView | None: ...

    def do(self, command: Any) -> SubjectView | Signed | None:
        """Do a command; the version that was signed, or the subject as it is then (None for a project's)."""
        check_own_certificate(self.context.layout)
        check_command(to_json(command))
        done = self._sign(command) if isinstance(command, Sign) else self._do(command)
        take_when_due(self.context, signed=isinstance(command, Sign))
        if isinstance(command, Sign):
            self._signed()
        return done

    def _sign(self, command: Sign) -> Signed:
        with self.noting(command):
            actor = self.account.actor
            event = sign(self.context, lambda: self._identity.signer(command, actor), command, self._who)
        known = {"basis": event.basis, "use_case": event.use_case}
        return signed_by(self, self.images, command, event.version, known)

    def _do(self, command: Any) -> SubjectView | None:
        with self.noting(command):
            match command:
                case KeepSeries():
                    do_project_as(self.context, self._described(command), self._who)
                    return None
                case _ if isinstance(command, ProjectCommand):
                    do_project_as(self.context, command, self._who)
                    return None
                case Attach():
                    check_attached(
                        self.context, command, self._subject(command.project, command.subject), self.account.actor
                    )
                    return self._done(command)
                case Enrol() | ChangeUseCase():
                    return self._done(self._completed(command))
                case Command() if not isinstance(command, Seal):
                    return self._done(command)
                case _:
                    raise Refused("Unknown command.", "Use those of eci_annotate.workflow.subject.commands.")

    def _described(self, command: KeepSeries) -> KeepSeries:
        """Fill in what the series is like, from its header."""
        slots = self.account.use_case(command.project).hanging["slots"]
        return described(command, self.images.studies(command.project, command.subject), slots)

    def _completed(self, command: Enrol | ChangeUseCase) -> Enrol | ChangeUseCase:
        """Fill in the pipeline of the definition; first refuse who may not, whatever digest of it they know."""
        check_pseudonym(self.context, command, self.account.actor)
        self.account.members(command.project)  # a project of others is not found
        state = self.context.state(command.project, command.subject)[1]
        decide(replace(command, pipeline=state.pipeline), state, self.account.actor, self.context.clock())
        return replace(command, pipeline=self.account.use_case(command.project, command.use_case).pipeline)

    def _done(self, command: Command) -> SubjectView:
        """Do a subject's command; its view is made of the state that the events made, without reading it again."""
        state = do_subject(self.context, command, self._who)
        with self.context.streams.noticing(command.project, command.subject):
            seen = view(state, self.account.actor, self.context.clock())
        if isinstance(command, Start):
            self.drafts.grant(state, command.task, seen.task(command.task).fence)
        return seen

    def check(self, command: Any) -> None:
        """Refuse what `do` would refuse now; nothing changes."""
        with self.noting(command):
            check_command(to_json(command))
            if isinstance(command, ProjectCommand):
                check_project(self.context, command, self._who)
                return
            if isinstance(command, Enrol | ChangeUseCase):
                command = self._completed(command)
            state = self.context.state(command.project, command.subject)[1]
            decide(command, state, self.account.actor, self.context.clock())

    def noting(self, command: Any) -> AbstractContextManager[None]:
        """Refusals of the command, for this while, go to the access stream."""
        where = (getattr(command, "project", ""), getattr(command, "subject", ""))
        return self._notes.refusals(type(command).__name__, *where)

    def refusals(self, doing: str, project: str, subject: str = "") -> AbstractContextManager[None]:
        """Refusals of what is no command go to the access stream too; each once."""
        return self._notes.refusals(doing, project, subject)

    def _note_reading(self, project: str, subject: str, what: str) -> None:
        with self.refusals("Read images", project, subject):
            actor = self.account.actor
            seen = self.context.seen(project, subject, actor)
            if seen.withdrawn or not actor.may(Permission.SEE_IMAGES, project, seen.site):
                raise Refused(f"You may not see images of {project!r}.", "Ask its owner.")
        if what:
            self.trail.note("read.1", project, subject, what)

    def _is_signed(self, project: str, subject: str, series_uid: str, content: bytes) -> bool:
        projects = {project, *self.context.streams.projects_of(subject)}  # their signed files are in one archive
        return any(is_signed_here(self.context.state(each, subject)[1], series_uid, content) for each in projects)

    def _unseen_series(self, project: str, subject: str) -> set[str]:
        """Series that signatures made, also in other projects, of which the actor's view of the subject has none."""
        projects = {project, *self.context.streams.projects_of(subject)}
        works = (work for each in projects for work in self.context.state(each, subject)[1].work.values())
        made = (signed for work in works for signed in work.signed)
        seen = (signed for task in self._subject(project, subject).tasks for signed in task.signed)
        return archived_series(made) - archived_series(seen)

    def subject(self, project: str, subject: str) -> SubjectView:
        """One subject, as the actor may see it."""
        with self.refusals("See subject", project, subject):
            return self._subject(project, subject)

    def _subject(self, project: str, subject: str) -> SubjectView:
        return self.context.seen(project, subject, self.account.actor)

    def subjects(self, project: str, query: SubjectQuery | None = None) -> SubjectPage:
        """A page of the subjects that the actor may see; the first 20 without a query."""
        return subject_page(self.context, self.account.actor, project, check_query(query or SubjectQuery()))

    def leased(self, project: str, most: int) -> Iterator[SubjectView]:
        """Yield the subjects with an active lease, as the actor may see them; of `most` cards for each member."""
        return leased_views(self.context, self.account.actor, project, self.account.members(project), most)

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """The newest position, and which (project, subject) of the actor's lists changed since `after`."""
        position, names = self.context.streams.changed(after)
        return position, seen_of(self.context, self.account.actor, names)

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """Keep a blob with the subject; who holds one of its tasks may, or (to be `attached`) who may attach data."""
        self.check_put(project, subject, attached)
        return self.context.content(project, subject).put(content)

    def check_put(self, project: str, subject: str, attached: bool) -> None:
        """Refuse what `put` would refuse."""
        with self.refusals("Put content", project, subject):
            check_put(self._subject(project, subject), self.account.actor, attached)

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """A blob or archived file that the actor's view of the subject names."""
        with self.refusals("Read content", project, subject):
            seen = self._subject(project, subject)
            mine = [task.name for task in seen.tasks if task.mine]
            drafts = chain.from_iterable(self.drafts.read(project, subject, name) for name in mine)
            return content_of(self.context, seen, digest, drafts)

    def signature(self, request: str) -> RequestState:
        """Nothing waits here: the key file and the secret are the person."""
        raise NotFound("Signature request not found.", "Sign again.")
