"""Open another project in a repository, where an owner of one becomes the owner of the next; publish a use case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from eci_annotate.errors import Refused, Untrusted
from eci_annotate.repository.admin.create import FOUNDER
from eci_annotate.repository.derivation.service_member import admit_service
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.command_handler import do_project
from eci_annotate.workflow.actor import ALL_SITES, Actor, Permission
from eci_annotate.workflow.project import Member, Project, check_name
from eci_annotate.workflow.subject.commands import AddMember, EnrolCertificate, OpenProject, Publish, TrustAuthority
from eci_annotate.workflow.trust.certificates import check_certificate, public_pem
from eci_annotate.workflow.trust.rsa_keys import fingerprint
from eci_annotate.workflow.usecase.usecase import UseCase


def owned_project(backend: LocalBackend) -> Project:
    """Return a project that the actor owns; raises Refused if there is none."""
    actor, projects = backend.account.actor, backend.context.streams.projects()
    for name in sorted(actor.roles):
        if actor.may(Permission.ADMINISTER, name):
            return projects[name]
    raise Refused("You may not open projects here.", "Ask an owner of a project of this repository.")


def new_project(backend: LocalBackend, name: str, case: UseCase) -> None:
    """Open a project for a use case; the actor becomes its owner, with the keys that they sign with already.

    What was interrupted is finished by calling it again.

    Parameters
    ----------
    backend
        The repository, as an owner of one of its projects opened it.
    name
        Letters, digits, ``_``, ``-`` and ``.``.
    case
        The use case to publish in it.

    Raises
    ------
    Refused
        The actor owns no project, or the name is taken or not allowed.
    """
    with backend.refusals("Open a project", next(iter(backend.account.actor.roles), "")):
        first, context, founder = owned_project(backend), backend.context, backend.account.actor
        known = context.streams.projects().get(check_name(name), Project())
        if known.use_case or (known.members and founder.name not in known.members):
            raise Refused(f"A project {name!r} exists already.", "Choose another name.")
    actor = replace(founder, roles={**founder.roles, name: FOUNDER}, sites={**founder.sites, name: (ALL_SITES,)})
    if not known.name:
        do_project(context, OpenProject(name, actor.site, first.authorities[0]), actor)
    if not known.members:
        _enter(backend, name, first, actor)
    do_project(context, Publish(name, case.name, context.blobs.put(case.blob)), actor)
    admit_service(context, actor, name, case)


def publish(backend: LocalBackend, project: str, case: UseCase) -> None:
    """Publish a use case in a project, for its owner; subjects that are enrolled later follow it."""
    backend.do(Publish(project, case.name, backend.context.blobs.put(case.blob)))
    admit_for_derived(backend, project)


def admit_for_derived(backend: LocalBackend, project: str) -> bool:
    """Make the service a member of a project that has derived tasks, for its owner; whether it was made one."""
    case = backend.account.use_case(project)
    return admit_service(backend.context, backend.account.actor, project, case)


def _enter(backend: LocalBackend, name: str, first: Project, actor: Actor) -> None:
    """Make the actor the first member, with the keys that the other project knows of them."""
    member, context = first.members[actor.name], backend.context
    for authority in first.authorities[1:]:
        do_project(context, TrustAuthority(name, authority), actor)
    certificates = [pem for pem, _ in member.certificates if _is_valid(first, member, pem, context.clock())]
    newest = certificates[-1] if certificates else ""
    do_project(context, AddMember(name, actor.name, actor.site, FOUNDER, member.key, (ALL_SITES,), newest), actor)
    for certificate in certificates[:-1]:
        do_project(context, EnrolCertificate(name, actor.name, certificate), actor)


def _is_valid(project: Project, member: Member, certificate: str, now: datetime) -> bool:
    """Whether signatures with a certificate are valid now."""
    try:
        check_certificate(certificate, project.authorities, now)
    except Untrusted:
        return False
    return fingerprint(public_pem(certificate)) not in member.revoked
