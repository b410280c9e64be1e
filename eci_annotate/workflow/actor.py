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


ALL_SITES = "*"

# What each permission allows. Doing a task itself is not listed: the pipeline names the roles of each task.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "administer": "use case, members of every site, moving subjects to another use case",
        "administer site": "members of the own site, in roles that see no more than the own site",
        "ingest": "take subjects and images in",
        "describe": "include or exclude a subject, set its cohort, live or test",
        "attach": "attach data layers",
        "assign": "say who is to do a task",
        "take over": "take a task from its holder, or end a lease",
        "reopen": "ask for a next version of what is accepted",
        "withdraw": "carry out a withdrawal of consent",
        "see pipeline": "every subject, every task and who holds it",
        "see signed": "every signed version",
        "see own signed": "the versions that one signed oneself",
        "see blinded": "signed readings before the blinding of a task ends",
        "see images": "images and data layers",
        "export": "write what one may see to files",
        "audit": "search and export the audit trail",
    }
)
MAY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "owner": frozenset(WORDS) - {"see own signed"},
        "data-manager": frozenset({"ingest", "describe", "attach", "withdraw", "see pipeline", "see images"}),
        "super-user": frozenset(
            {"describe", "assign", "take over", "reopen", "see pipeline", "see signed", "see images"}
        ),
        "annotator": frozenset({"see images", "see own signed", "export"}),
        "reviewer": frozenset({"see images", "see signed", "reopen", "export"}),
        "adjudicator": frozenset({"see images", "see signed", "see own signed", "reopen", "export"}),
        "developer": frozenset({"see images", "see signed", "export"}),
        "service": frozenset({"see images", "see signed"}),
        "site-administrator": frozenset({"administer site", "see pipeline"}),
        "auditor": frozenset({"see pipeline", "see signed", "see blinded", "audit"}),
    }
)
ROLES = tuple(MAY)
SERVICE_ROLE, SERVICE_MEMBER = "service", "eci.service"  # the program that does derived tasks, and no person
PERSON_ROLES = tuple(role for role in ROLES if role != SERVICE_ROLE)
RESERVED = ("site.", "eci.")  # names of members that are no persons begin with these
EVERYWHERE = frozenset({"owner", "auditor", "service"})  # these roles are not restricted to sites
SIGNED_ONLY = frozenset({"developer"})  # these roles see a subject only once part of it is signed


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

    def may(self, what: str, project: str, site: str | None = None) -> bool:
        """Whether any of the actor's roles allows `what` (a key of `WORDS`) for subjects of `site`."""
        return any(what in MAY.get(role, ()) for role in self.roles_at(project, site))

    def has_role(self, project: str, wanted: tuple[str, ...], site: str | None = None) -> bool:
        """Whether the actor has one of the `wanted` roles for subjects of `site`."""
        return any(role in wanted for role in self.roles_at(project, site))
