"""Members that are no persons: a site's proxy, and the service itself. The service holds their signing keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eci_annotate.errors import NoIdentity
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.keys.service_keys import service_signing_key
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.identity import actor_of
from eci_annotate.workflow.actor import Actor, Assurance
from eci_annotate.workflow.project import Project
from eci_annotate.workflow.subject.commands import Sign


@dataclass(frozen=True)
class HeldIdentity:
    """A member whose key the service holds and uses without asking; `lost` is raised where it has no role."""

    layout: Layout
    name: str
    assurance: Assurance
    session: str
    lost: NoIdentity

    def actor(self, projects: Mapping[str, Project]) -> Actor:
        """Return the member of this name in each project."""
        mine = {name: each.members[self.name] for name, each in projects.items() if self.name in each.members}
        mine = {name: member for name, member in mine.items() if member.roles}
        if not mine:
            raise self.lost
        return actor_of(mine, self.assurance, self.session)

    def asks_secret(self, actor: Actor) -> bool:
        """Return False: the service holds the key."""
        return False

    def signer(self, command: Sign, actor: Actor) -> Signer:
        """Return the key that the service holds for the member."""
        return Signer(service_signing_key(self.layout, self.name), self.assurance)
