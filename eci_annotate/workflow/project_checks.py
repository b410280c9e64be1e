"""Checks against a whole project: the sites that subjects can belong to, and whom a certificate may name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eci_annotate.errors import Refused, Untrusted
from eci_annotate.workflow.actor import (
    ALL_SITES,
    EVERYWHERE,
    MAY,
    ROLES,
    SERVICE_MEMBER,
    SERVICE_ROLE,
    Actor,
    Permission,
)
from eci_annotate.workflow.trust.certificates import check_certificate, common_name, load, public_pem

if TYPE_CHECKING:
    from eci_annotate.workflow.project import Project


def check_site(state: Project, site: str) -> str:
    """Return `site` if subjects of it can be worked on in the project; raises Refused otherwise.

    That is a site of the project or of a member, exactly as it is written there; or any site, if somebody who is
    no owner or auditor works on the subjects of all sites.
    """
    members = [each for each in state.members.values() if each.roles]
    sites = {state.site, *(each.site for each in members), *(s for m in members for s in m.sites)}
    if site in sites:
        return site
    same = next((each for each in sorted(sites) if each.casefold() == site.casefold()), "")
    if same:
        raise Refused(f"The project has no site {site!r}.", f"Write it as {same!r}.")
    if any(ALL_SITES in each.sites and set(each.roles) - EVERYWHERE for each in members):
        return site
    raise Refused(
        f"Nobody works on subjects of a site {site!r}.", f"Sites are {', '.join(sorted(sites - {ALL_SITES, ''}))}."
    )


def check_unlike(name: str, known: Iterable[str], what: str) -> None:
    """Refuse a name that differs from a known one in upper and lower case only: people would take one for the other."""
    same = next((each for each in sorted(known) if each != name and each.casefold() == name.casefold()), "")
    if same:
        raise Refused(f"There is a {what} {same!r} already.", f"Write {same!r}, or choose another name.")


def check_distinct(state: Project, sites: Iterable[str], member: str = "") -> None:
    """Refuse a new member, and sites, whose names look like known ones."""
    check_unlike(member, state.members, "member")
    known = {state.site, *(site for each in state.members.values() for site in (each.site, *each.sites))}
    for site in sorted(set(sites) - known):
        check_unlike(site, known, "site")


def check_names(certificate: str, name: str, state: Project) -> None:
    """Refuse a certificate of somebody else: the project's own authority certifies members by their names here.

    An institution certifies people by their own names, so that only a name or key of another member can be recognised.
    """
    named, key = common_name(certificate), public_pem(certificate)
    own = state.authorities[:1]
    others = [each for each in state.members.values() if each.name != name]
    taken = any(public_pem(pem) == key for each in others for pem, _ in each.certificates)
    if taken or any(each.name == named for each in others) or (_is_from(certificate, own) and named != name):
        raise Refused(f"The certificate does not name {name!r}.", "Give the member's own certificate.")


def _is_from(certificate: str, anchors: tuple[str, ...]) -> bool:
    try:
        check_certificate(certificate, anchors, load(certificate).not_valid_before_utc)
    except Untrusted:
        return False
    return True


def check_service_role(name: str, roles: tuple[str, ...]) -> None:
    """Refuse the service's role for a person, and another role for the service."""
    if name == SERVICE_MEMBER and set(roles) - {SERVICE_ROLE}:
        raise Refused(f"{name!r} is the service, and does derived tasks only.", "Give the role to a person.")
    if name != SERVICE_MEMBER and SERVICE_ROLE in roles:
        raise Refused("The role 'service' is the service's own.", "Choose another role.")


def check_may_give(project: str, roles: tuple[str, ...], site: str, sites: tuple[str, ...], actor: Actor) -> None:
    """Refuse unless an owner gives any role, or a site administrator a role for their site that sees no more."""
    if unknown := [role for role in roles if role not in ROLES]:
        raise Refused(f"Unknown role {unknown[0]!r}.", f"Roles are {', '.join(ROLES)}.")
    if actor.may(Permission.ADMINISTER, project):
        return
    near = site == actor.site and all(each == actor.site for each in sites) and ALL_SITES not in sites
    high = any(role in EVERYWHERE or Permission.ADMINISTER_SITE in MAY[role] for role in roles)
    if not (actor.may(Permission.ADMINISTER_SITE, project, site) and near) or high:
        raise Refused(f"You may not give these roles in {project!r}.", "Ask its owner.")
