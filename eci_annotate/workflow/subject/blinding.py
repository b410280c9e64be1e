"""Blinding: who reads for himself sees nothing of the other readings until there are enough of them.

A repeated reading is blind to the first one of the same reader until it is signed. Who adjudicates blind sees what
was read, but not by whom, until the adjudication is signed: nothing that names or proves a reader leaves. Whom a task
is assigned to makes no difference: that can change, and who has seen stays one who has seen. So `is_signed` decides,
not `is_done`: a reopening, a rejection or a next version hides nothing again.
"""

from __future__ import annotations

from dataclasses import replace
from string import ascii_uppercase

from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.start_rules import could_be_for
from eci_annotate.workflow.subject.state import Subject, is_signed, readers_of
from eci_annotate.workflow.usecase.pipeline import ADJUDICATE, TaskDefinition, readings_of

_NAMELESS = ("snapshot", "annotations", "report")  # the parts of a reading that do not say whose it is


def is_hidden(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether what is signed of `task` is to be hidden from this actor."""
    return _awaits_repeat(state, task, actor) or _is_blind_to(state, task, actor)


def is_open_to_all(state: Subject, task: TaskDefinition) -> bool:
    """Whether what is signed of `task` is hidden from nobody by the blinding of its group."""
    return not (task.blind and task.group) or is_signed(state, task.group)


def is_veiled(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether this actor must not know who read `task`: he may adjudicate it blind, and nobody has yet."""
    blind = [each for each in state.pipeline if each.kind == ADJUDICATE and each.blind and each.of == task.of_group]
    return any(could_be_for(state, each, actor) and not is_signed(state, each.name) for each in blind)


def veiled(state: Subject, task: TaskDefinition, signed: VersionSigned) -> VersionSigned:
    """A reading without its reader: drawn and answered as it was, but by a letter, unsigned, of no use as evidence."""
    parts = tuple(part for part in signed.manifest.parts if part.role in _NAMELESS)
    nothing = dict.fromkeys(("assurance", "where", "predecessor", "seal", "signature", "key", "factor"), "")
    by = letter(state.pipeline, task)
    return replace(signed, by=by, manifest=replace(signed.manifest, parts=parts), **nothing)  # type: ignore[arg-type]


def is_nameless(signed: VersionSigned) -> bool:
    """Whether this is a reading as `veiled` leaves it."""
    return not signed.key


def letter(pipeline: tuple[TaskDefinition, ...], task: TaskDefinition) -> str:
    """What the reader of `task` is called where he must not be named: Reader A, Reader B …, in the pipeline's order."""
    number = [each.name for each in readings_of(pipeline, task.of_group)].index(task.name)
    return f"Reader {ascii_uppercase[number % 26]}"


def _awaits_repeat(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    repeats = (each for each in state.pipeline if each.repeats == task.name)
    return actor.name in readers_of(state, task.name) and any(not is_signed(state, each.name) for each in repeats)


def _is_blind_to(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    if is_open_to_all(state, task):
        return False
    if actor.name in readers_of(state, task.name):
        return False
    may_look = actor.may("see blinded", state.project, state.site)
    return not may_look or _may_still_read(state, task.group, actor)


def _may_still_read(state: Subject, group: str, actor: Actor) -> bool:
    reader = any(could_be_for(state, each, actor) for each in readings_of(state.pipeline, group))
    return reader and actor.name not in readers_of(state, group)
