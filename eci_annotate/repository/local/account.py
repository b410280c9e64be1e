"""Who acts at the stores themselves, and the projects that they are a member of."""

from __future__ import annotations

from eci_annotate.errors import NotFound
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import Identity
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.project import Member, Project
from eci_annotate.workflow.series_choices import visible_choices
from eci_annotate.workflow.slot_choice import HangingChoice
from eci_annotate.workflow.subject.view import view_case
from eci_annotate.workflow.usecase.usecase import UseCase


class LocalAccount:
    """Account of the member whom an identity recognises; see `Account`."""

    def __init__(self, context: Context, identity: Identity) -> None:
        self._context, self._identity = context, identity

    @property
    def actor(self) -> Actor:
        """See `Account`."""
        return self._identity.actor(self._context.streams.projects())

    @property
    def actor_before(self) -> Actor:
        """As `actor`, by the projects that were read last; for what then demands that they are the newest."""
        return self._identity.actor(self._context.streams.known_projects())

    @property
    def asks_secret(self) -> bool:
        """See `Account`."""
        return self._identity.asks_secret(self.actor)

    def projects(self) -> list[str]:
        """See `Account`."""
        return sorted(self.actor.roles)

    def members(self, project: str) -> list[Member]:
        """See `Account`."""
        return list(self._project(project).members.values())

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """See `Account`."""
        state = self._project(project)
        if digest and digest not in state.published:
            remedy = "Use the digest of the current one, repo.use_case().digest, or have another one published first."
            raise NotFound("The project has no definition with this digest.", remedy)
        return view_case(self._context.use_case(digest or state.use_case), self.actor, project)

    def kept_series(self, project: str) -> list[HangingChoice]:
        """See `Account`."""
        return visible_choices(self._project(project).kept, self.actor, project)

    def _project(self, project: str) -> Project:
        state = self._context.streams.projects().get(project)
        if state is None or project not in self.actor.roles:
            raise NotFound("Project not found, or you do not have access to it.", "Ask its owner.")
        return state
