"""What the heart decides: readiness, leases, versions, reviews, seals; and what a view shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eci_annotate.errors import EciError, LeaseLost, NotFound, Refused, Tampered
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.commands import Enrol, ReleaseTask, Renew, Sign, Start
from eci_annotate.workflow.subject.events import Started, VersionSigned, from_record, to_record
from eci_annotate.workflow.subject.lease import LEASE
from eci_annotate.workflow.subject.state import fold, status, with_renewal
from eci_annotate.workflow.subject.versions import seal_of
from eci_annotate.workflow.subject.view import readable, view
from eci_annotate.workflow.trust.rsa_keys import PrivateKey, check_signature
from eci_annotate.workflow.trust.seals import START, Manifest, chained, check_chain
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.counts import examples
from tests.workflow.workflow_world import ANNA, BEN, KEY, OLGA, RUTH, P, S, World, actor


def ingest(world: World) -> None:
    world.do(Start(P, S, "ingest"), OLGA)
    world.do(Sign(P, S, "ingest", world.fence("ingest"), "taken in"), OLGA)


def annotate(world: World, who: Actor = ANNA, rerun: bool = False) -> VersionSigned:
    world.do(Start(P, S, "annotate", rerun=rerun), who)
    (signed,) = world.do(Sign(P, S, "annotate", world.fence("annotate"), "I drew this"), who)
    assert isinstance(signed, VersionSigned)
    return signed


def review(world: World, verdict: str, reason: str = "") -> None:
    world.do(Start(P, S, "review"), RUTH)
    world.do(Sign(P, S, "review", world.fence("review"), "checked", verdict, reason), RUTH)


def standing(world: World) -> dict[str, str]:
    return {task.name: status(world.state, task, world.now) for task in world.state.pipeline}


def test_a_task_waits_for_the_signatures_before_it(world: World) -> None:
    assert standing(world) == {"ingest": "ready", "annotate": "blocked", "review": "blocked"}
    with pytest.raises(Refused, match=r"'annotate' is not ready\. Sign 'ingest' first\."):
        world.do(Start(P, S, "annotate"), ANNA)
    ingest(world)
    assert standing(world) == {"ingest": "signed", "annotate": "ready", "review": "blocked"}


def test_who_holds_a_task_and_until_when_is_said(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    expected = r"^'annotate' is open by anna until 2026-01-01 00:30\. Choose another task, or wait\.$"
    with pytest.raises(Refused, match=expected):
        world.do(Start(P, S, "annotate"), BEN)
    with pytest.raises(Refused, match=expected):
        world.do(Start(P, S, "annotate", take_over=True), BEN)


def test_a_second_session_of_the_same_person_must_take_over(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    second = replace(ANNA, session="two")
    with pytest.raises(Refused, match=r"by you in another session until 2026-01-01 00:30.*take_over=True"):
        world.do(Start(P, S, "annotate"), second)
    (started,) = world.do(Start(P, S, "annotate", take_over=True), second)
    assert isinstance(started, Started) and started.fence == 2 and started.taken_from == "anna"
    with pytest.raises(LeaseLost):
        world.do(Sign(P, S, "annotate", 1, "mine"), ANNA)
    assert world.do(Start(P, S, "annotate"), second) == []


def test_an_owner_may_take_over_only_with_the_roles_of_the_task(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    with pytest.raises(Refused, match="needs the role annotator"):
        world.do(Start(P, S, "annotate", take_over=True), OLGA)
    both = actor("olga", "owner", "annotator")
    (started,) = world.do(Start(P, S, "annotate", take_over=True), both)
    assert isinstance(started, Started) and started.taken_from == "anna"


def test_an_ended_lease_is_anybodys_and_nothing_of_it_counts(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    world.now += LEASE
    assert standing(world)["annotate"] == "ready"
    with pytest.raises(LeaseLost, match="ended at 2026-01-01 00:30"):
        world.do(Sign(P, S, "annotate", 1, "late"), ANNA)
    world.do(Start(P, S, "annotate"), BEN)
    with pytest.raises(LeaseLost, match="taken over by ben"):
        world.do(Renew(P, S, "annotate", 1), ANNA)


def test_a_renewal_moves_the_end_and_makes_no_event(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    world.now += timedelta(minutes=20)
    assert world.do(Renew(P, S, "annotate", 1), ANNA) == []
    world.state = with_renewal(world.state, "annotate", 1, world.now + LEASE)
    world.state = with_renewal(world.state, "annotate", 7, world.now + 9 * LEASE)
    with pytest.raises(Refused, match="until 2026-01-01 00:50"):
        world.do(Start(P, S, "annotate"), BEN)


def test_a_released_task_is_ready_again(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    world.do(ReleaseTask(P, S, "annotate", 1), ANNA)
    world.do(Start(P, S, "annotate"), BEN)
    assert world.fence("annotate") == 2


def test_versions_go_forward_and_name_the_seal_before(world: World) -> None:
    ingest(world)
    first = annotate(world)
    with pytest.raises(Refused, match=r"is signed: version 1, 2026-01-01 00:00\. Start it with rerun=True"):
        world.do(Start(P, S, "annotate"), ANNA)
    second = annotate(world, BEN, rerun=True)
    assert (first.version, second.version) == (1, 2)
    assert first.predecessor == START and second.predecessor == first.seal != second.seal


def test_a_rejected_version_is_ready_again_and_its_next_one_is_reviewed(world: World) -> None:
    ingest(world)
    annotate(world)
    with pytest.raises(Refused, match="needs a verdict"):
        review(world, "")
    with pytest.raises(Refused, match="needs a reason"):
        review(world, "reject")
    review(world, "reject", "lesion 2 is missing")
    assert standing(world) == {"ingest": "signed", "annotate": "ready", "review": "blocked"}
    assert view(world.state, ANNA, world.now).task("annotate").rejected == "lesion 2 is missing"
    annotate(world)
    assert standing(world) == {"ingest": "signed", "annotate": "signed", "review": "ready"}
    review(world, "accept")
    assert standing(world) == {"ingest": "signed", "annotate": "signed", "review": "signed"}
    assert [signed.basis for signed in world.state.work["review"].signed] == [{"annotate": 1}, {"annotate": 2}]


def test_nobody_reviews_what_he_signed(world: World) -> None:
    ingest(world)
    both = actor("anna", "annotator", "reviewer")
    annotate(world, both)
    with pytest.raises(Refused, match="You signed version 1 of 'annotate' yourself"):
        world.do(Start(P, S, "review"), both)
    assert not view(world.state, both, world.now).task("review").may_start


def test_a_signature_needs_a_meaning_and_a_true_key(world: World) -> None:
    ingest(world)
    world.do(Start(P, S, "annotate"), ANNA)
    with pytest.raises(Refused, match="needs a meaning"):
        world.do(Sign(P, S, "annotate", 1, "  "), ANNA)
    order = world._sealed(Sign(P, S, "annotate", 1, "mine"), ANNA)
    with pytest.raises(Tampered):
        world.do(replace(order, meaning="other"), ANNA)


def test_a_seal_covers_every_field(world: World) -> None:
    ingest(world)
    signed = annotate(world)
    assert seal_of(world.state, signed) == signed.seal
    check_signature(KEY.public, signed.seal, signed.signature)
    for changed in (
        replace(signed, meaning="x"),
        replace(signed, version=2),
        replace(signed, by="ben"),
        replace(signed, at=signed.at + timedelta(microseconds=1)),
        replace(signed, manifest=Manifest()),
        replace(signed, basis={}),
        replace(signed, assurance="os-user"),
    ):
        assert seal_of(world.state, changed) != signed.seal
    assert seal_of(replace(world.state, subject="other"), signed) != signed.seal
    assert seal_of(world.state, replace(signed, where="elsewhere")) == signed.seal, "that is the chain's to keep"
    with pytest.raises(Tampered):
        check_signature(PrivateKey.generate(2048).public, signed.seal, signed.signature)


def test_who_is_no_member_learns_nothing(world: World) -> None:
    stranger = Actor("eve", "X", {"other": ("owner",)})
    for act in (lambda: view(world.state, stranger, world.now), lambda: world.do(Start(P, S, "ingest"), stranger)):
        with pytest.raises(NotFound, match="Subject not found"):
            act()


def test_an_annotator_sees_his_task_and_his_versions_only(world: World) -> None:
    ingest(world)
    signed = annotate(world)
    seen, other = view(world.state, ANNA, world.now), view(world.state, BEN, world.now)
    assert [task.name for task in seen.tasks] == ["annotate"]
    assert seen.task("annotate").signed == (signed,) and other.task("annotate").signed == ()
    assert "ab" * 32 in readable(seen) and "ab" * 32 not in readable(other)
    assert [task.name for task in view(world.state, OLGA, world.now).tasks] == ["ingest", "annotate", "review"]


def test_a_subject_is_enrolled_once_and_by_an_owner(world: World) -> None:
    case = shipped_use_case(P)
    with pytest.raises(Refused, match="already"):
        world.do(Enrol(P, S, "KAU", case.digest, case.pipeline), OLGA)
    with pytest.raises(Refused, match="may not add"):
        World().do(Enrol(P, S, "KAU", case.digest, case.pipeline), ANNA)


def test_stored_events_fold_to_the_same_state(world: World) -> None:
    ingest(world)
    annotate(world)
    review(world, "accept")
    records = list(chained("subject/p/s", [], map(to_record, world.events)))
    assert check_chain("subject/p/s", records) == len(world.events)
    assert fold(from_record(record) for record in records) == world.state


def test_every_changed_event_breaks_the_chain(world: World) -> None:
    ingest(world)
    annotate(world)
    records = list(chained("s", [], map(to_record, world.events)))
    for index in range(len(records)):
        for damaged in (
            [*records[:index], {**records[index], "name": "released.1"}, *records[index + 1 :]],
            [*records[:index], {**records[index], "data": {}}, *records[index + 1 :]],
            [*records[:index], *records[index + 1 :]] if index < len(records) - 1 else [{}],
        ):
            with pytest.raises(Tampered):
                check_chain("s", damaged)
    with pytest.raises(Tampered):
        check_chain("other", records)


ACTORS = [ANNA, BEN, RUTH, OLGA, replace(ANNA, session="two"), actor("tom", "owner", "annotator", "reviewer")]
TASKS = ["ingest", "annotate", "review"]


class Anything(RuleBasedStateMachine):
    """Whatever is asked, by whomever, whenever: the laws of leases and versions hold."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        case = shipped_use_case(P)
        self.world.do(Enrol(P, S, "KAU", case.digest, case.pipeline), OLGA)
        self.seen: dict[tuple[str, int], str] = {}

    def ask(self, command: Start | Sign | ReleaseTask, who: Actor) -> None:
        before = self.world.state
        try:
            self.world.do(command, who)
        except EciError:
            assert self.world.state == before

    @rule(task=st.sampled_from(TASKS), who=st.sampled_from(ACTORS), take=st.booleans(), rerun=st.booleans())
    def start(self, task: str, who: Actor, take: bool, rerun: bool) -> None:
        lease = self.world.state.work[task].lease
        held = lease is not None and lease.is_live(self.world.now)
        count = len(self.world.events)
        self.ask(Start(P, S, task, take, rerun), who)
        if lease is not None and held and len(self.world.events) > count:
            assert take and (lease.holder == who.name or who.may("take over", P))

    @rule(
        task=st.sampled_from(TASKS),
        who=st.sampled_from(ACTORS),
        back=st.integers(0, 1),
        verdict=st.sampled_from(["", "accept", "reject"]),
    )
    def sign(self, task: str, who: Actor, back: int, verdict: str) -> None:
        lease, count = self.world.state.work[task].lease, len(self.world.events)
        self.ask(Sign(P, S, task, self.world.fence(task) - back, "meant", verdict, "because"), who)
        if len(self.world.events) > count:
            assert lease is not None and lease.is_of(who) and lease.is_live(self.world.now) and back == 0

    @rule(task=st.sampled_from(TASKS), who=st.sampled_from(ACTORS))
    def release(self, task: str, who: Actor) -> None:
        self.ask(ReleaseTask(P, S, task, self.world.fence(task)), who)

    @rule(minutes=st.sampled_from([1, 29, 30]))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @invariant()
    def versions_are_forward_and_never_change(self) -> None:
        for task, signed in self._signed():
            assert self.seen.setdefault((task, signed.version), signed.seal) == signed.seal
        for task in TASKS:
            versions = [signed.version for signed in self.world.state.work[task].signed]
            assert versions == list(range(1, len(versions) + 1))

    def _signed(self) -> Iterator[tuple[str, VersionSigned]]:
        for task, work in self.world.state.work.items():
            for signed in work.signed:
                yield task, signed

    @invariant()
    def fences_only_grow(self) -> None:
        for task in TASKS:
            fences = [e.fence for e in self.world.events if isinstance(e, Started) and e.task == task]
            assert fences == list(range(1, len(fences) + 1))

    @invariant()
    def the_fold_is_the_state(self) -> None:
        assert fold(self.world.events) == self.world.state

    @invariant()
    def a_view_never_offers_what_is_refused(self) -> None:
        for who in ACTORS:
            for task in view(self.world.state, who, self.world.now).tasks:
                if task.may_start and not task.mine:
                    trial = World()
                    trial.state, trial.now = self.world.state, self.world.now
                    assert trial.do(Start(P, S, task.name), who)


TestAnything = pytest.mark.soak(Anything.TestCase)
TestAnything.settings = settings(max_examples=examples(25, 1000), stateful_step_count=25, deadline=None)
