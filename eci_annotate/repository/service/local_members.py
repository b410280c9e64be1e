"""Members whom a hub knows, at the stores themselves."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.service_keys import add_hub_member, admit, adopt_for, rotate_for, service_signing_key
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.context import Context
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.trust.rsa_keys import PrivateKey


class LocalMembers:
    """See `HubMembers`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def factors(self) -> FactorBook:
        """See `HubMembers`."""
        return FactorBook(self._context.layout, self._context.clock)

    def add(
        self,
        actor: Actor,
        project: str,
        member: str,
        *,
        roles: tuple[str, ...],
        site: str,
        sites: tuple[str, ...] = (),
    ) -> None:
        """See `HubMembers`."""
        add_hub_member(self._context, actor, project, member, roles=roles, site=site, sites=sites)

    def admit(self, actor: Actor, project: str, member: str) -> None:
        """See `HubMembers`."""
        admit(self._context, actor, project, member)

    def rotate(self, actor: Actor, projects: Sequence[str], member: str) -> PrivateKey:
        """See `HubMembers`."""
        return rotate_for(self._context, actor, projects, member)

    def adopt(self, actor: Actor, projects: Sequence[str], member: str, certificate: str, key: PrivateKey) -> None:
        """See `HubMembers`."""
        adopt_for(self._context, actor, projects, member, certificate, key)

    def signer(self, member: str, factor: str, content: str = "") -> Signer:
        """See `HubMembers`."""
        return Signer(service_signing_key(self._context.layout, member), factor, content)
