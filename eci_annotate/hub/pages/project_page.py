"""A project's subjects: one row each, one symbol per task; filters, sort order, pages of twenty."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from eci_annotate.errors import Refused
from eci_annotate.hub.pages.page import Visit
from eci_annotate.repository.backend import SORTS, SubjectQuery
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.view import SubjectView

SIZE = 20
FILTERS = ("contains", "site", "cohort", "stage", "included", "live", "startable")
_YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True)
class ProjectPage:
    """The project of a page, and which of its pages the user may open."""

    name: str
    title: str
    links: tuple[tuple[str, str], ...]


def place_of(visit: Visit) -> ProjectPage:
    """Return the project of the page's path; raises NotFound if it is not one of the user's."""
    name, actor = visit.path("project"), visit.repo.account.actor
    case = visit.repo.account.use_case(name)
    may = {
        "Subjects": True,
        "Add subjects": actor.may(Permission.INGEST, name),
        "Held files": actor.may(Permission.ADMINISTER, name),
        "Leases": actor.may(Permission.SEE_PIPELINE, name),
        "Pipeline": actor.may(Permission.SEE_PIPELINE, name),
        "Members": actor.may(Permission.ADMINISTER, name) or actor.may(Permission.ADMINISTER_SITE, name),
        "Hanging protocol": actor.may(Permission.ADMINISTER, name),
        "Quality": actor.may(Permission.ADMINISTER, name),
        "Other archives": actor.may(Permission.ADMINISTER, name),
        "Audit": actor.may(Permission.AUDIT, name),
    }
    paths = {
        "Subjects": "",
        "Add subjects": "/add",
        "Held files": "/held",
        "Hanging protocol": "/protocol",
        "Other archives": "/sync",
    }
    links = tuple((title, paths.get(title, f"/{title.lower()}")) for title, shown in may.items() if shown)
    return ProjectPage(name, case.title, links)


def allowed_place(visit: Visit, what: str, *wanted: Permission) -> ProjectPage:
    """Return the same as `place_of`; raises Refused if the user has none of the permissions at any site."""
    place = place_of(visit)
    if not any(visit.repo.account.actor.may(each, place.name) for each in wanted):
        raise Refused(f"You may not {what} here.", "Ask the project's owner.")
    return place


def query_of(visit: Visit) -> SubjectQuery:
    """Return the query in the page's address; invalid parts are ignored."""
    sort = visit.asked("sort")
    page = visit.asked("page")
    number = int(page) if page.isdigit() and len(page) < 7 else 1
    return SubjectQuery(
        visit.asked("contains"),
        visit.asked("site"),
        visit.asked("cohort"),
        visit.asked("stage"),
        included=_YES_NO.get(visit.asked("included")),
        live=_YES_NO.get(visit.asked("live")),
        startable=visit.asked("startable") == "yes",
        sort=sort if sort in SORTS else "subject",
        descending=visit.asked("down") == "1",
        offset=SIZE * (max(number, 1) - 1),
        size=SIZE,
    )


def show_project(visit: Visit) -> Response:
    """Show the list."""
    place, query = place_of(visit), query_of(visit)
    found = visit.repo.subjects(place.name, query)
    return visit.show(
        "project",
        place=place,
        query=query,
        found=found,
        rows=[_row(seen) for seen in found.views],
        asked={name: visit.asked(name) for name in FILTERS},
        heads=[(name.capitalize(), name, _address(visit, query, name)) for name in SORTS],
        pages=_pages(visit, query, found.total),
    )


def _row(seen: SubjectView) -> dict[str, Any]:
    titles = {task.name: task.title for task in seen.tasks}
    marks = seen.progress or tuple((task.name, task.status) for task in seen.tasks)
    return {"seen": seen, "marks": [(status, f"{titles.get(name, name)}: {status}") for name, status in marks]}


def _told(visit: Visit, query: SubjectQuery) -> dict[str, str]:
    told = {name: visit.asked(name) for name in FILTERS if visit.asked(name)}
    order = {"sort": query.sort} if query.sort != "subject" else {}
    return told | order | ({"down": "1"} if query.descending else {})


def _address(visit: Visit, query: SubjectQuery, column: str) -> str:
    """Return the address of the list sorted by a column; by the current one, in reverse."""
    down = query.sort == column and not query.descending
    return "?" + urlencode(_told(visit, replace(query, sort=column, descending=down)))


def _pages(visit: Visit, query: SubjectQuery, total: int) -> dict[str, str]:
    """Return the addresses of the previous and next pages, if any."""
    number, told = query.offset // SIZE + 1, _told(visit, query)
    last = max(-(-total // SIZE), 1)
    around = {"Before": number - 1, "Next": number + 1}
    shown = {title: "?" + urlencode({**told, "page": at}) for title, at in around.items() if 1 <= at <= last}
    return {**shown, "said": f"Page {number} of {last}, {total} subjects"}
