"""Why a subject cannot be used yet, in words, from what one member may see of it."""

from __future__ import annotations

from collections.abc import Iterator

from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.subject.verdict import Verdict
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind, readings_of
from eci_annotate.workflow.usecase.usecase import UseCase


def why_not_ready(seen: SubjectView, case: UseCase) -> str:
    """Return why a subject cannot be used yet, one sentence per line; empty if it can.

    Parameters
    ----------
    seen
        The subject as the member sees it.
    case
        Its use case.
    """
    return "\n".join(_reasons(seen, case))


def _reasons(seen: SubjectView, case: UseCase) -> Iterator[str]:
    if seen.withdrawn:
        yield "Consent was withdrawn."
        return
    if not seen.included:
        yield "It is excluded."
    if not seen.live:
        yield "It is for test."
    visible = {task.name: task for task in seen.tasks}
    for name in dict.fromkeys(each.of_group for each in case.pipeline if each.kind != TaskKind.INGEST):
        readings = readings_of(case.pipeline, name)
        yield from _missing(readings, [visible[each.name] for each in readings if each.name in visible], visible)


def _missing(
    readings: tuple[TaskDefinition, ...], tasks: list[TaskView], visible: dict[str, TaskView]
) -> Iterator[str]:
    """Yield what a task, or the readings of a group that are still needed, wait for."""
    first = readings[0]
    need = first.readers if first.group else 1
    done = [task for task in tasks if task.status == TaskStatus.SIGNED]
    if not tasks:
        yield f"{first.title!r} is not signed, or you may not see it."
    elif len(done) < need:
        waiting = [task for task in tasks if task.status != TaskStatus.SIGNED][: need - len(done)]
        yield from (_waits(task, first, visible) for task in waiting)
    yield from (f"{task.title!r} waits for its review." for task in done if _newest(task) == Verdict.PENDING)


def _newest(task: TaskView) -> Verdict | None:
    return task.statuses[-1].verdict if task.statuses else None


def _waits(task: TaskView, definition: TaskDefinition, visible: dict[str, TaskView]) -> str:
    match task.status:
        case TaskStatus.OPEN:
            by = f" by {task.holder}" if task.holder else ""
            return f"{task.title!r} is in work{by}{f' until {to_minute(task.until)}' if task.until else ''}."
        case TaskStatus.READY if task.rejected:
            return f"{task.title!r} needs correction: {task.rejected}."
        case TaskStatus.READY:
            since = f" since {to_minute(task.since)}" if task.since else ""
            return f"{task.title!r} is ready{since}; nobody has begun it."
        case TaskStatus.BLOCKED if definition.after:
            names = " and ".join(repr(visible[each].title if each in visible else each) for each in definition.after)
            return f"{task.title!r} waits for {names}."
    return f"{task.title!r} is not ready."
