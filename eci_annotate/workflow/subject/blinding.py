"""Blinding: an independent reader cannot see other readings until enough of them are signed.

A repeated reading is blind to the same reader's first reading until it is signed. A blind adjudicator sees what was
read, but not by whom, until the adjudication is signed: nothing that names or proves a reader is shown. Assignment
makes no difference, because it can change, and what was seen cannot be unseen. Therefore `is_signed` decides, not
`is_done`: a reopening, a rejection or a new version hides nothing again.
"""

from __future__ import annotations

from dataclasses import replace
from string import ascii_uppercase

from eci_annotate.workflow.actor import Actor, Permission
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.start_rules import could_be_for
from eci_annotate.workflow.subject.state import Subject, is_signed, readers_of
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind, readings_of

CONTROL_LAYER = "control-reference"  # what is known of a control case; nobody but owners sees that it exists
_NAMELESS = ("snapshot", "annotations", "report")  # the parts of a reading that do not identify its reader


def sees_layer(layer: str, actor: Actor, project: str) -> bool:
    """Whether a data layer exists for this actor, who may see images."""
    return layer != CONTROL_LAYER or actor.may(Permission.ADMINISTER, project)


def is_hidden(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether signed versions of `task` must be hidden from this actor."""
    return _awaits_repeat(state, task, actor) or _is_blind_to(state, task, actor)


def is_open_to_all(state: Subject, task: TaskDefinition) -> bool:
    """Whether the blinding of its group hides signed versions of `task` from nobody."""
    return not (task.blind and task.group) or is_signed(state, task.group)


def is_veiled(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether this actor must not know who read `task`: they may adjudicate it blind, and nobody has done so yet."""
    blind = [
        each for each in state.pipeline if each.kind == TaskKind.ADJUDICATE and each.blind and each.of == task.of_group
    ]
    return any(could_be_for(state, each, actor) and not is_signed(state, each.name) for each in blind)


def veiled(state: Subject, task: TaskDefinition, signed: VersionSigned) -> VersionSigned:
    """Return a reading without its reader: same content, attributed to a letter, unsigned, of no use as evidence."""
    parts = tuple(part for part in signed.manifest.parts if part.role in _NAMELESS)
    nothing = dict.fromkeys(("assurance", "where", "predecessor", "seal", "signature", "key", "factor"), "")
    by = letter(state.pipeline, task)
    return replace(signed, by=by, manifest=replace(signed.manifest, parts=parts), **nothing)  # type: ignore[arg-type]


def is_nameless(signed: VersionSigned) -> bool:
    """Whether this is a reading returned by `veiled`."""
    return not signed.key


def letter(pipeline: tuple[TaskDefinition, ...], task: TaskDefinition) -> str:
    """Return the name of the reader of `task` where blinded: Reader A, Reader B …, in pipeline order."""
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
    may_look = actor.may(Permission.SEE_BLINDED, state.project, state.site)
    return not may_look or _may_still_read(state, task.group, actor)


def _may_still_read(state: Subject, group: str, actor: Actor) -> bool:
    reader = any(could_be_for(state, each, actor) for each in readings_of(state.pipeline, group))
    return reader and actor.name not in readers_of(state, group)
