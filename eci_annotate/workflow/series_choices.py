"""What members keep in slots of the hanging protocol, in the stream of their project: rules and effects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from eci_annotate.errors import NotFound, Refused
from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.slot_choice import HangingChoice
from eci_annotate.workflow.subject.commands import DropSeries, KeepSeries, SettleProposal
from eci_annotate.workflow.subject.events import Event, ProposalSettled, SeriesDropped, SeriesKept, who

Choices = tuple[HangingChoice, ...]
ChoiceCommand = KeepSeries | DropSeries | SettleProposal
ChoiceEvent = SeriesKept | SeriesDropped | ProposalSettled


def decide_choice(command: ChoiceCommand, kept: Choices, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Return the events of a command about choices; raises Refused or NotFound if it is not allowed."""
    if command.project not in actor.roles:
        raise NotFound("Project not found, or you do not have access to it.", "Ask its owner.")
    match command:
        case KeepSeries(subject=subject, slot=slot, series_uid=series_uid, traits=traits, proposed=proposed):
            if proposed and not traits:
                raise Refused("A choice for one study cannot be proposed.", "Keep it for studies like this.")
            made = SeriesKept(
                **who(actor, now), subject=subject, slot=slot, series_uid=series_uid, traits=traits, proposed=proposed
            )
            return () if any(_is_same(each, made) for each in kept) else (made,)
        case DropSeries(subject=subject, slot=slot):
            mine = [each for each in kept if each.member == actor.name and each.slot == slot]
            here = [each for each in mine if each.traits or each.subject == subject]
            return tuple(
                SeriesDropped(**who(actor, now), subject=subject, slot=slot, traits=each.traits) for each in here
            )
        case SettleProposal(slot=slot, traits=traits):
            if not actor.may(Permission.ADMINISTER, command.project):
                raise Refused(f"You may not administer {command.project!r}.", "Ask its owner.")
            if not any(each.proposed and (each.slot, each.traits) == (slot, traits) for each in kept):
                raise NotFound("Proposal not found: it was settled, or withdrawn.", "Reload the list.")
            return (
                ProposalSettled(
                    **who(actor, now), slot=slot, traits=traits, use_case=command.use_case, reason=command.reason
                ),
            )


def _is_same(kept: HangingChoice, event: SeriesKept) -> bool:
    return replace(kept, at=event.at) == _choice(event)


def _choice(event: SeriesKept) -> HangingChoice:
    return HangingChoice(event.by, event.at, event.subject, event.series_uid, event.slot, event.traits, event.proposed)


def evolve_choices(event: ChoiceEvent, kept: Choices) -> Choices:
    """Return the choices after an event."""
    match event:
        case SeriesKept():
            new = _choice(event)
            return (*(each for each in kept if not new.replaces(each)), new)
        case SeriesDropped():
            gone = HangingChoice(event.by, event.at, event.subject, "", event.slot, event.traits)
            return tuple(each for each in kept if not gone.replaces(each))
        case ProposalSettled(slot=slot, traits=traits):
            return tuple(
                replace(each, proposed=False) if (each.slot, each.traits) == (slot, traits) else each for each in kept
            )


def visible_choices(kept: Iterable[HangingChoice], actor: Actor, project: str) -> list[HangingChoice]:
    """Return a member's own choices; for who administers the project also what others propose."""
    owner = actor.may(Permission.ADMINISTER, project)
    return [each for each in kept if each.member == actor.name or (owner and each.proposed)]
