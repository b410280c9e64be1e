"""A project is an event stream too: its use case, its members, and the authorities that make signatures valid.

The first member is added to an empty project; afterwards only members with the permission to administer add others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from eci_annotate.errors import NotFound, Refused, Tampered, Untrusted
from eci_annotate.workflow.actor import ALL_SITES, Actor, Permission, Role
from eci_annotate.workflow.project_checks import check_distinct, check_may_give, check_names, check_service_role
from eci_annotate.workflow.series_choices import ChoiceCommand, Choices, decide_choice, evolve_choices
from eci_annotate.workflow.subject.commands import (
    AcceptIdentified,
    AddMember,
    ChangeMember,
    EnrolCertificate,
    OpenProject,
    Publish,
    RevokeCertificate,
    TrustAuthority,
)
from eci_annotate.workflow.subject.events import (
    AuthorityTrusted,
    CertificateEnrolled,
    CertificateRevoked,
    Event,
    IdentifiedAccepted,
    MemberAdded,
    MemberChanged,
    ProjectOpened,
    ProposalSettled,
    SeriesDropped,
    SeriesKept,
    UseCasePublished,
    VersionSigned,
    who,
)
from eci_annotate.workflow.trust.certificates import check_certificate, load, public_pem
from eci_annotate.workflow.trust.rsa_keys import check_signature, fingerprint

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True)
class Member:
    """A project member: roles, sites, the identifying key, and their certificates with start and end of validity."""

    name: str
    site: str
    roles: tuple[str, ...]
    key: str
    sites: tuple[str, ...] = ()
    certificates: tuple[tuple[str, datetime], ...] = ()
    revoked: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def certificate(self) -> str:
        """The newest certificate (PEM), or an empty string."""
        return self.certificates[-1][0] if self.certificates else ""

    def certificate_of(self, mark: str, at: datetime) -> str:
        """Return the certificate of the key with this fingerprint, valid `at` that time; raises Untrusted if none."""
        for pem, since in self.certificates:
            if fingerprint(public_pem(pem)) == mark and since <= at:
                if mark in self.revoked and self.revoked[mark] <= at:
                    raise Untrusted("The signer's certificate had been revoked.", "Sign again with a valid one.")
                return pem
        raise Untrusted("It is signed with a key that is not the member's.", "Restore it from a backup.")


@dataclass(frozen=True)
class Project:
    """The work of one use case: site, use case, members by name, trusted authorities (PEM), all its past use cases."""

    name: str = ""
    site: str = ""
    use_case: str = ""
    members: Mapping[str, Member] = field(default_factory=dict)
    authorities: tuple[str, ...] = ()
    published: frozenset[str] = frozenset()
    accepts_identified: bool = False
    kept: Choices = ()

    def member_with_key(self, mark: str) -> Member | None:
        """Return the active member whose identifying key has this fingerprint."""
        active = (each for each in self.members.values() if each.roles and each.key)
        return next((each for each in active if fingerprint(each.key) == mark), None)

    def certificate_of(self, name: str, mark: str, at: datetime, anchors: Iterable[str] = ()) -> str:
        """Return the certificate of a member's key (fingerprint), valid `at` that time; raises Untrusted if none.

        Parameters
        ----------
        name
            Name of the member.
        mark
            Fingerprint of the key.
        at
            Time at which the certificate must have been valid.
        anchors
            Trusted authorities (PEM); by default the project's own.
        """
        member = self.members.get(name)
        if member is None:
            raise Untrusted("It is signed by somebody who is no member.", "Restore it from a backup.")
        certificate = member.certificate_of(mark, at)
        check_certificate(certificate, tuple(anchors) or self.authorities, at)
        return certificate

    def check_signed(self, signed: VersionSigned, anchors: Iterable[str] = ()) -> None:
        """Raise Untrusted or Tampered unless a certified member signed it; `anchors` replace the project's own."""
        certificate = self.certificate_of(signed.by, signed.key, signed.at, anchors)
        check_signature(public_pem(certificate), signed.seal, signed.signature)


def evolve_project(event: Event, state: Project) -> Project:
    """Return the project after the event."""
    match event:
        case ProjectOpened():
            return Project(event.project, event.site, authorities=(event.authority,) if event.authority else ())
        case AuthorityTrusted():
            return replace(state, authorities=(*state.authorities, event.certificate))
        case UseCasePublished():
            return replace(state, use_case=event.use_case, published=state.published | {event.use_case})
        case MemberAdded():
            held = ((event.certificate, event.at),) if event.certificate else ()
            return _with(state, Member(event.name, event.site, event.roles, event.key, event.sites, held))
        case MemberChanged():
            return _with(state, replace(state.members[event.name], roles=event.roles, sites=event.sites))
        case CertificateEnrolled():
            member = state.members[event.name]
            return _with(state, replace(member, certificates=(*member.certificates, (event.certificate, event.at))))
        case CertificateRevoked():
            member = state.members[event.name]
            return _with(state, replace(member, revoked={**member.revoked, event.key: event.at}))
        case IdentifiedAccepted():
            return replace(state, accepts_identified=event.accepted)
        case SeriesKept() | SeriesDropped() | ProposalSettled():
            return replace(state, kept=evolve_choices(event, state.kept))
    raise Tampered("A project's stream holds an event of another kind.", "Restore it from a backup.")


def _with(state: Project, member: Member) -> Project:
    return replace(state, members={**state.members, member.name: member})


def fold_project(events: Iterable[Event]) -> Project:
    """Return the project after all of its events."""
    return reduce(lambda state, event: evolve_project(event, state), events, Project())


ProjectCommand = (
    OpenProject
    | Publish
    | AddMember
    | ChangeMember
    | EnrolCertificate
    | RevokeCertificate
    | TrustAuthority
    | AcceptIdentified
    | ChoiceCommand
)


def decide_project(command: ProjectCommand, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    """Return the events that a command produces; raises Refused if it is not allowed.

    Parameters
    ----------
    command
        The request.
    state
        The project, folded from its events.
    actor
        The user on whose behalf the command runs.
    now
        Current time (UTC).
    """
    match command:
        case OpenProject():
            return (_open(command, state, actor, now),)
        case Publish():
            _check_administers(command.project, state, actor)
            return (UseCasePublished(**who(actor, now), name=command.name, use_case=command.use_case),)
        case AddMember():
            return (_add(command, state, actor, now),)
        case ChangeMember():
            return _change(command, state, actor, now)
        case EnrolCertificate():
            return _enrol(command, state, actor, now)
        case RevokeCertificate():
            return _revoke(command, state, actor, now)
        case TrustAuthority():
            _check_administers(command.project, state, actor)
            load(command.certificate)
            known = command.certificate in state.authorities
            return () if known else (AuthorityTrusted(**who(actor, now), certificate=command.certificate),)
        case AcceptIdentified():
            return _accept(command, state, actor, now)
        case _:
            return decide_choice(command, state.kept, actor, now)


def _accept(command: AcceptIdentified, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    _check_administers(command.project, state, actor)
    if not command.reason.strip():
        raise Refused("This decision needs a reason.", "Say why: --reason '...'.")
    if command.accepted == state.accepts_identified:
        return ()
    return (IdentifiedAccepted(**who(actor, now), accepted=command.accepted, reason=command.reason),)


def _open(command: OpenProject, state: Project, actor: Actor, now: datetime) -> Event:
    if state.name:
        raise Refused(f"A project {command.project!r} exists already.", "Choose another name.")
    check_name(command.project)
    return ProjectOpened(**who(actor, now), project=command.project, site=command.site, authority=command.authority)


def _add(command: AddMember, state: Project, actor: Actor, now: datetime) -> Event:
    if state.members:
        check_may_give(command.project, command.roles, command.site, command.sites, actor)
    if command.name in state.members:
        raise Refused(f"{command.name!r} is a member already.", "Choose another name, or change the roles.")
    for name in (command.name, command.site, *(each for each in command.sites if each != ALL_SITES)):
        check_name(name)
    check_distinct(state, (command.site, *command.sites), command.name)
    check_service_role(command.name, command.roles)
    if command.key:
        fingerprint(command.key)
    if command.certificate:
        check_certificate(command.certificate, state.authorities, now)
        check_names(command.certificate, command.name, state)
    return MemberAdded(
        **who(actor, now),
        name=command.name,
        site=command.site,
        roles=command.roles,
        key=command.key,
        sites=command.sites,
        certificate=command.certificate,
    )


def _change(command: ChangeMember, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    member = _member(command.name, state)
    check_may_give(command.project, (*member.roles, *command.roles), member.site, command.sites, actor)
    check_service_role(command.name, command.roles)
    check_distinct(state, [check_name(each) for each in command.sites if each not in (ALL_SITES, *member.sites)])
    others = [each for each in state.members.values() if Role.OWNER in each.roles and each.name != member.name]
    if Role.OWNER in member.roles and Role.OWNER not in command.roles and not others:
        raise Refused("A project needs an owner.", "Make another member an owner first.")
    if (member.roles, member.sites) == (command.roles, command.sites):
        return ()
    return (MemberChanged(**who(actor, now), name=command.name, roles=command.roles, sites=command.sites),)


def _enrol(command: EnrolCertificate, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    member = _member(command.name, state)
    if actor.name != member.name:
        _check_administers(command.project, state, actor)
    check_certificate(command.certificate, state.authorities, now)
    check_names(command.certificate, command.name, state)
    if any(pem == command.certificate for pem, _ in member.certificates):
        return ()
    return (CertificateEnrolled(**who(actor, now), name=member.name, certificate=command.certificate),)


def _revoke(command: RevokeCertificate, state: Project, actor: Actor, now: datetime) -> tuple[Event, ...]:
    member = _member(command.name, state)
    if actor.name != member.name:
        _check_administers(command.project, state, actor)
    if not any(fingerprint(public_pem(pem)) == command.key for pem, _ in member.certificates):
        raise NotFound("The member has no certificate for this key.", "See: eci-annotate member list")
    event = CertificateRevoked(**who(actor, now), name=member.name, key=command.key, reason=command.reason)
    return () if command.key in member.revoked else (event,)


def _member(name: str, state: Project) -> Member:
    if name not in state.members:
        raise NotFound(f"Member {name!r} not found.", "See: eci-annotate member list")
    return state.members[name]


def _check_administers(project: str, state: Project, actor: Actor) -> None:
    if not state.name or not actor.may(Permission.ADMINISTER, project):
        raise Refused(f"You may not administer {project!r}.", "Ask its owner.")


def check_name(name: str) -> str:
    """Return `name` if it is valid for a project, member or subject; raises Refused otherwise."""
    if not NAME.fullmatch(name):
        raise Refused("A name has a character that is not allowed.", "Use letters, digits, '_', '-' and '.'.")
    return name
