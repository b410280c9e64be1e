"""All commands, by members of every role and of two sites, in any order: what may never happen does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eci_annotate.errors import EciError, NotFound
from eci_annotate.workflow.actor import EVERYWHERE, MAY, ROLES, Actor
from eci_annotate.workflow.subject.blinding import is_open_to_all
from eci_annotate.workflow.subject.commands import (
    Assign,
    Attach,
    ChangeUseCase,
    Command,
    Describe,
    EndLease,
    Enrol,
    ReleaseTask,
    Renew,
    Reopen,
    Sign,
    Start,
    Withdraw,
)
from eci_annotate.workflow.subject.events import Event, Released, Started, VersionSigned, from_record, to_record
from eci_annotate.workflow.subject.state import TaskStatus, fold, is_done, stage_of, standing
from eci_annotate.workflow.subject.verdict import chosen, verdict_of, version_statuses
from eci_annotate.workflow.subject.view import has_task, readable, view
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind
from tests.counts import count, examples
from tests.workflow.test_roles import CASE, DIGEST, DOUBLE
from tests.workflow.workflow_world import OLGA, P, S, World, actor

CHECK = TaskDefinition("check", "Check", "review", ("decide",), ("reviewer",), of="decide", independent=True)
FINAL = TaskDefinition("final", "Final report", "annotate", ("check",), ("annotator",), stage="report")
PIPELINE = (*DOUBLE, CHECK, FINAL)
TASKS = [task.name for task in PIPELINE]
CREW = [
    replace(actor(f"{role}{n}", role, session=f"s{n}"), site=site)
    for role in ROLES
    for n, site in enumerate(["KAU", "KAU", "ERL"], 1)
]
NEEDS = {
    "described.1": "describe",
    "attached.1": "attach",
    "assigned.1": "assign",
    "reopened.1": "reopen",
    "use-case-changed.1": "administer",
    "withdrawn.1": "withdraw",
}
whos, tasks = st.sampled_from(CREW), st.sampled_from(TASKS)


class Laws(RuleBasedStateMachine):
    """One subject and everybody."""

    @initialize(far=st.booleans())
    def enrol(self, far: bool) -> None:
        self.world, self.seen = World(), list[tuple[Event, Actor]]()
        self.frozen: dict[tuple[str, int], VersionSigned] = {}
        self.opened: set[str] = set()
        self.world.do(Enrol(P, S, "KAU", CASE.digest, PIPELINE), OLGA)
        for task in TASKS if far else ():
            self.go_on(task, "accept", False)

    def act(self, command: Command, who: Actor) -> None:
        before = self.world.state
        try:
            new = self.world.do(command, who)
        except EciError:
            assert self.world.state == before
            return
        for event in new:
            self._is_allowed(event, who, before.work)
            if isinstance(event, VersionSigned):
                self.frozen[event.task, event.version] = event

    def _is_allowed(self, event: Event, who: Actor, before: object) -> None:
        (role,) = who.roles[P]
        assert who.site == "KAU" or role in EVERYWHERE, "nobody acts at another site"
        needed = NEEDS.get(to_record(event)["name"])
        assert needed is None or needed in MAY[role]
        if isinstance(event, Started | VersionSigned):
            task = next(task for task in PIPELINE if task.name == event.task)
            assert role in task.roles
        if isinstance(event, Started):
            past = before[event.task]  # type: ignore[index]
            assert event.fence == past.fence + 1
            live = past.lease is not None and past.lease.is_live(self.world.now)
            assert not live or (event.taken_from == past.lease.holder and (event.by == past.lease.holder
                                or "take over" in MAY[role]))  # fmt: skip
        if isinstance(event, Released) and event.taken_from:
            assert "take over" in MAY[role]

    @rule(who=whos, task=tasks, take_over=st.booleans(), rerun=st.booleans())
    def start(self, who: Actor, task: str, take_over: bool, rerun: bool) -> None:
        self.act(Start(P, S, task, take_over, rerun), who)

    @rule(who=whos, task=tasks, late=st.integers(0, 1), verdict=st.sampled_from(["accept", "reject"]))
    def sign(self, who: Actor, task: str, late: int, verdict: str) -> None:
        given = verdict if any(t.name == task and t.kind == TaskKind.REVIEW for t in PIPELINE) else ""
        self.act(Sign(P, S, task, self.world.fence(task) - late, "mine", given, "too small" if given else ""), who)

    @rule(task=tasks, verdict=st.sampled_from(["accept", "reject"]), rerun=st.booleans())
    def go_on(self, task: str, verdict: str, rerun: bool) -> None:
        """Somebody who may takes the task and signs it, so that machines come far."""
        definition = next(each for each in PIPELINE if each.name == task)
        for who in CREW:
            if who.roles[P][0] in definition.roles:
                self.start(who, task, False, rerun)
                self.sign(who, task, 0, verdict)

    @rule(task=tasks)
    def reopen(self, task: str) -> None:
        self.act(Reopen(P, S, task, "once more"), CREW[ROLES.index("owner") * 3])

    @rule(who=whos, task=tasks, what=st.sampled_from(["renew", "release", "end", "assign", "free", "reopen"]))
    def about_task(self, who: Actor, task: str, what: str) -> None:
        fence = self.world.fence(task)
        command: Command = {
            "renew": Renew(P, S, task, fence),
            "release": ReleaseTask(P, S, task, fence),
            "end": EndLease(P, S, task),
            "assign": Assign(P, S, task, "annotator1"),
            "free": Assign(P, S, task, ""),
            "reopen": Reopen(P, S, task, "once more"),
        }[what]
        self.act(command, who)

    @rule(who=whos, included=st.booleans(), live=st.booleans(), cohort=st.sampled_from(["", "pilot"]))
    def describe(self, who: Actor, included: bool, live: bool, cohort: str) -> None:
        self.act(Describe(P, S, included, live, cohort, "because"), who)

    @rule(who=whos)
    def attach(self, who: Actor) -> None:
        self.act(Attach(P, S, "biopsy", "text/plain", DIGEST, 3), who)

    @rule(who=whos, digest=st.sampled_from(["aa" * 32, "bb" * 32]))
    def change(self, who: Actor, digest: str) -> None:
        self.act(ChangeUseCase(P, S, digest, PIPELINE, "a new form"), who)

    @rule(who=whos, sure=st.integers(0, 19))
    def withdraw(self, who: Actor, sure: int) -> None:
        if sure == 0:
            self.act(Withdraw(P, S, "letter"), who)

    @rule(minutes=st.integers(1, 40))
    def wait(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @invariant()
    def versions_are_1_to_n_and_never_change(self) -> None:
        for name, work in self.world.state.work.items():
            assert [each.version for each in work.signed] == list(range(1, work.version + 1))
            assert all(self.frozen[name, each.version] == each for each in work.signed)
        assert sum(work.version for work in self.world.state.work.values()) == len(self.frozen)

    @invariant()
    def the_fold_of_what_is_stored_is_the_state(self) -> None:
        assert fold(from_record(to_record(event)) for event in self.world.events) == self.world.state

    @invariant()
    def nobody_sees_what_his_row_denies(self) -> None:
        for who in CREW:
            (role,) = who.roles[P]
            try:
                seen = view(self.world.state, who, self.world.now)
            except NotFound:
                continue
            assert who.site == "KAU" or role in EVERYWHERE
            assert not seen.progress or "see pipeline" in MAY[role]
            assert DIGEST not in readable(seen) or "see images" in MAY[role]
            for task in seen.tasks:
                for signed in task.signed:
                    assert "see signed" in MAY[role] or signed.by == who.name or task.mine
            assert not seen.withdrawn or "see pipeline" in MAY[role]
            self._is_blind(who, role, seen)
            if role == "adjudicator" and not self.world.state.work["decide"].signed:
                assert not any(n.name.startswith("read.") and s.key for n in seen.tasks for s in n.signed)

    @invariant()
    def who_has_a_task_is_told_by_his_view(self) -> None:
        for who in (*CREW, *(replace(each, session="another") for each in CREW)):
            try:
                seen = view(self.world.state, who, self.world.now).tasks
            except NotFound:
                continue
            tasks = (task for task in seen if task.kind != TaskKind.INGEST)
            shown = any(task.may_start or task.mine or task.elsewhere for task in tasks)
            assert has_task(self.world.state, who, self.world.now) == shown

    @invariant()
    def a_verdict_is_about_a_version(self) -> None:
        state = self.world.state
        done = {task.name for task in PIPELINE if standing(state, task, self.world.now) == TaskStatus.SIGNED}
        decided, checked = state.work["decide"], state.work["check"].signed
        about = [each for each in checked if each.basis["decide"] == decided.version]
        assert "check" not in done or about[-1].verdict == "accept"
        assert "decide" not in done or not about or about[-1].verdict == "accept" or self._reopened("check")
        if "decide" in done:
            basis = decided.signed[-1].basis
            assert all(state.work[name].version == version for name, version in basis.items() if version)
        assert not any(self._reopened(name) for name in done)

    def _reopened(self, name: str) -> bool:
        work = self.world.state.work[name]
        return bool(work.signed) and work.reopened == work.version

    @invariant()
    def stage_progress_and_readiness_follow_one_rule(self) -> None:
        state = self.world.state
        for task in PIPELINE:
            assert (standing(state, task, self.world.now) == TaskStatus.SIGNED) == is_done(state, task.name)
            needed = [name for name in (*task.after, task.of) if name]
            if not all(is_done(state, name) for name in needed):
                assert standing(state, task, self.world.now) == TaskStatus.BLOCKED
        missing = [task for task in PIPELINE if not is_done(state, task.of_group)]
        expected = (missing[0].stage or missing[0].kind) if missing else "done"
        assert stage_of(state) == ("withdrawn" if state.withdrawn else expected)

    @invariant()
    def tables_never_mix(self) -> None:
        state, found = self.world.state, dict[str, list[VersionSigned]]()
        for task in PIPELINE:
            statuses = version_statuses(state, task)
            assert [each.version for each in statuses] == list(range(1, len(statuses) + 1))
            taken = [state.work[task.name].signed[each.version - 1] for each in chosen(statuses)]
            assert len({each.by for each in taken}) == len(taken)
            assert all(not any(late.by == each.by for late in state.work[task.name].signed[each.version :])
                       and verdict_of(state, task, each.version) != "rejected" for each in taken)  # fmt: skip
            found[task.name] = taken
        readings = [each for n in (1, 2, 3) for each in found[f"read.{n}"]]
        assert not (readings and found["decide"])

    @invariant()
    def what_was_open_is_not_hidden_again(self) -> None:
        now = {task.name for task in PIPELINE if is_open_to_all(self.world.state, task)}
        assert self.opened <= now
        self.opened = now

    def _is_blind(self, who: Actor, role: str, seen: object) -> None:
        readings = [self.world.state.work[f"read.{n}"] for n in (1, 2, 3)]
        if sum(bool(work.signed) for work in readings) >= 2 or role in ("owner", "auditor"):
            return
        tasks = {task.name: task for task in seen.tasks}  # type: ignore[attr-defined]
        for n, work in enumerate(readings, 1):
            shown = tasks[f"read.{n}"].signed if f"read.{n}" in tasks else ()
            assert not shown or any(each.by == who.name for each in work.signed)


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=examples(25, 2000), stateful_step_count=count(30, 60), deadline=None)
