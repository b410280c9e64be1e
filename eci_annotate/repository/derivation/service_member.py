"""The service as a member of a project: it does derived tasks, with a signing key that it holds itself."""

from __future__ import annotations

from eci_annotate.errors import NoIdentity
from eci_annotate.repository.keys.held_identity import HeldIdentity
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.repository.keys.service_keys import add_hub_member
from eci_annotate.repository.local.context import Context
from eci_annotate.workflow.actor import ALL_SITES, SERVICE_MEMBER, SERVICE_ROLE, Actor, Assurance
from eci_annotate.workflow.usecase.pipeline import TaskKind
from eci_annotate.workflow.usecase.usecase import UseCase


def service_identity(layout: Layout) -> HeldIdentity:
    """Return the identity of the service in the projects that have it as a member."""
    lost = NoIdentity("The service is a member of no project.", "Its owner runs: eci-annotate project derive FOLDER")
    return HeldIdentity(layout, SERVICE_MEMBER, Assurance.SERVICE, "derived", lost)


def needs_service(case: UseCase) -> bool:
    """Whether a use case has derived tasks."""
    return any(task.kind == TaskKind.DERIVE for task in case.pipeline)


def admit_service(context: Context, actor: Actor, project: str, case: UseCase) -> bool:
    """Make the service a member of a project whose use case needs it, where it is enabled; whether it was made one.

    Raises
    ------
    Refused
        The actor does not own the project.
    """
    known = context.streams.projects()[project].members
    if not needs_service(case) or SERVICE_MEMBER in known or not context.layout.service_secret.exists():
        return False
    roles, sites = (SERVICE_ROLE,), (ALL_SITES,)
    add_hub_member(context, actor, project, SERVICE_MEMBER, roles=roles, site=actor.site, sites=sites)
    return True


def served_projects(context: Context) -> list[str]:
    """Return the names of the projects that have the service as a member."""
    known = {name: each.members.get(SERVICE_MEMBER) for name, each in context.streams.projects().items()}
    return [name for name, member in known.items() if member is not None and member.roles]
