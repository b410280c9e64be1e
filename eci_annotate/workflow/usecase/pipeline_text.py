"""A pipeline as text for the terminal, or as Mermaid for documents; `pipeline_svg.py` draws it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind


def merged(tasks: Iterable[TaskDefinition]) -> list[TaskDefinition]:
    """Return the tasks with one of each group in place of all of its readings."""
    return list({task.of_group: task for task in reversed(list(tasks))}.values())[::-1]


def to_text(tasks: Sequence[TaskDefinition]) -> str:
    """Return the tasks in order, each with its prerequisites and roles."""
    return "\n".join(line for task in merged(tasks) for line in _lines(task))


def _lines(task: TaskDefinition) -> Iterator[str]:
    before = f"{' + '.join(task.after)} ──▶ " if task.after else ""
    yield f"{before}[{task.of_group}] {task.kind}: {title(task)}"
    yield f"    by {' or '.join(task.roles)}{readers(task)}"
    if task.tools:
        yield f"    tools {', '.join(task.tools)}"
    if task.gate:
        yield f"    gate: each of {task.gate.lesions} is drawn under its {task.gate.label}"


def title(task: TaskDefinition) -> str:
    """Return the title of a task; for several readings, their common title."""
    return task.title.split(" (1 of ")[0] if task.group else task.title


def readers(task: TaskDefinition) -> str:
    """Describe how many readers it has, and how they read."""
    most = max(task.readers, task.most)
    words = [f", {task.readers} of {most} readers" if most > 1 else ""]
    words += [word for flag, word in ((task.blind, ", blind"), (task.independent, ", independent")) if flag]
    return "".join([*words, f", again after {task.wait_days} days" if task.repeats else ""])


def to_mermaid(tasks: Sequence[TaskDefinition]) -> str:
    """Return a flowchart; the way back after a rejection is dotted."""
    rows = ["flowchart LR"]
    for task in merged(tasks):
        rows.append(f'  {_id(task.of_group)}["{title(task)}<br/><i>{" or ".join(task.roles)}{readers(task)}</i>"]')
        rows += [f"  {_id(name)} --> {_id(task.of_group)}" for name in task.after]
        rows += [f"  {_id(task.of_group)} -. rejected .-> {_id(task.of)}"] if task.kind == TaskKind.REVIEW else []
    return "\n".join(rows) + "\n"


def _id(name: str) -> str:
    return name.replace("-", "_").replace(".", "_")
