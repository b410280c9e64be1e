"""The pipeline as a diagram and as a form: add a task, configure it, try it on a subject in memory, publish it.

Running tasks keep the definition with which they started; later subjects get the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from eci_annotate.errors import BadUseCase, EciError
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.tools.info import NOT_CHOSEN, ToolName
from eci_annotate.workflow.actor import ROLES, Permission, Role
from eci_annotate.workflow.pipeline_trial import walk
from eci_annotate.workflow.usecase.pipeline import TaskKind
from eci_annotate.workflow.usecase.pipeline_svg import to_svg
from eci_annotate.workflow.usecase.pipeline_text import to_text
from eci_annotate.workflow.usecase.usecase import UseCase

NEW: dict[str, Any] = {"name": "", "title": "", "kind": "annotate", "roles": [Role.ANNOTATOR.value]}
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("stage", "of", "repeats", "form"), ""), **dict.fromkeys(("after", "roles", "tools"), ()),
    **dict.fromkeys(("blind", "independent", "assigned"), False), "readers": 1, "wait_days": 0,
}  # fmt: skip
_FLAGS = ("blind", "independent", "assigned")


def show_pipeline(visit: Visit) -> Response:
    """Show the published pipeline."""
    place = allowed_place(visit, "see the pipeline", Permission.SEE_PIPELINE)
    return _page(visit, place, _definition(visit, place)["usecase"]["tasks"])


def _definition(visit: Visit, place: ProjectPage) -> dict[str, Any]:
    return dict(json.loads(visit.repo.account.use_case(place.name).blob))


def _page(
    visit: Visit,
    place: ProjectPage,
    tasks: list[dict[str, Any]],
    problem: EciError | None = None,
    tried: UseCase | None = None,
    **more: Any,
) -> Response:
    drawn = (tried or visit.repo.account.use_case(place.name)).pipeline
    frame = {"steps": [], "done": ""} | more
    return visit.show(
        "pipeline",
        status=422 if problem else 200,
        place=place,
        tasks=[{**_EMPTY, **each} for each in tasks],
        kept=[json.dumps(each) for each in tasks],
        may=visit.repo.account.actor.may(Permission.ADMINISTER, place.name),
        choices={
            "kinds": tuple(TaskKind),
            "roles": ROLES,
            "tools": tuple(name for name in ToolName if name not in NOT_CHOSEN),
        },
        token=visit.token("pipeline", place.name),
        problem=problem,
        drawn=to_text(drawn),
        picture=to_svg(drawn),
        **frame,
    )


def change_pipeline(visit: Visit) -> Response:
    """Add a task to the form, try the form's pipeline, or publish it."""
    place = allowed_place(visit, "change the pipeline", Permission.ADMINISTER)
    visit.check("pipeline", place.name)
    tasks = _tasks(visit)
    if visit.asked("do") == "add a task":
        return _page(visit, place, [*tasks, dict(NEW)])
    try:
        case = UseCase.from_definition(_with(_definition(visit, place), tasks))
        steps = list(walk(case))
        if visit.asked("do") == "publish":
            visit.repo.projects.publish(place.name, case)
            return _page(visit, place, tasks, done="Published. New subjects will use it.")
    except EciError as error:
        return _page(visit, place, tasks, error)
    return _page(visit, place, tasks, tried=case, steps=steps)


def _with(definition: dict[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {**definition, "usecase": {**definition["usecase"], "tasks": tasks}}


def _tasks(visit: Visit) -> list[dict[str, Any]]:
    """Return the tasks of the form; settings without a field (such as a gate) are unchanged."""
    count = int(visit.asked("count")) if visit.asked("count").isdigit() else 0
    found = [_task(visit, number) for number in range(min(count, 100)) if not visit.asked(f"{number}.remove")]
    return sorted(found, key=lambda each: each.pop("at"))


def _task(visit: Visit, number: int) -> dict[str, Any]:
    try:
        kept: Mapping[str, Any] = json.loads(visit.asked(f"{number}.kept", "{}"))
        task: dict[str, Any] = {**kept}
    except (ValueError, TypeError):
        raise BadUseCase("The form is damaged.", "Reload the page.") from None
    for name in ("name", "title", "kind", "of", "stage", "repeats"):
        task[name] = visit.asked(f"{number}.{name}")
    task["after"] = visit.asked(f"{number}.after").replace(",", " ").split()
    task["roles"], task["tools"] = visit.all(f"{number}.role"), visit.all(f"{number}.tool")
    task |= {flag: bool(visit.asked(f"{number}.{flag}")) for flag in _FLAGS}
    task["form"] = "report" if visit.asked(f"{number}.form") else ""
    task["readers"] = _readers(visit, number)
    task["wait_days"] = _number(visit.asked(f"{number}.wait_days"), 0)
    task = {name: value for name, value in task.items() if value not in ("", []) and value != _EMPTY.get(name)}
    return {**task, "at": (_number(visit.asked(f"{number}.at"), number + 1), number)}


def _readers(visit: Visit, number: int) -> int | dict[str, int]:
    need, most = (_number(visit.asked(f"{number}.{name}"), 1) for name in ("readers", "most"))
    return {"need": need, "most": most} if most > need else need


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdigit() and len(text) < 6 else otherwise
