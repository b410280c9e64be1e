"""A project is a stream too: its use case and its members; by their public keys signatures are checked.

The first member enters while there is nobody yet; from then on only who may administer adds another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any

from eci_annotate.errors import Refused, Tampered
from eci_annotate.workflow.actor import ROLES, Actor
from eci_annotate.workflow.commands import AddMember, OpenProject, Publish
from eci_annotate.workflow.events import Event, MemberAdded, ProjectOpened, UseCasePublished
from eci_annotate.workflow.signing import fingerprint

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class Project:
    """One use case's work: site, use case, members by name."""

    name: str = ""
    site: str = ""
    use_case: str = ""
    members: Mapping[str, MemberAdded] = field(default_factory=dict)

    def member_with_key(self, mark: str) -> MemberAdded | None:
        """The member whose public key has this fingerprint."""
        return next((each for each in self.members.values() if fingerprint(each.key) == mark), None)


def evolve_project(event: Event, state: Project) -> Project:
    """The project after the event."""
    match event:
        case ProjectOpened():
            return Project(event.project, event.site)
        case UseCasePublished():
            return replace(state, use_case=event.use_case)
        case MemberAdded():
            return replace(state, members={**state.members, event.name: event})
    raise Tampered("A project's stream holds an event of another kind.", "Restore it from a backup.")


def fold_project(events: Iterable[Event]) -> Project:
    """The project after all of its events."""
    return reduce(lambda state, event: evolve_project(event, state), events, Project())


ProjectCommand = OpenProject | Publish | AddMember


def decide_project(command: ProjectCommand, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """The events that a command makes of a project; Refused when it may not be."""
    match command:
        case OpenProject():
            return (_open(command, state, actor, now),)
        case Publish():
            _check_administers(command.project, state, actor)
            return (UseCasePublished(**_who(actor, now), name=command.name, use_case=command.use_case),)
        case AddMember():
            return (_add(command, state, actor, now),)


def _who(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"by": actor.name, "assurance": actor.assurance, "at": now}


def _open(command: OpenProject, state: Project, actor: Actor, now: datetime) -> Event:
    if state.name:
        raise Refused(f"There is a project {command.project!r} already.", "Choose another name.")
    check_name(command.project)
    return ProjectOpened(**_who(actor, now), project=command.project, site=command.site)


def _add(command: AddMember, state: Project, actor: Actor, now: datetime) -> Event:
    if state.members:
        _check_administers(command.project, state, actor)
    if command.name in state.members:
        raise Refused(f"{command.name!r} is a member already.", "Choose another name.")
    if unknown := [role for role in command.roles if role not in ROLES]:
        raise Refused(f"There is no role {unknown[0]!r}.", f"Roles are {', '.join(ROLES)}.")
    check_name(command.name)
    fingerprint(command.key)
    rest: dict[str, Any] = {"site": command.site, "roles": command.roles, "key": command.key}
    return MemberAdded(**_who(actor, now), name=command.name, **rest)


def _check_administers(project: str, state: Project, actor: Actor) -> None:
    if not state.name or not actor.may("administer", project):
        raise Refused(f"You may not administer {project!r}.", "Ask its owner.")


def check_name(name: str) -> str:
    """`name`, when it can name a project, member or subject; Refused otherwise."""
    if not NAME.fullmatch(name):
        raise Refused("A name has a character that is not allowed.", "Use letters, digits, '_', '-' and '.'.")
    return name
