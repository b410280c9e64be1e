"""Two lists: active leases, and the audit trail with search."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import allowed_place, place_of
from eci_annotate.repository.service.values import AuditQuery
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.state import TaskStatus
from eci_annotate.workflow.subject.view import SubjectView, TaskView

MOST_LEASES, AUDIT_SIZE = 500, 100


def show_leases(visit: Visit) -> Response:
    """Show the holder and end of each lease, with a button for those who may end it."""
    place, actor = allowed_place(visit, "list leases", Permission.SEE_PIPELINE), visit.repo.account.actor
    rows: list[tuple[SubjectView, TaskView, bool, str]] = []
    for seen in visit.repo.leased(place.name, MOST_LEASES):
        may = actor.may(Permission.TAKE_OVER, place.name, seen.site)
        rows += [
            (seen, task, may, visit.token("subject", seen.subject))
            for task in seen.tasks
            if task.status == TaskStatus.OPEN
        ]
    return visit.show("leases", place=place, rows=rows)


def show_audit(visit: Visit) -> Response:
    """Show the newest matching rows, and a link to older ones."""
    place = place_of(visit)
    asked = {name: visit.asked(name) for name in ("subject", "by", "what", "since", "until")}
    with visit.desk.allowance.heavy(visit.repo.account.actor.name):
        page = visit.repo.trail.audit_page(AuditQuery(place.name, **asked), AUDIT_SIZE, visit.asked("older"))
    older = urlencode({name: value for name, value in asked.items() if value} | {"older": page.older})
    first = not visit.asked("older")
    return visit.show("audit", place=place, asked=asked, page=page, older=older, first=first, size=AUDIT_SIZE)
