"""Series that a member chose for a slot of the hanging protocol, for one study or for studies like it. Pure.

A choice changes what is shown. It changes nothing of what a signature asks for: that follows the protocol alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from eci_annotate.workflow.series.series_facts import facts_of
from eci_annotate.workflow.usecase.hanging import Hanging, Header, is_like

Traits = tuple[tuple[str, str], ...]
ELEMENTS = ("Modality", "SeriesDescription", "DiffusionBValue", "EchoTime", "stack", "study")
FACTS = ("plane", "phase", "content", "side", "view")


@dataclass(frozen=True)
class HangingChoice:
    """A series that a member keeps in a slot.

    Attributes
    ----------
    member, at
        Who keeps it, and since when.
    subject, series_uid
        Where it was chosen.
    slot
        Name of the slot.
    traits
        What a series must be like in other studies; empty: it holds for this subject only.
    proposed
        Whether it is proposed to the owner.
    """

    member: str
    at: datetime
    subject: str
    series_uid: str
    slot: str
    traits: Traits = ()
    proposed: bool = False

    def replaces(self, other: HangingChoice) -> bool:
        """Whether it takes the place of an earlier choice of the same member."""
        same = (self.member, self.slot) == (other.member, other.slot)
        return same and (self.traits == other.traits if self.traits else self._is_here(other))

    def _is_here(self, other: HangingChoice) -> bool:
        return not other.traits and self.subject == other.subject


def traits_of(header: Header) -> Traits:
    """Return what describes a series beyond its study: elements and derived facts, each where it is known."""
    known = {**facts_of(header.get), **header}
    return tuple((name, str(known[name])) for name in (*ELEMENTS, *FACTS) if known.get(name) not in (None, "", []))


def has_traits(header: Header, traits: Traits) -> bool:
    """Whether a series is like the one that the traits describe."""
    return is_like({**facts_of(header.get), **header}, dict(traits))


def traits_in_words(traits: Traits) -> str:
    """Return traits as they are shown: ``Modality CT, SeriesDescription 'PV 3.0', phase portal``."""
    return ", ".join(f"{name} {value!r}" if " " in value else f"{name} {value}" for name, value in traits)


def chosen_series(choices: Iterable[HangingChoice], subject: str, series: Sequence[Header]) -> dict[str, str]:
    """Return the series that a member's choices put into slots of a study, by slot.

    A choice for this subject comes before those for studies like it, a newer one before an older one.
    """
    uids = {str(each["series_uid"]) for each in series}
    found: dict[str, str] = {}
    for choice in sorted(choices, key=lambda each: (not each.traits, each.at)):
        if choice.traits:
            alike = [str(each["series_uid"]) for each in series if has_traits(each, choice.traits)]
            found |= {choice.slot: alike[0]} if alike else {}
        elif choice.subject == subject and choice.series_uid in uids:
            found[choice.slot] = choice.series_uid
    return found


def with_chosen(hanging: Hanging, chosen: Mapping[str, str]) -> Hanging:
    """Return a hanging whose stages show other series in these slots; what is placed, and why, is unchanged."""
    stages = tuple(
        replace(
            stage,
            rows=tuple(
                tuple(replace(cell, series_uid=chosen.get(cell.slot, cell.series_uid)) for cell in row)
                for row in stage.rows
            ),
        )
        for stage in hanging.stages
    )
    return replace(hanging, stages=stages, chosen=dict(chosen))


def with_rule(definition: Mapping[str, Any], slot: str, traits: Traits, why: str) -> dict[str, Any]:
    """Return a definition whose slot takes series with these traits first, whatever its other rules say.

    The same series are no longer chosen for another slot by a rule of this kind.
    """
    new: dict[str, Any] = copy.deepcopy(dict(definition))
    rule = {"like": dict(traits), "why": why}
    for each in new["hanging"]["slots"]:
        kept = [other for other in each.get("choose", ()) if other["like"] != rule["like"]]
        if each["name"] == slot:
            kept.append(rule)
        if kept:
            each["choose"] = kept
        else:
            each.pop("choose", None)
    return new
