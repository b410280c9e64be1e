"""Requirements of a valid pipeline: names that exist and come earlier, roles that exist, readers that are available."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.actor import ROLES, SERVICE_ROLE
from eci_annotate.workflow.findings import Finding
from eci_annotate.workflow.protocol_check import protocol_findings
from eci_annotate.workflow.usecase.form_check import form_findings
from eci_annotate.workflow.usecase.pipeline import DRAWN, TaskDefinition, TaskKind


def check_pipeline(tasks: Sequence[TaskDefinition], report: Mapping[str, Any], hanging: Mapping[str, Any]) -> None:
    """Raise BadUseCase for the first problem, including how to correct it."""
    for what, remedy in findings(tasks, report, hanging):
        raise BadUseCase(what, remedy)


def findings(
    tasks: Sequence[TaskDefinition], report: Mapping[str, Any], hanging: Mapping[str, Any]
) -> Iterator[Finding]:
    """Yield each problem and its remedy. Tasks are as written, before readings are expanded."""
    before: dict[str, TaskDefinition] = {}
    for task in tasks:
        if task.name in before:
            yield f"Two tasks are named {task.name!r}.", "Give each its own name."
        yield from _references(task, before)
        yield from _people(task)
        yield from _gate(task, report, hanging)
        yield from _slots(task, hanging)
        yield from _derived(task, before, hanging)
        before[task.name] = task
    yield from protocol_findings(hanging)
    yield from form_findings(report, hanging)
    if not any(task.kind == TaskKind.INGEST for task in tasks):
        yield "No task takes images in.", "Begin with a task of kind ingest."


def _references(task: TaskDefinition, before: Mapping[str, TaskDefinition]) -> Iterator[Finding]:
    needs = [*task.after, *filter(None, [task.of, task.repeats, task.beside])]
    missing = [name for name in needs if name not in before]
    for name in missing:
        yield f"{task.name!r} needs {name!r}, which is not before it.", "Reorder the tasks."
    if missing:
        return
    about = before.get(task.of)
    if task.kind == TaskKind.REVIEW and about is not None and max(about.readers, about.most) > 1:
        yield f"{task.name!r} reviews {task.of!r}, which has several readers.", "Adjudicate it first, and review that."
    if task.kind == TaskKind.ADJUDICATE and (about is None or max(about.readers, about.most) < 2):
        yield f"{task.name!r} adjudicates {task.of!r}, which has one reader.", "Give it readers: 2, or review it."
    if task.of and task.of not in task.after:
        yield f"{task.name!r} is about {task.of!r}, but does not come after it.", f"Add {task.of!r} to its 'after'."
    if task.beside and task.beside not in task.after:
        yield f"{task.name!r} shows {task.beside!r}, but does not come after it.", "Add it to its 'after'."
    if task.beside and max(before[task.beside].readers, before[task.beside].most) > 1:
        yield f"{task.name!r} shows {task.beside!r}, which has several readers.", "Show the adjudication of it."
    if task.wait_days and not task.repeats:
        yield f"{task.name!r} waits, but repeats no task.", "Name the task under 'repeats', or leave out 'wait_days'."
    if task.kind not in DRAWN and (task.tools or task.form or task.gate):
        yield f"{task.name!r} draws nothing, but has tools, a form or a gate.", "Leave them out."
    if task.repeats and max(before[task.repeats].readers, before[task.repeats].most) > 1:
        yield f"{task.name!r} repeats {task.repeats!r}, which has several readers.", "Repeat a task of one reader."


def _people(task: TaskDefinition) -> Iterator[Finding]:
    for role in task.roles:
        if role not in ROLES:
            yield f"There is no role {role!r}.", f"Roles are {', '.join(ROLES)}."
    if task.most and task.most < task.readers:
        yield f"{task.name!r} needs {task.readers} readers and allows {task.most}.", "Allow as many as it needs."
    if task.kind != TaskKind.ANNOTATE and max(task.readers, task.most) > 1:
        yield f"{task.name!r} has several readers, and is no annotation.", "Only annotations have several readers."


def _gate(task: TaskDefinition, report: Mapping[str, Any], hanging: Mapping[str, Any]) -> Iterator[Finding]:
    if task.gate is None:
        return
    if not task.form:
        yield f"{task.name!r} has a gate, but no form.", "Give it form: report."
    lesions = report.get("properties", {}).get(task.gate.lesions, {})
    asked = lesions.get("items", {}).get("properties", {})
    where = f"{task.gate.lesions}[].{task.gate.label}"
    if task.gate.label not in asked:
        yield f"The gate of {task.name!r} names {where}, which the form does not have.", "Name a list of the form."
    elif asked[task.gate.label].get("type") != "string" or not _is_always_asked(lesions["items"], task.gate.label):
        yield (
            f"The gate of {task.name!r} names {where}, which is no text that each item has to have.",
            "Give it the type string, require it, and make it subject to no condition.",
        )
    known = [slot["name"] for slot in hanging.get("slots", ())]
    decided = [slot for rule in task.gate.agrees for _, slots in rule.values for slot in slots]
    for slot in (*task.gate.slots, *task.gate.needed_slots, *decided):
        if slot not in known:
            yield f"The gate of {task.name!r} names the slot {slot!r}.", f"The hanging protocol has {', '.join(known)}."
    for need in task.gate.needs:
        if need.at_least > len(need.slots):
            yield f"The gate of {task.name!r} needs {need.at_least} of {len(need.slots)} slots.", "Name more slots."
    for rule in task.gate.agrees:
        choices = [each.get("const") for each in asked.get(rule.answer, {}).get("oneOf", ())]
        for value in [value for value, _ in rule.values if value not in choices]:
            what = f"The gate of {task.name!r} names the choice {value!r} of {rule.answer!r}."
            yield what, f"The form has {', '.join(map(str, choices)) or 'no such question about a lesion'}."


def _is_always_asked(schema: Mapping[str, Any], name: str) -> bool:
    branches = (rule.get(branch, {}) for rule in schema.get("allOf", ()) for branch in ("then", "else"))
    conditional = any(name in branch.get("required", ()) for branch in branches)
    return name in schema.get("required", ()) and not conditional


def _derived(
    task: TaskDefinition, before: Mapping[str, TaskDefinition], hanging: Mapping[str, Any]
) -> Iterator[Finding]:
    derived = task.kind == TaskKind.DERIVE
    if derived != (task.copies is not None) or derived != (SERVICE_ROLE in task.roles):
        yield f"{task.name!r} must be of kind derive, with 'copies' and roles: [service].", "Give it all three or none."
    if not derived or task.copies is None:
        return
    about = before.get(task.of)
    if about is None or about.kind not in DRAWN or max(about.readers, about.most) > 1:
        yield f"{task.name!r} copies {task.of!r}, which is no drawing of one reader.", "Name one: of: annotate."
    if task.roles != (SERVICE_ROLE,) or task.form or task.tools or task.gate:
        yield (
            f"{task.name!r} is done by the service, without tools or a form.",
            "Leave out all other roles, and those.",
        )
    known = [slot["name"] for slot in hanging.get("slots", ())]
    if set(task.copies.source) & set(task.copies.target):
        yield f"{task.name!r} copies a slot onto itself.", "Name other slots under 'target'."
    for slot in (*task.copies.source, *task.copies.target):
        if slot not in known:
            yield f"{task.name!r} copies the slot {slot!r}.", f"The hanging protocol has {', '.join(known)}."


def _slots(task: TaskDefinition, hanging: Mapping[str, Any]) -> Iterator[Finding]:
    known = [slot["name"] for slot in hanging.get("slots", ())]
    for slot in task.first:
        if slot not in known:
            yield f"{task.name!r} opens on the slot {slot!r}.", f"The hanging protocol has {', '.join(known)}."
