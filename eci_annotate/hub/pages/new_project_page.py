"""The page on which an owner opens another project, for a shipped use case or one of their projects' own."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError
from eci_annotate.hub.pages.factor_form import asking, proved
from eci_annotate.hub.pages.page import Visit
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import digest
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case, shipped_use_cases

PAGE = "new-project"
_ABOUT = digest(b"opening a project")


def show_new_project(visit: Visit, problem: EciError | None = None) -> Response:
    """Show the form."""
    with visit.repo.refusals("Open a project", ""):
        visit.repo.projects.check_may_open()
    shipped = [(f"shipped/{name}", shipped_use_case(name).title) for name in shipped_use_cases()]
    own = [(f"project/{name}", f"{case.title} (as in {name})") for name, case in _own_cases(visit)]
    return visit.show(
        "new_project",
        status=422 if problem else 200,
        cases=[*own, *shipped],
        given=visit.asked("name"),
        chosen=visit.asked("case"),
        asking=asking(visit, _ABOUT, PAGE),
        problem=problem,
    )


def _own_cases(visit: Visit) -> list[tuple[str, UseCase]]:
    account = visit.repo.account
    return [
        (name, account.use_case(name)) for name in account.projects() if account.actor.may(Permission.ADMINISTER, name)
    ]


def open_project(visit: Visit) -> Response:
    """Open the project, once the user has confirmed it."""
    visit.check(PAGE, visit.asked("nonce"))
    try:
        with visit.refusals("Open a project"):
            visit.repo.projects.check_may_open()
            proved(visit, _ABOUT)
            visit.repo.projects.open(visit.asked("name"), _case(visit))
    except EciError as error:
        return show_new_project(visit, error)
    return visit.back(f"projects/{visit.asked('name')}")


def _case(visit: Visit) -> UseCase:
    kind, _, name = visit.asked("case").partition("/")
    if kind == "project":
        return next((case for each, case in _own_cases(visit) if each == name), shipped_use_case(""))
    return shipped_use_case(name)
