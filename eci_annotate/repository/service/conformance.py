"""What every `Service` must do, as checks that run on any implementation; `PersonBackend` keeps those of `Backend` too.

Each runs on a fresh `ServiceWorld`, whose repository two services opened apart, as the processes of a hub do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np

from eci_annotate.errors import BadSecret, Conflict, EciError, LeaseLost, NoIdentity, NotFound, Refused
from eci_annotate.repository.conformance import refuses
from eci_annotate.repository.draft_entries import answers_entry
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.service.conformance_world import ServiceWorld
from eci_annotate.repository.service.protocol import Purpose, Service
from eci_annotate.workflow.subject.commands import ChangeMember, Enrol, ReleaseTask, Sign, Start

OTHER_PROJECT, OTHER_SUBJECT, NEWCOMER = "conformance-2", "ECI_KAU_S0900", "newcomer"


def a_person_sees_their_own_projects_alone(world: ServiceWorld) -> None:
    owner, annotator = world.person(world.owner), world.person(world.annotator)
    case = owner.account.use_case(world.project)
    owner.projects.open(OTHER_PROJECT, case)
    owner.do(Enrol(OTHER_PROJECT, OTHER_SUBJECT, "KAU", case.digest, ()))
    assert set(owner.account.projects()) == {world.project, OTHER_PROJECT}
    assert annotator.account.projects() == [world.project]
    refuses(NotFound, lambda: annotator.subject(OTHER_PROJECT, OTHER_SUBJECT))
    refuses((NotFound, Refused), lambda: annotator.account.members(OTHER_PROJECT))
    assert {project for project, _ in annotator.feed()[1]} <= {world.project}
    assert OTHER_PROJECT in {project for project, _ in owner.feed()[1]}
    refuses(NoIdentity, lambda: world.person("nobody").account.actor)


def only_owners_administer(world: ServiceWorld) -> None:
    annotator, case = world.person(world.annotator), world.person(world.owner).account.use_case(world.project)
    before = annotator.feed()
    refuses(Refused, annotator.projects.check_may_open)
    refuses(Refused, lambda: annotator.projects.open(OTHER_PROJECT, case))
    refuses(Refused, lambda: annotator.projects.publish(world.project, case))
    actor = annotator.account.actor
    refuses(Refused, lambda: world.service.members.add(actor, world.project, NEWCOMER, roles=("owner",), site="KAU"))
    refuses(Refused, lambda: annotator.trail.audit_page(AuditQuery(world.project), 10))
    refuses(Refused, lambda: annotator.intake.import_folders([world.images], project=world.project, site="KAU"))
    (target,) = world.person(world.owner).exchange.targets(world.project)
    assert annotator.exchange.targets(world.project) == [] == annotator.exchange.rules(world.project)
    refuses(NotFound, lambda: annotator.exchange.retry(target))
    assert annotator.feed() == before and annotator.account.projects() == [world.project]


def check_refuses_what_do_refuses_and_changes_nothing(world: ServiceWorld) -> None:
    annotator, where = world.person(world.annotator), (world.project, world.subject, world.task)
    before = annotator.feed()[0]
    annotator.check(Start(*where))
    for command in (
        ReleaseTask(*where, 7),
        Sign(*where, 7, "I looked"),
        Start(world.project, world.subject, "no-such-task"),
        Start(world.project, "NOBODY", world.task),
        ChangeMember(world.project, world.annotator, ("owner",)),
    ):
        said = [_refusal(act, command) for act in (annotator.check, annotator.do)]
        assert said[0] == said[1] != "", command
    assert annotator.feed()[0] == before and not annotator.subject(*where[:2]).task(world.task).mine
    refuses(LeaseLost, lambda: annotator.check_put(*where[:2], False))
    refuses(LeaseLost, lambda: annotator.put(*where[:2], b"mine"))
    world.started()
    annotator.check_put(*where[:2], False)


def _refusal(act: Callable[[object], object], command: object) -> str:
    try:
        act(command)
    except EciError as error:
        return f"{type(error).__name__}: {error.what}"
    return ""


def a_refusal_is_recorded_once(world: ServiceWorld) -> None:
    owner, annotator = world.person(world.owner), world.person(world.annotator)
    command = ChangeMember(world.project, world.annotator, ("owner",))
    with suppress(Refused), annotator.refusals("Try", world.project), annotator.noting(command):
        annotator.check(command)
    rows = owner.trail.audit_page(AuditQuery(world.project, by=world.annotator, what="refused"), 10).rows
    assert len(rows) == 1 and rows[0]["detail"].startswith("ChangeMember: ")


def news_come_once_for_each_reader(world: ServiceWorld) -> None:
    def news(service: Service, reader: str) -> list[str]:
        return [type(event).__name__ for each in service.upkeep.news(reader) for event in each.events[each.since :]]

    assert news(world.service, "reader-a") == [] == news(world.again, "reader-a")
    backend, fence = world.started()
    assert news(world.again, "reader-a") == ["Started"]
    assert news(world.service, "reader-a") == [] == news(world.again, "reader-a")
    assert news(world.again, "reader-b") == [], "the first time nothing is new"
    backend.do(ReleaseTask(world.project, world.subject, world.task, fence))
    assert news(world.service, "reader-b") == ["Released"] == news(world.service, "reader-a")
    assert news(world.again, "reader-b") == []


def each_purpose_has_its_own_lasting_secret(world: ServiceWorld) -> None:
    secrets = {purpose: world.service.secret(purpose) for purpose in Purpose}
    assert len(set(secrets.values())) == len(Purpose) and {len(each) for each in secrets.values()} == {32}
    assert {purpose: world.again.secret(purpose) for purpose in Purpose} == secrets
    assert world.service.clock().utcoffset() == timedelta(0)


def what_is_kept_comes_back_for_its_subject_alone(world: ServiceWorld) -> None:
    subjects, content = world.service.subjects, b"a request \0"
    digest = subjects.keep(world.project, world.subject, content)
    assert digest == hashlib.sha256(content).hexdigest() == subjects.keep(world.project, world.subject, content)
    assert world.again.subjects.kept(world.project, world.subject, digest) == content
    refuses(NotFound, lambda: subjects.kept(world.project, world.subject, "0" * 64))
    owner = world.person(world.owner)
    owner.do(Enrol(world.project, OTHER_SUBJECT, "KAU", owner.account.use_case(world.project).digest, ()))
    subjects.keep(world.project, OTHER_SUBJECT, b"another")
    refuses(NotFound, lambda: subjects.kept(world.project, OTHER_SUBJECT, digest))


def each_draft_is_saved_or_refused_for_itself(world: ServiceWorld) -> None:
    backend, fence = world.started()
    drafts, save = backend.drafts, world.service.subjects.save
    right, stale = world.part(fence, {"x": 1}), world.part(fence + 1, {"x": 2})
    assert [type(each) for each in save([stale, right, stale])] == [LeaseLost, type(None), LeaseLost]
    assert drafts.read(world.project, world.subject, world.task) == [answers_entry({"x": 1})]
    drafts.check_held(right.address, fence)
    refuses(LeaseLost, lambda: drafts.check_held(right.address, fence + 1))
    refuses(LeaseLost, lambda: world.person(world.annotator, "two").drafts.check_held(right.address, fence))


def a_save_behind_an_older_project_is_refused(world: ServiceWorld) -> None:
    backend, fence = world.started()
    part = world.part(fence, {"x": 1})
    assert backend.drafts.head_if_held(part.address, fence + 1) is None
    part = replace(part, behind=backend.drafts.head_if_held(part.address, fence))
    assert part.behind is not None and world.service.subjects.save([part]) == [None]
    owner = world.again.backend(world.identity(world.owner, "one", None))
    owner.do(ChangeMember(world.project, world.annotator, ("developer",)))
    (refusal,) = world.service.subjects.save([part])
    assert isinstance(refusal, Conflict)
    refuses(Refused, lambda: backend.drafts.check_held(part.address, fence))
    assert backend.drafts.head_if_held(part.address, fence) is None


def holders_are_listed_while_they_hold(world: ServiceWorld) -> None:
    owner = world.person(world.owner)
    backend, fence = world.started()
    assert world.again.upkeep.lease_holders() == [world.annotator]
    assert [seen.subject for seen in owner.leased(world.project, 10)] == [world.subject]
    backend.do(ReleaseTask(world.project, world.subject, world.task, fence))
    assert world.again.upkeep.lease_holders() == [] == list(owner.leased(world.project, 10))


def only_the_draft_that_was_confirmed_is_signed(world: ServiceWorld) -> None:
    backend, fence = world.started()
    subjects, members = world.service.subjects, world.service.members
    command = Sign(world.project, world.subject, world.task, fence, "I looked")
    state, actor = subjects.state(world.project, world.subject), backend.account.actor
    refuses(EciError, lambda: subjects.proposal(command, state, actor))
    empty = subjects.draft_digest(command)
    assert subjects.save([world.part(fence, world.answers)]) == [None]
    confirmed = world.again.subjects.draft_digest(command)
    assert confirmed != empty and subjects.proposal(command, state, actor).digest == confirmed
    refuses(NoIdentity, lambda: backend.do(command))
    other = world.person(world.annotator, signer=members.signer(world.annotator, "pin", empty))
    refuses(EciError, lambda: other.do(command))
    assert not backend.subject(world.project, world.subject).task(world.task).signed
    world.person(world.annotator, signer=members.signer(world.annotator, "pin", confirmed)).do(command)
    (version,) = backend.subject(world.project, world.subject).task(world.task).signed
    assert (version.by, version.factor) == (world.annotator, "pin")
    assert all(check.passed for check in backend.trail.verify(world.project, world.subject))


def a_member_who_was_removed_is_nobody(world: ServiceWorld) -> None:
    owner = world.person(world.owner)
    world.service.members.add(owner.account.actor, world.project, NEWCOMER, roles=("annotator",), site="KAU")
    backends = [each.backend(world.identity(NEWCOMER, "one", None)) for each in (world.service, world.again)]
    assert [each.account.projects() for each in backends] == [[world.project]] * 2
    owner.do(ChangeMember(world.project, NEWCOMER, ()))
    for backend in backends:
        refuses(NoIdentity, backend.account.projects)


def factors_prove_one_person(world: ServiceWorld) -> None:
    factors, again = world.service.members.factors, world.again.members.factors
    assert not factors.of(world.annotator).has_any
    code, _ = factors.give_code(world.annotator, world.owner)
    again.use_code(world.annotator, code)
    refuses(BadSecret, lambda: factors.use_code(world.annotator, code))
    factors.set_pin(world.annotator, "correct horse")
    again.check_pin(world.annotator, "correct horse")
    refuses(BadSecret, lambda: again.check_pin(world.annotator, "wrong horse"))
    refuses(BadSecret, lambda: again.check_pin(world.owner, "correct horse"))


def a_revoked_credential_is_not_found(world: ServiceWorld) -> None:
    name, token = world.issue()
    for each in (world.service, world.again):
        found = each.sites.credential(token)
        assert found is not None and (found.id, found.project) == (name, world.project)
        assert each.sites.credential(f"{token}x") is None is each.sites.credential("")
    content = b"not checked before it is complete"
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    first, second = (each.sites.arrivals(name) for each in (world.service, world.again))
    assert first.states([digest])[digest].state == "absent"
    assert first.append(digest, 0, [content[:5]], size).offset == 5 == second.states([digest])[digest].offset
    assert second.append(digest, 5, [content[5:]], size).state == "received"
    world.revoke(name)
    for each in (world.service, world.again):
        assert each.sites.credential(token) is None
        refuses(NotFound, partial(each.sites.arrivals, name))


def files_become_a_subject_and_volumes(world: ServiceWorld) -> None:
    owner = world.person(world.owner, signer=world.service.members.signer(world.owner, "pin"))
    (subject,) = owner.intake.import_folders([world.images], project=world.project, site="KAU").subjects
    assert owner.intake.import_folders([world.images], project=world.project, site="KAU").subjects == {}
    (series, *_) = [each for study in owner.images.studies(world.project, subject) for each in study.series]
    _, path = owner.images.kept(world.project, subject, series.series_uid)
    volume = owner.images.volume(world.project, subject, series.series_uid)
    assert np.array_equal(np.load(path), volume) and volume.dims == ("k", "j", "i")
    assert np.array_equal(world.again.subjects.volume(subject, series.series_uid), volume)
    refuses(NotFound, lambda: owner.intake.release("0" * 12, "I looked"))
    refuses(Refused, lambda: owner.intake.check_reason(" "))


def a_checkpoint_covers_what_was_appended(world: ServiceWorld) -> None:
    world.service.upkeep.checkpoint()
    assert not world.again.upkeep.checkpoint()
    world.started()
    assert world.again.upkeep.checkpoint() and not world.service.upkeep.checkpoint()
    assert all(check.passed for check in world.service.upkeep.prove())


SERVICE_LAWS: Sequence[Callable[[ServiceWorld], None]] = (
    a_person_sees_their_own_projects_alone,
    only_owners_administer,
    check_refuses_what_do_refuses_and_changes_nothing,
    a_refusal_is_recorded_once,
    news_come_once_for_each_reader,
    each_purpose_has_its_own_lasting_secret,
    what_is_kept_comes_back_for_its_subject_alone,
    each_draft_is_saved_or_refused_for_itself,
    a_save_behind_an_older_project_is_refused,
    holders_are_listed_while_they_hold,
    only_the_draft_that_was_confirmed_is_signed,
    a_member_who_was_removed_is_nobody,
    factors_prove_one_person,
    a_revoked_credential_is_not_found,
    files_become_a_subject_and_volumes,
    a_checkpoint_covers_what_was_appended,
)
