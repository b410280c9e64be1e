"""Blinding: who reads for himself sees nothing of the other readings until there are enough of them.

A repeated reading is blind to the first one of the same reader until it is signed.
"""

from __future__ import annotations

from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.pipeline import TaskDefinition, readings_of
from eci_annotate.workflow.starting import is_for
from eci_annotate.workflow.state import Subject, is_done, readers_of


def is_hidden(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    """Whether what is signed of `task` is to be hidden from this actor."""
    return _awaits_repeat(state, task, actor) or _is_blind_to(state, task, actor)


def is_open_to_all(state: Subject, task: TaskDefinition) -> bool:
    """Whether what is signed of `task` is hidden from nobody by the blinding of its group."""
    return not (task.blind and task.group) or is_done(state, task.group)


def _awaits_repeat(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    repeats = (each for each in state.pipeline if each.repeats == task.name)
    return actor.name in readers_of(state, task.name) and any(not is_done(state, each.name) for each in repeats)


def _is_blind_to(state: Subject, task: TaskDefinition, actor: Actor) -> bool:
    if is_open_to_all(state, task):
        return False
    if actor.name in readers_of(state, task.name):
        return False
    may_look = actor.may("see blinded", state.project, state.site)
    return not may_look or _may_still_read(state, task.group, actor)


def _may_still_read(state: Subject, group: str, actor: Actor) -> bool:
    reader = any(is_for(state, each, actor) for each in readings_of(state.pipeline, group))
    return reader and actor.name not in readers_of(state, group)
