"""A hanging protocol is data: which series goes where. Input: header dicts; output: grids with reasons in words.

Every series is judged for every slot; placement and explanation read the same judgements, so that they cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eci_annotate.workflow.series.header_values import number_of
from eci_annotate.workflow.series.series_facts import facts_among
from eci_annotate.workflow.usecase.protocol_stages import COLOURS, OPACITY, Fuse, HangingStage, stages_of

Header = Mapping[str, Any]
Rule = Mapping[str, Any]
Slot = Mapping[str, Any]
CHOSEN = 1e6  # score of a series that a slot chooses by its traits: more than all preferences


@dataclass(frozen=True)
class Placed:
    """A series in a slot, and the reason; `fuse`: what is laid in colour over it."""

    slot: str
    title: str
    series_uid: str
    window: tuple[float, float] | None
    reasons: tuple[str, ...]
    fuse: Fuse | None = None


@dataclass(frozen=True)
class LeftOut:
    """A series that fits no slot, and the reason."""

    series_uid: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """How well a series fits a slot.

    Attributes
    ----------
    series_uid
        The series.
    score
        Sum of the scores of the preferences that it meets.
    met
        Reasons for it, in words.
    against
        Why it does not fit; empty if it does.
    taken
        Title of the slot that had taken it before; empty if it was free.
    unmet
        Preferences that it does not meet.
    """

    series_uid: str
    score: float
    met: tuple[str, ...]
    against: tuple[str, ...]
    taken: str = ""
    unmet: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it could be placed."""
        return not self.against and not self.taken


@dataclass(frozen=True)
class SlotChoice:
    """The choice for one slot: all judgements, best first."""

    slot: str
    title: str
    judgements: tuple[Judgement, ...]

    @property
    def chosen(self) -> Judgement | None:
        """The series placed, or None."""
        return next((each for each in self.judgements if each.fits), None)


@dataclass(frozen=True)
class Hanging:
    """The layout of a study: its name, its planes in order, and the series placed, left out and missing.

    Attributes
    ----------
    choices
        The choice for each slot, with all that was considered.
    stages
        Grids of panes, in order; empty: three planes of one series.
    chosen
        Series by slot that the user keeps there instead; the stages show them.
    """

    layout: str
    planes: tuple[str, ...]
    placed: tuple[Placed, ...]
    left_out: tuple[LeftOut, ...]
    missing: tuple[str, ...]
    choices: tuple[SlotChoice, ...] = ()
    stages: tuple[HangingStage, ...] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> str | None:
        """UID of the series to show first; None if no series fits."""
        return self.chosen.get(self.placed[0].slot, self.placed[0].series_uid) if self.placed else None


def opened_at(hanging: Hanging, slots: Sequence[str]) -> Hanging:
    """Return a hanging whose first series is that of the first of these slots that has one."""
    known = {each.slot: each for each in hanging.placed}
    found = next((known[slot] for slot in slots if slot in known), None)
    if found is None:
        return hanging
    return replace(hanging, placed=(found, *(each for each in hanging.placed if each is not found)))


def hang(protocol: Mapping[str, Any], series: Sequence[Header]) -> Hanging:
    """Place series according to a protocol, each into one slot at most.

    Parameters
    ----------
    protocol
        Content of a ``hanging.yaml``.
    series
        By DICOM keyword, what is known of each, with ``series_uid`` and ``slices``; derived facts are added.
    """
    series = facts_among(series)
    taken: dict[str, str] = {}
    kept = _reserved(protocol["slots"], series)
    choices = tuple(_choice(_whole(slot, protocol), series, taken, kept) for slot in protocol["slots"])
    slots = {slot["name"]: slot for slot in protocol["slots"]}
    placed = tuple(_placed(slots[c.slot], c.chosen, series) for c in choices if c.chosen)
    over = {p.fuse.series_uid: (f"shown in colour over {p.title!r}",) for p in placed if p.fuse}
    left = tuple(
        LeftOut(uid, over.get(uid) or _why_out(uid, choices))
        for uid in (str(each["series_uid"]) for each in series)
        if uid not in taken
    )
    missing = tuple(f"No series fits {c.title!r}." for c in choices if c.chosen is None)
    fuses = {p.slot: p.fuse for p in placed if p.fuse}
    stages = stages_of(protocol, {p.slot: p.series_uid for p in placed}, fuses)
    return Hanging(protocol["layout"], tuple(protocol["planes"]), placed, left, missing, choices, stages)


def _whole(slot: Slot, protocol: Mapping[str, Any]) -> Slot:
    """Return a slot with the rules that hold for all slots of its protocol."""
    rules = {kind: [*protocol.get(kind, ()), *slot.get(kind, ())] for kind in ("require", "exclude")}
    return {**slot, **rules}


def _reserved(slots: Sequence[Slot], series: Sequence[Header]) -> dict[str, Slot]:
    """Return the series that a slot chooses by their traits, one for each slot: no earlier slot takes them."""
    kept: dict[str, Slot] = {}
    for slot in slots:
        likes = [each["like"] for each in slot.get("choose", ())]
        uids = (str(each["series_uid"]) for each in series if any(is_like(each, like) for like in likes))
        free = next((uid for uid in uids if uid not in kept), None)
        if free is not None:
            kept[free] = slot
    return kept


def _choice(slot: Slot, series: Sequence[Header], taken: dict[str, str], kept: Mapping[str, Slot] = {}) -> SlotChoice:
    """Judge all series, and take the best: the highest score, then the first in the list.

    `taken` are those of earlier slots, `kept` those that other slots choose by their traits.
    """
    others = {uid: str(each["title"]) for uid, each in kept.items() if each["name"] != slot["name"]}
    slot = _ranked(slot, series)
    judged = [_judgement(slot, header, {**others, **taken}) for header in series]
    judged.sort(key=lambda each: (not each.fits, bool(each.against), -each.score))
    choice = SlotChoice(slot["name"], slot["title"], tuple(judged))
    if choice.chosen:
        taken[choice.chosen.series_uid] = slot["title"]
    return choice


def _ranked(slot: Slot, series: Sequence[Header]) -> Slot:
    """Return a slot whose preferences for the lowest or highest value name that value among the series that fit."""
    if not any("rank" in rule for rule in slot.get("prefer", ())):
        return slot
    fit = [each for each in series if _judgement({**slot, "prefer": ()}, each, {}).fits]
    return {**slot, "prefer": [_with_value(rule, fit) if "rank" in rule else rule for rule in slot["prefer"]]}


def _with_value(rule: Rule, series: Sequence[Header]) -> Rule:
    known = [value for each in series if (value := number_of(each.get(rule["field"]))) is not None]
    best = (min if rule["rank"] == "lowest" else max)(known, default=float("nan"))
    return {**rule, "at_least": best, "at_most": best}


def _judgement(slot: Slot, header: Header, taken: Mapping[str, str]) -> Judgement:
    uid = str(header["series_uid"])
    like = next((each for each in slot.get("choose", ()) if is_like(header, each["like"])), None)
    if like is not None:
        return Judgement(uid, CHOSEN, (like["why"],), (), taken.get(uid, ""))
    against = [_no(rule) for rule in slot.get("require", ()) if not _fits(rule, header)]
    against += [rule["why"] for rule in slot.get("exclude", ()) if _fits(rule, header)]
    prefer = slot.get("prefer", ())
    kept = [rule for rule in prefer if _fits(rule, header)]
    unmet = tuple(rule["why"] for rule in prefer if not _fits(rule, header))
    met = [rule["why"] for rule in (*slot.get("require", ()), *kept) if _fits(rule, header)]
    score = float(sum(rule.get("score", 1) for rule in kept))
    return Judgement(uid, score, tuple(met), tuple(against), taken.get(uid, ""), unmet)


def _placed(slot: Slot, chosen: Judgement, series: Sequence[Header]) -> Placed:
    fuse = _fuse(slot["fuse"], chosen.series_uid, series) if "fuse" in slot else None
    return Placed(slot["name"], slot["title"], chosen.series_uid, _window(slot), chosen.met, fuse)


def _window(slot: Slot) -> tuple[float, float] | None:
    return tuple(slot["window"]) if "window" in slot else None


def _fuse(rules: Slot, below: str, series: Sequence[Header]) -> Fuse | None:
    """Choose what is laid over a series: one of its frame of reference first, then by score; None if none fits."""
    frames = {str(each["series_uid"]): each.get("FrameOfReferenceUID") for each in series}
    judged = [_judgement(rules, header, {}) for header in series if str(header["series_uid"]) != below]
    fits = [each for each in judged if each.fits]
    if not fits:
        return None
    best = min(fits, key=lambda each: (frames[each.series_uid] != frames[below], -each.score))
    opacity, colours = float(rules.get("opacity", OPACITY)), str(rules.get("colours", COLOURS))
    return Fuse(best.series_uid, opacity, colours, _window(rules), best.met)


def _why_out(uid: str, choices: Sequence[SlotChoice]) -> tuple[str, ...]:
    """Return, slot by slot, why a series was not placed."""
    judged = [(choice.title, each) for choice in choices for each in choice.judgements if each.series_uid == uid]
    return tuple(f"not {title!r}: {(*each.against, 'another series fits it better')[0]}" for title, each in judged)


def is_like(header: Header, traits: Mapping[str, str]) -> bool:
    """Whether a series with its facts has all these values."""
    return all(str(header.get(name, "")) == value for name, value in traits.items())


def _fits(rule: Rule, header: Header) -> bool:
    if "any" in rule:
        return any(_fits(each, header) for each in rule["any"])
    value = header.get(rule["field"])
    if value is None or "absent" in rule:
        return value is None and "absent" in rule
    if "is" in rule:
        wanted = rule["is"] if isinstance(rule["is"], list) else [rule["is"]]
        return value in wanted
    if "matches" in rule:
        return re.search(rule["matches"], str(value), re.IGNORECASE) is not None
    number = number_of(value)
    if number is None:
        return False
    return float(rule.get("at_least", number)) <= number <= float(rule.get("at_most", number))


def _no(rule: Rule) -> str:
    return str(rule.get("else", f"it does not meet '{rule['why']}'"))
