"""Who acts: name, site, roles per project, session, and how surely we know it. Always from a credential.

`MAY` is the one table of what a role may do and see; `decide` and `view` both ask it and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

OS_USER, KEY, HUB = "os-user", "key", "hub"

MAY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "owner": frozenset({"administer", "ingest", "take over", "see pipeline", "see signed", "see images", "export"}),
        "annotator": frozenset({"annotate", "see images", "see own signed", "export"}),
        "reviewer": frozenset({"review", "see images", "see signed", "export"}),
    }
)
ROLES = tuple(MAY)


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
    """

    name: str
    site: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assurance: str = KEY
    session: str = ""

    def may(self, what: str, project: str) -> bool:
        """Whether any of the actor's roles in `project` allows `what` (a word of the table `MAY`)."""
        return any(what in MAY.get(role, ()) for role in self.roles.get(project, ()))

    def has_role(self, project: str, wanted: tuple[str, ...]) -> bool:
        """Whether the actor has one of the `wanted` roles in `project`."""
        return any(role in wanted for role in self.roles.get(project, ()))
