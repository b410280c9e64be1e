"""The actor: name, site, roles per project, session, and how reliably they are identified. Always from a credential.

`MAY` is the single table of what a role may do and see; `decide` and `view` both use it and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Assurance(StrEnum):
    """How the identity of an actor was established."""

    OS_USER = "os-user"
    KEY = "key"
    HUB = "hub"
    SITE = "site"
    SERVICE = "service"


class Role(StrEnum):
    """What a member is in a project."""

    OWNER = "owner"
    DATA_MANAGER = "data-manager"
    SUPER_USER = "super-user"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ADJUDICATOR = "adjudicator"
    DEVELOPER = "developer"
    SERVICE = "service"
    SITE_ADMINISTRATOR = "site-administrator"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What roles allow. Doing a task is not listed: the pipeline names the roles of each task."""

    ADMINISTER = "administer"  # use case, members of every site, moving subjects to another use case
    ADMINISTER_SITE = "administer site"  # members of the own site, in roles that see no more than the own site
    INGEST = "ingest"  # take subjects and images in
    DESCRIBE = "describe"  # include or exclude a subject, set its cohort, live or test
    ATTACH = "attach"  # attach data layers
    ASSIGN = "assign"  # say who is to do a task
    TAKE_OVER = "take over"  # take a task from its holder, or end a lease
    REOPEN = "reopen"  # ask for a next version of what is accepted
    WITHDRAW = "withdraw"  # carry out a withdrawal of consent
    SEE_PIPELINE = "see pipeline"  # every subject, every task and who holds it
    SEE_SIGNED = "see signed"  # every signed version
    SEE_OWN_SIGNED = "see own signed"  # the versions that one signed oneself
    SEE_BLINDED = "see blinded"  # signed readings before the blinding of a task ends
    SEE_IMAGES = "see images"  # images and data layers
    EXPORT = "export"  # write what one may see to files
    AUDIT = "audit"  # search and export the audit trail


ALL_SITES = "*"

MAY: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Permission) - {Permission.SEE_OWN_SIGNED},
        Role.DATA_MANAGER: frozenset(
            {
                Permission.INGEST,
                Permission.DESCRIBE,
                Permission.ATTACH,
                Permission.WITHDRAW,
                Permission.SEE_PIPELINE,
                Permission.SEE_IMAGES,
            }
        ),
        Role.SUPER_USER: frozenset(
            {
                Permission.DESCRIBE,
                Permission.ASSIGN,
                Permission.TAKE_OVER,
                Permission.REOPEN,
                Permission.SEE_PIPELINE,
                Permission.SEE_SIGNED,
                Permission.SEE_IMAGES,
            }
        ),
        Role.ANNOTATOR: frozenset({Permission.SEE_IMAGES, Permission.SEE_OWN_SIGNED, Permission.EXPORT}),
        Role.REVIEWER: frozenset({Permission.SEE_IMAGES, Permission.SEE_SIGNED, Permission.REOPEN, Permission.EXPORT}),
        Role.ADJUDICATOR: frozenset(
            {
                Permission.SEE_IMAGES,
                Permission.SEE_SIGNED,
                Permission.SEE_OWN_SIGNED,
                Permission.REOPEN,
                Permission.EXPORT,
            }
        ),
        Role.DEVELOPER: frozenset({Permission.SEE_IMAGES, Permission.SEE_SIGNED, Permission.EXPORT}),
        Role.SERVICE: frozenset({Permission.SEE_IMAGES, Permission.SEE_SIGNED}),
        Role.SITE_ADMINISTRATOR: frozenset({Permission.ADMINISTER_SITE, Permission.SEE_PIPELINE}),
        Role.AUDITOR: frozenset(
            {Permission.SEE_PIPELINE, Permission.SEE_SIGNED, Permission.SEE_BLINDED, Permission.AUDIT}
        ),
    }
)
ROLES = tuple(Role)
SERVICE_ROLE, SERVICE_MEMBER = Role.SERVICE, "eci.service"  # the program that does derived tasks, and no person
PERSON_ROLES = tuple(role for role in ROLES if role != SERVICE_ROLE)
RESERVED = ("site.", "eci.")  # names of members that are no persons begin with these
EVERYWHERE = frozenset({Role.OWNER, Role.AUDITOR, Role.SERVICE})  # these roles are not restricted to sites
SIGNED_ONLY = frozenset({Role.DEVELOPER})  # these roles see a subject only once part of it is signed


@dataclass(frozen=True)
class Actor:
    """A user with a credential, in one session.

    Parameters
    ----------
    name, site
        As given in the project's members list.
    roles
        Project name to role names.
    assurance
        How the identity was established: ``os-user``, ``key``, ``hub``, ``site`` (a credential of a site's proxy) or
        ``service`` (derived tasks).
    session
        One opening of the repository by one process; two notebooks of a user are two sessions.
    where
        Origin of the command: a machine's name, or addresses. Shown only in the audit trail.
    sites
        Project name to the sites whose subjects the actor works on; ``*`` means all, none given means their own site.
    """

    name: str
    site: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assurance: Assurance = Assurance.KEY
    session: str = ""
    sites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where: str = ""

    def roles_at(self, project: str, site: str | None) -> tuple[str, ...]:
        """Return the actor's roles that apply to subjects of `site` (None: of any site)."""
        reach = self.sites.get(project) or (self.site,)
        near = site is None or site in reach or ALL_SITES in reach
        return tuple(role for role in self.roles.get(project, ()) if near or role in EVERYWHERE)

    def may(self, what: Permission, project: str, site: str | None = None) -> bool:
        """Whether any of the actor's roles allows `what` for subjects of `site`."""
        return any(what in MAY.get(role, ()) for role in self.roles_at(project, site))

    def has_role(self, project: str, wanted: tuple[str, ...], site: str | None = None) -> bool:
        """Whether the actor has one of the `wanted` roles for subjects of `site`."""
        return any(role in wanted for role in self.roles_at(project, site))
