"""Members of a project: roles and sites, new members by their name on the hub, one-time codes for signing."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError, Refused
from eci_annotate.hub.background.notices import Notice
from eci_annotate.hub.background.notifier import tell_person
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.workflow.actor import ALL_SITES, PERSON_ROLES, Permission, Role
from eci_annotate.workflow.subject.commands import ChangeMember
from eci_annotate.workflow.subject.lease import to_minute


def show_members(visit: Visit, problem: EciError | None = None, code: tuple[str, str, str] | None = None) -> Response:
    """Show the members, and the forms to change them."""
    place, actor = _place(visit), visit.repo.account.actor
    book = visit.desk.factors
    whole = actor.may(Permission.ADMINISTER, place.name)
    members = [each for each in visit.repo.account.members(place.name) if whole or each.site == actor.site]
    return visit.show(
        "members",
        status=403 if problem else 200,
        place=place,
        members=[(each, book.of(each.name).has_any) for each in members],
        roles=PERSON_ROLES,
        site=actor.site,
        token=visit.token("members", place.name),
        problem=problem,
        code=code,
    )


def _place(visit: Visit) -> ProjectPage:
    return allowed_place(visit, "see the members", Permission.ADMINISTER, Permission.ADMINISTER_SITE)


def change_members(visit: Visit) -> Response:
    """Add a member, change one, or issue a code."""
    place = _place(visit)
    visit.check("members", place.name)
    try:
        with visit.refusals("Members"):
            return _changed(visit, place)
    except EciError as error:
        return show_members(visit, error)


def _changed(visit: Visit, place: ProjectPage) -> Response:
    match visit.asked("do"):
        case "add":
            return show_members(visit, code=_add(visit, place))
        case "change":
            visit.repo.do(ChangeMember(place.name, visit.asked("name"), _roles(visit), _sites(visit)))
        case "code":
            return show_members(visit, code=_code(visit, place, visit.asked("name")))
    return visit.back(f"projects/{place.name}/members")


def _roles(visit: Visit) -> tuple[str, ...]:
    return tuple(role for role in PERSON_ROLES if role in visit.all("role"))


def _sites(visit: Visit) -> tuple[str, ...]:
    words = visit.asked("sites").replace(",", " ").split()
    return (ALL_SITES,) if ALL_SITES in words else tuple(words)


def _add(visit: Visit, place: ProjectPage) -> tuple[str, str, str]:
    name, actor, members = visit.asked("name"), visit.repo.account.actor, visit.desk.service.members
    if not _roles(visit):
        raise Refused("A member needs a role.", "Choose one or more.")
    with visit.repo.noting(ChangeMember(place.name, name, _roles(visit), _sites(visit))):
        site = visit.asked("site") or actor.site
        members.add(actor, place.name, name, roles=_roles(visit), site=site, sites=_sites(visit))
    return _given(visit, place, name)


def _code(visit: Visit, place: ProjectPage, name: str) -> tuple[str, str, str]:
    """Return a code for a member; a site administrator issues codes to members of their site without higher roles."""
    actor = visit.repo.account.actor
    member = next((each for each in visit.repo.account.members(place.name) if each.name == name), None)
    if member is None:
        raise Refused("Member not found.", "Choose a member from the list.")
    if not actor.may(Permission.ADMINISTER, place.name) and (member.site != actor.site or _is_high(member.roles)):
        raise Refused("You may not give this member a code.", "Ask the project's owner.")
    return _given(visit, place, name)


def _is_high(roles: tuple[str, ...]) -> bool:
    return bool({Role.OWNER, Role.AUDITOR, Role.SITE_ADMINISTRATOR} & set(roles))


def _given(visit: Visit, place: ProjectPage, name: str) -> tuple[str, str, str]:
    by, owner = visit.repo.account.actor.name, visit.repo.account.actor.may(Permission.ADMINISTER, place.name)
    code, start = visit.desk.factors.give_code(name, by, owner=owner)
    since = f", counts from {to_minute(start)} UTC" if start else ""
    visit.repo.trail.note("code.1", place.name, "", f"one-time code for {name}{since}")
    tell_person(visit.desk.service, Notice("code", place.name, "", "", "Your signature", name, f"{by}{since}"))
    return name, code, to_minute(start) if start else ""
