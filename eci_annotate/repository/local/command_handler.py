"""From a command to stored events: read, decide, append; when somebody was faster, decide again on what is true now.

A start also raises the fence of the draft; a renewal only moves the draft's end and makes no event.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from eci_annotate.errors import UNREADABLE, BadUseCase, LeaseLost, NotFound, Refused, Tampered
from eci_annotate.repository import draft_entries
from eci_annotate.repository.keys.subject_encryption import SubjectBlobs
from eci_annotate.repository.local.content_access import check_pseudonym
from eci_annotate.repository.local.context import TRIES, Context, busy
from eci_annotate.repository.local.erase import erase
from eci_annotate.repository.local.event_streams import project_stream
from eci_annotate.store.protocols import Address, Holder, Record
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import parse
from eci_annotate.workflow.project import ProjectCommand, decide_project
from eci_annotate.workflow.project_checks import check_unlike
from eci_annotate.workflow.subject.commands import Assign, Command, Enrol, OpenProject, Publish, Renew, Start, Withdraw
from eci_annotate.workflow.subject.decide import decide
from eci_annotate.workflow.subject.events import Event, VersionSigned
from eci_annotate.workflow.subject.lease import LEASE
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.usecase.usecase import UseCase

_PUBLISH = "Publish it from its folder, or on the page of the pipeline."


Who = Callable[[], Actor]  # who acts, with the roles that they have when it is called


def check_project(context: Context, command: ProjectCommand, who: Who) -> tuple[list[Record], tuple[Event, ...]]:
    """Return a project's records and the events that a command would add.

    Raises
    ------
    Refused
        The command is not allowed; or a definition to be published does not exist, or is none.
    """
    records, state = context.streams.project(command.project)
    events = decide_project(command, state, who(), context.clock())  # their roles are no older than the records
    if isinstance(command, Publish):
        _check_definition(context, command)
    if isinstance(command, OpenProject):
        check_unlike(command.project, context.streams.projects(), "project")
    return records, events


def _check_definition(context: Context, command: Publish) -> None:
    try:
        case = UseCase.from_definition(parse(context.blobs.get(command.use_case), "A use case"))
    except (NotFound, Tampered, BadUseCase, *UNREADABLE) as error:
        reason = error.what if isinstance(error, BadUseCase) else "There is no definition with this digest."
        raise Refused(f"The use case cannot be published. {reason}", _PUBLISH) from None
    if case.digest != command.use_case or case.name != command.name:
        raise Refused("The use case has another name or spelling.", _PUBLISH)


def do_project(context: Context, command: ProjectCommand, actor: Actor) -> None:
    """Do a project's command for an actor whose roles do not follow from this project, as its founder's."""
    do_project_as(context, command, lambda: actor)


def do_project_as(context: Context, command: ProjectCommand, who: Who) -> None:
    """Do a project's command with the roles that its member has when the events are added."""
    for _ in range(TRIES):
        records, events = check_project(context, command, who)
        if context.append(project_stream(command.project), records, events):
            return
    raise busy()


def do_subject(context: Context, command: Command, who: Who) -> Subject:
    """Do a subject's command (but `Sign`); the subject as it is then. Its stream is folded once for each try."""
    for _ in range(TRIES):
        behind = [context.streams.project_head(command.project)]
        if isinstance(command, Enrol):
            behind += context.streams.heads_elsewhere(command.project, command.subject)
        actor, now = who(), context.clock()
        if isinstance(command, Enrol):
            check_pseudonym(context, command, actor)  # as the other projects are when it is enrolled
        records, state = context.state(command.project, command.subject)
        events = decide(command, state, actor, now)
        if isinstance(command, Enrol) and context.streams.has_alike(command.subject):
            raise Refused("A subject has this pseudonym in other upper or lower case.", "Choose another pseudonym.")
        if isinstance(command, Assign) and command.member:
            _check_is_member(context, command)
        then = context.append_subject(state, records, events, behind)
        if then is not None:
            _follow(context, command, actor, then, now)
            return context.renewed(then)
    raise busy()


def _check_is_member(context: Context, command: Assign) -> None:
    """Refuse to assign a task to nobody's name: no member could start it any more."""
    member = context.streams.project(command.project)[1].members.get(command.member)
    if member is None or not member.roles:
        raise Refused("The task cannot be assigned: member not found.", "Choose a member of the project.")


def _follow(context: Context, command: Command, actor: Actor, then: Subject, now: datetime) -> None:
    """What a command does besides its events."""
    match command:
        case Withdraw():
            erase(context, command.project, command.subject)
        case Start():
            _open_draft(context, command, actor, then)
        case Renew():
            context.drafts.renew(address_of(command, command.task), command.fence, now + LEASE)


def address_of(command: Command, task: str) -> Address:
    """Where the draft of the command's task is."""
    return Address(command.project, command.subject, task)


def _open_draft(context: Context, command: Start, actor: Actor, state: Subject) -> None:
    """Raise the fence of the draft; the store refuses it when the task was taken over a moment ago."""
    work, address = state.work[command.task], address_of(command, command.task)
    lease = work.lease
    if lease is None or not lease.is_of(actor):
        raise LeaseLost(f"{command.task!r} was taken over.", "Start it again.")
    context.drafts.open(address, Holder(lease.fence, lease.until, actor.name, work.version + 1))
    entries = context.drafts.read(address, lease.fence)
    if draft_entries.is_damaged(entries):
        context.drafts.append(address, lease.fence, [draft_entries.continued_entry()])
    if work.signed and not entries:
        context.drafts.append(
            address, lease.fence, _seed(context.content(command.project, command.subject), work.signed[-1])
        )


def _seed(content: SubjectBlobs, signed: VersionSigned) -> list[Record]:
    """The next version begins where the last one ended."""
    parts = {part.role: part.digest for part in signed.manifest.parts}
    seed = [draft_entries.snapshot_entry(parts["snapshot"])] if "snapshot" in parts else []
    if "report" in parts:
        answers = parse(content.get(parts["report"]), "A report")
        stated = parse(content.get(parts["checks"]), "A statement") if "checks" in parts else None
        seed.append(draft_entries.answers_entry(answers, stated))
    return seed
