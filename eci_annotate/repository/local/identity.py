"""How a backend knows who acts, and what opens the key that signs: `Identity`, and the one of a key file."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from eci_annotate.errors import NoIdentity
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.keys.signing_keys import Signer, needs_secret, open_signing_key
from eci_annotate.workflow.actor import Actor, Assurance
from eci_annotate.workflow.project import Member, Project
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.trust.rsa_keys import Credential

HERE = socket.gethostname()
WHENCE: ContextVar[str] = ContextVar("whence", default=HERE)  # a service sets it for each request


class Identity(Protocol):
    """Somebody who was recognised, in one session."""

    def actor(self, projects: Mapping[str, Project]) -> Actor:
        """Who that is in these projects; NoIdentity when it is no member of any."""

    def asks_secret(self, actor: Actor) -> bool:
        """Whether signing asks for the signer's own secret."""

    def signer(self, command: Sign, actor: Actor) -> Signer:
        """The opened key that signs; refuses when the person did not confirm this signature."""


def actor_of(members: Mapping[str, Member], assurance: Assurance, session: str) -> Actor:
    """The actor who is this member of each project; `members` by project, at least one."""
    first = next(iter(members.values()))
    roles = {name: member.roles for name, member in members.items()}
    sites = {name: member.sites for name, member in members.items()}
    return Actor(first.name, first.site, roles, assurance, session, sites, WHENCE.get())


@dataclass(frozen=True)
class KeyIdentity:
    """Who holds a member's key file; the signing key lies in the repository, encrypted."""

    layout: Layout
    credential: Credential
    session: str

    def actor(self, projects: Mapping[str, Project]) -> Actor:
        """The member whose public key fits the credential."""
        mark = self.credential.fingerprint
        known = {name: project.member_with_key(mark) for name, project in projects.items()}
        mine = {name: member for name, member in known.items() if member is not None}
        if not mine:
            raise NoIdentity("The key file is no member's.", "Ask the owner: eci-annotate member add NAME")
        return actor_of(mine, Assurance.KEY, self.session)

    def asks_secret(self, actor: Actor) -> bool:
        """Whether the signing key is closed by a secret of its own."""
        return needs_secret(self.layout, actor.name)

    def signer(self, command: Sign, actor: Actor) -> Signer:
        """The member's signing key, opened by the secret or the credential."""
        return open_signing_key(self.layout, actor.name, self.credential, command.secret)
