"""The table of roles, row by row: what each may do to a subject and what a view shows him; sites; blinding."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from eci_annotate.errors import NotFound, Refused
from eci_annotate.workflow.actor import ALL_SITES, EVERYWHERE, MAY, ROLES, Actor, Permission
from eci_annotate.workflow.subject.commands import (
    Assign,
    Attach,
    ChangeUseCase,
    Command,
    Describe,
    EndLease,
    Enrol,
    Reopen,
    Sign,
    Start,
    Withdraw,
)
from eci_annotate.workflow.subject.view import readable, view
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, expanded
from eci_annotate.workflow.usecase.usecase import shipped_use_case
from tests.workflow.workflow_world import ANNA, BEN, OLGA, RUTH, P, S, World, actor

CASE = shipped_use_case(P)
DIGEST = "cd" * 32
ASKED: dict[str, Command] = {
    "describe": Describe(P, S, cohort="pilot"),
    "attach": Attach(P, S, "biopsy", "text/plain", DIGEST, 5),
    "assign": Assign(P, S, "review", "ruth"),
    "take over": EndLease(P, S, "annotate"),
    "reopen": Reopen(P, S, "annotate", "the cyst is missing"),
    "administer": ChangeUseCase(P, S, "ef" * 32, CASE.pipeline, "new form"),
    "withdraw": Withdraw(P, S, "letter of 2026-01-02"),
    "ingest": Enrol(P, "ECI_KAU_S0002", "KAU", CASE.digest, CASE.pipeline),
}


def signed_world() -> World:
    """Ingested, annotated by anna, and started again by ben."""
    made = World()
    made.do(Enrol(P, S, "KAU", CASE.digest, CASE.pipeline), OLGA)
    for task, who in (("ingest", OLGA), ("annotate", ANNA)):
        made.do(Start(P, S, task), who)
        made.do(Sign(P, S, task, made.fence(task), "mine"), who)
    made.do(Start(P, S, "annotate", rerun=True), BEN)
    return made


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("site", ["KAU", "ERL"])
def test_a_role_does_what_its_row_says(role: str, what: str, site: str) -> None:
    world, command = signed_world(), ASKED[what]
    who = replace(actor("zoe", role), site=site)
    if what == "ingest":
        world.state = World().state
    if what in MAY[role] and (site == "KAU" or role in EVERYWHERE):
        assert world.do(command, who)
    else:
        with pytest.raises((Refused, NotFound)):
            world.do(command, who)


@pytest.mark.parametrize("role", ROLES)
def test_a_view_shows_what_the_row_says(role: str) -> None:
    world = signed_world()
    world.do(ASKED["attach"], OLGA)
    seen = view(world.state, actor("zoe", role), world.now)
    assert bool(seen.progress) == ("see pipeline" in MAY[role])
    signed = [event for task in seen.tasks for event in task.signed if task.name == "annotate"]
    assert bool(signed) == ("see signed" in MAY[role])
    assert (DIGEST in readable(seen)) == ("see images" in MAY[role])
    if role == "developer":
        assert [task.name for task in seen.tasks] == ["annotate"]


def test_every_word_of_the_table_is_explained() -> None:
    assert {word for words in MAY.values() for word in words} == set(Permission)


def test_other_sites_see_nothing_and_sites_can_be_given() -> None:
    world = signed_world()
    stranger = replace(actor("eva", "annotator"), site="ERL")
    with pytest.raises(NotFound):
        view(world.state, stranger, world.now)
    for sites in (("KAU",), (ALL_SITES,)):
        assert view(world.state, replace(stranger, sites={P: sites}), world.now).tasks


def test_a_developer_sees_no_subject_without_signed_annotations() -> None:
    world = World()
    world.do(Enrol(P, S, "KAU", CASE.digest, CASE.pipeline), OLGA)
    with pytest.raises(NotFound):
        view(world.state, actor("dev", "developer"), world.now)


def test_excluded_subjects_wait_and_withdrawn_ones_are_gone() -> None:
    world = World()
    world.do(Enrol(P, S, "KAU", CASE.digest, CASE.pipeline), OLGA)
    with pytest.raises(Refused, match="needs a reason"):
        world.do(Describe(P, S, included=False), OLGA)
    world.do(Describe(P, S, included=False, reason="wrong organ"), OLGA)
    with pytest.raises(Refused, match="is excluded"):
        world.do(Start(P, S, "ingest"), OLGA)
    world.do(Describe(P, S, included=True), OLGA)
    world.do(Withdraw(P, S, "letter"), OLGA)
    with pytest.raises(Refused, match="Consent was withdrawn"):
        world.do(Start(P, S, "ingest"), OLGA)
    with pytest.raises(NotFound):
        view(world.state, ANNA, world.now)
    assert view(world.state, OLGA, world.now).withdrawn


# -- several readers ----------------------------------------------------------------
READING = TaskDefinition("read", "Read", "annotate", ("ingest",), ("annotator",), readers=2, most=3, blind=True)
ADJUDICATION = TaskDefinition(
    "decide", "Decide", "adjudicate", ("read",), ("adjudicator",), of="read", independent=True, blind=True
)
DOUBLE = expanded([CASE.pipeline[0], READING, ADJUDICATION])
CARL, ADA = actor("carl", "annotator"), actor("ada", "adjudicator", "annotator")


def double(pipeline: tuple[TaskDefinition, ...] = DOUBLE) -> World:
    made = World()
    made.do(Enrol(P, S, "KAU", CASE.digest, pipeline), OLGA)
    made.do(Start(P, S, "ingest"), OLGA)
    made.do(Sign(P, S, "ingest", 1, "taken in"), OLGA)
    return made


def read(world: World, who: Actor) -> str:
    task = next(task.name for task in view(world.state, who, world.now).tasks if task.may_start)
    world.do(Start(P, S, task), who)
    world.do(Sign(P, S, task, world.fence(task), "mine"), who)
    return task


def test_each_reader_is_shown_one_reading_and_none_of_the_others() -> None:
    world = double()
    assert [t.name for t in view(world.state, ANNA, world.now).tasks] == ["read.1"]
    assert read(world, ANNA) == "read.1"
    assert [t.name for t in view(world.state, BEN, world.now).tasks] == ["read.2"]
    assert [t.name for t in view(world.state, ANNA, world.now).tasks] == ["read.1"]
    with pytest.raises(Refused, match="You read 'read' already"):
        world.do(Start(P, S, "read.2"), ANNA)
    watching = [actor("ruth", "reviewer", "annotator"), ADA, actor("both", "owner", "annotator"), RUTH]
    for who in watching:
        assert not any(t.signed for t in view(world.state, who, world.now).tasks if t.name == "read.1"), who.name
    assert view(world.state, actor("au", "auditor"), world.now).task("read.1").signed


def test_adjudication_waits_for_the_readings_and_is_independent() -> None:
    world = double()
    read(world, ANNA)
    with pytest.raises(Refused, match="'decide' is not ready"):
        world.do(Start(P, S, "decide"), actor("ada", "adjudicator"))
    read(world, ADA)
    assert {t.name for t in view(world.state, RUTH, world.now).tasks if t.signed} >= {"read.1", "read.2"}
    with pytest.raises(Refused, match="You signed a reading"):
        world.do(Start(P, S, "decide"), ADA)
    world.do(Start(P, S, "decide"), actor("al", "adjudicator"))
    assert world.state.work["decide"].basis == {"read.1": 1, "read.2": 1, "read.3": 0}
    assert read(world, CARL) == "read.3"


def test_who_adjudicates_blind_sees_what_was_read_but_not_by_whom() -> None:
    world, al = double(), actor("al", "adjudicator")
    world.do(Assign(P, S, "read.1", "anna"), OLGA)
    read(world, ANNA)
    read(world, BEN)
    for each in (al, actor("al", "adjudicator", "owner")):
        seen = view(world.state, each, world.now)
        assert [seen.version(f"read.{n}", 1).by for n in (1, 2)] == ["Reader A", "Reader B"]
        told = repr([seen.task(f"read.{n}") for n in (1, 2)])
        assert "anna" not in told and "ben" not in told
        assert not any(s.key or s.seal or s.signature for n in (1, 2) for s in seen.task(f"read.{n}").signed)
    for other in (actor("ruth", "reviewer"), actor("au", "auditor")):
        assert view(world.state, other, world.now).version("read.1", 1).by == "anna"
    world.do(Start(P, S, "decide"), al)
    assert view(world.state, al, world.now).version("read.2", 1).by == "Reader B"
    world.do(Sign(P, S, "decide", world.fence("decide"), "decided"), al)
    assert view(world.state, al, world.now).version("read.2", 1) == world.state.work["read.2"].signed[0]


@pytest.mark.parametrize("only_by_assignment", [False, True])
def test_an_assignment_to_somebody_else_lifts_no_blinding(only_by_assignment: bool) -> None:
    world = double(tuple(replace(t, assigned=only_by_assignment and t.name == "decide") for t in DOUBLE))
    al, both = actor("al", "adjudicator"), actor("both", "owner", "annotator")
    for n, name in enumerate(("anna", "ben", "carl"), 1):
        world.do(Assign(P, S, f"read.{n}", name), OLGA)
    read(world, ANNA)
    assert not view(world.state, both, world.now).task("read.1").signed
    read(world, BEN)
    if not only_by_assignment:
        world.do(Assign(P, S, "decide", "zoe"), OLGA)
    assert view(world.state, al, world.now).version("read.1", 1).by == "Reader A"


def test_an_assigned_task_is_for_one_member_alone() -> None:
    world = double()
    world.do(Assign(P, S, "read.2", "anna"), OLGA)
    assert [t.name for t in view(world.state, ANNA, world.now).tasks] == ["read.2"]
    with pytest.raises(Refused, match=r"'read\.2' is not assigned to you"):
        world.do(Start(P, S, "read.2"), BEN)


def test_a_reading_is_repeated_by_its_reader_blind_and_later() -> None:
    again = TaskDefinition("again", "Again", "annotate", (), ("annotator",), repeats="annotate", wait_days=14)
    world = World()
    world.do(Enrol(P, S, "KAU", CASE.digest, (*CASE.pipeline[:2], again)), OLGA)
    for task, who in (("ingest", OLGA), ("annotate", ANNA)):
        world.do(Start(P, S, task), who)
        world.do(Sign(P, S, task, world.fence(task), "mine"), who)
    with pytest.raises(Refused, match="can be started from 2026-01-15"):
        world.do(Start(P, S, "again"), ANNA)
    assert not any(task.signed or task.may_start for task in view(world.state, ANNA, world.now).tasks)
    world.now += timedelta(days=14)
    with pytest.raises(Refused, match="repeats another member's reading"):
        world.do(Start(P, S, "again"), BEN)
    assert [t.name for t in view(world.state, ANNA, world.now).tasks if t.may_start] == ["again"]
    world.do(Start(P, S, "again"), ANNA)
    world.do(Sign(P, S, "again", 1, "again"), ANNA)
    assert view(world.state, ANNA, world.now).task("annotate").signed


def test_reopening_asks_for_the_next_version() -> None:
    world = signed_world()
    world.do(EndLease(P, S, "annotate"), OLGA)
    world.do(ASKED["reopen"], OLGA)
    seen = view(world.state, ANNA, world.now).task("annotate")
    assert (seen.status, seen.rejected, seen.may_start) == ("ready", "the cyst is missing", True)
