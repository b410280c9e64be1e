"""One subject: its tasks with holder and versions, and the actions that the user's role permits."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from eci_annotate.errors import Refused
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import place_of
from eci_annotate.hub.signing.confirmations import ask_person
from eci_annotate.repository.analysis.readiness import why_not_ready
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.commands import Assign, Command, Describe, EndLease, Reopen, Withdraw

OFFERED = (
    Permission.DESCRIBE,
    Permission.ASSIGN,
    Permission.TAKE_OVER,
    Permission.REOPEN,
    Permission.WITHDRAW,
)
_YES_NO: dict[str, bool | None] = {"yes": True, "no": False}


def show_subject(visit: Visit) -> Response:
    """Show the subject, as the user may see it."""
    place = place_of(visit)
    seen = visit.repo.subject(place.name, visit.path("subject"))
    actor = visit.repo.account.actor
    may = {each: actor.may(each, place.name, seen.site) for each in OFFERED}
    members = visit.repo.account.members(place.name) if may[Permission.ASSIGN] else []
    readers = [member.name for member in members if member.roles]
    sees_all = actor.may(Permission.SEE_PIPELINE, place.name, seen.site)
    why = why_not_ready(seen, visit.repo.account.use_case(place.name, seen.use_case)).splitlines() if sees_all else []
    token = visit.token("subject", seen.subject)
    return visit.show("subject", place=place, seen=seen, may=may, readers=readers, token=token, why=why)


def change_subject(visit: Visit) -> Response:
    """Execute the action of a form; the workflow decides whether it is allowed."""
    project, subject = visit.path("project"), visit.path("subject")
    visit.check("subject", subject)
    act = _ACTS.get(visit.asked("do"))
    if act is None:
        raise Refused("Unknown action.", "Use the buttons of the page.")
    command = act(visit, project, subject)
    if isinstance(command, Withdraw):  # nothing brings the content back: it is confirmed by a PIN or a passkey
        return visit.back(f"confirm/{ask_person(visit.desk, visit.repo, command).digest}")
    visit.repo.do(command)
    return visit.back(f"projects/{project}/subjects/{subject}")


def _describe(visit: Visit, project: str, subject: str) -> Command:
    return Describe(
        project,
        subject,
        _YES_NO.get(visit.asked("included")),
        _YES_NO.get(visit.asked("live")),
        visit.asked("cohort"),
        visit.asked("reason"),
    )


_ACTS: dict[str, Callable[[Visit, str, str], Command]] = {
    "describe": _describe,
    "end lease": lambda visit, project, subject: EndLease(project, subject, visit.asked("task")),
    "assign": lambda visit, project, subject: Assign(project, subject, visit.asked("task"), visit.asked("member")),
    "reopen": lambda visit, project, subject: Reopen(project, subject, visit.asked("task"), visit.asked("reason")),
    "withdraw": lambda visit, project, subject: Withdraw(project, subject, visit.asked("reason")),
}
