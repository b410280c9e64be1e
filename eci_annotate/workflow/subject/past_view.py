"""A subject as it stood earlier, for the same actor: without anything that its view of today hides.

Withdrawal holds at once, and so do roles: what was seen in the past is not seen again because somebody asks for the
past.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.blinding import is_nameless
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.view import SubjectView, TaskView, view


def past_view(then: Subject, today: Subject, actor: Actor, now: datetime) -> SubjectView:
    """Return what `actor` may see of a subject as it stood.

    Parameters
    ----------
    then, today
        The subject after fewer of its events, and after all of them.
    actor, now
        As of `view`.

    Raises
    ------
    NotFound
        The actor may not see the subject, today or as it stood.
    """
    seen = view(today, actor, now)
    past = view(then, actor, now)
    shown = {(task.name, each.version): each for task in seen.tasks for each in task.signed}
    tasks = tuple(_limited(task, shown) for task in past.tasks)
    return replace(past, tasks=tasks, layers=past.layers if seen.layers else (), withdrawn=seen.withdrawn)


def _limited(task: TaskView, shown: dict[tuple[str, int], VersionSigned]) -> TaskView:
    """Return the task with the versions that are shown today, nameless if they are today."""
    found = [(each, shown.get((task.name, each.version))) for each in task.signed]
    signed = tuple(today if is_nameless(today) else each for each, today in found if today is not None)
    kept = {each.version for each in signed}
    return replace(task, signed=signed, statuses=tuple(each for each in task.statuses if each.version in kept))
