"""Who acts: name, site, roles per project, session, and how surely we know it. Always from a credential.

`MAY` is the one table of what a role may do and see; `decide` and `view` both ask it and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

OS_USER, KEY, HUB = "os-user", "key", "hub"
ALL_SITES = "*"

# What each word allows. Doing a task itself is not here: the pipeline names the roles of each task.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "administer": "use case, members of every site, moving subjects to another use case",
        "administer site": "members of the own site, in roles that see no more than the own site",
        "ingest": "take subjects and images in",
        "describe": "include or exclude a subject, set its cohort, live or test",
        "attach": "attach data layers",
        "assign": "say who is to do a task",
        "take over": "take a task from its holder, or end his lease",
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
        "site-administrator": frozenset({"administer site", "see pipeline"}),
        "auditor": frozenset({"see pipeline", "see signed", "see blinded", "audit"}),
    }
)
ROLES = tuple(MAY)
EVERYWHERE = frozenset({"owner", "auditor"})  # these roles are not bound to sites
SIGNED_ONLY = frozenset({"developer"})  # see a subject only once something of it is signed


@dataclass(frozen=True)
class Actor:
    """Somebody with a credential, in one session.

    Parameters
    ----------
    name, site
        As the project's members list has them.
    roles
        Project name to role names.
    assurance
        ``os-user``, ``key`` or ``hub``: how surely we know who it is.
    session
        One opening of the repository by one process; two notebooks of a person are two sessions.
    where
        From where the command came: a machine's name, or addresses. Only the audit trail tells it.
    sites
        Project name to the sites whose subjects the actor works on; ``*`` is all, nothing given is the own site.
    """

    name: str
    site: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assurance: str = KEY
    session: str = ""
    sites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    where: str = ""

    def roles_at(self, project: str, site: str | None) -> tuple[str, ...]:
        """The actor's roles that count for subjects of `site` (None: of any site)."""
        reach = self.sites.get(project) or (self.site,)
        near = site is None or site in reach or ALL_SITES in reach
        return tuple(role for role in self.roles.get(project, ()) if near or role in EVERYWHERE)

    def may(self, what: str, project: str, site: str | None = None) -> bool:
        """Whether any of the actor's roles allows `what` (a word of `WORDS`) for subjects of `site`."""
        return any(what in MAY.get(role, ()) for role in self.roles_at(project, site))

    def has_role(self, project: str, wanted: tuple[str, ...], site: str | None = None) -> bool:
        """Whether the actor has one of the `wanted` roles for subjects of `site`."""
        return any(role in wanted for role in self.roles_at(project, site))
