"""A verdict is about a version: stage, progress and readiness follow the newest one, and tables never mix versions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eci_annotate.errors import Refused, Tampered
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import from_json, to_json
from eci_annotate.workflow.subject.commands import Enrol, Reopen, Sign, Start
from eci_annotate.workflow.subject.state import is_done, stage_of, status
from eci_annotate.workflow.subject.verdict import (
    Verdict,
    Versions,
    chosen,
    verdict_of,
    version_statuses,
    versions_named,
)
from eci_annotate.workflow.subject.view import SubjectView, view
from eci_annotate.workflow.usecase.pipeline import TaskDefinition
from tests.workflow.test_roles import CASE, DOUBLE, double, read
from tests.workflow.workflow_world import ANNA, BEN, OLGA, RUTH, P, S, World, actor

FINAL = TaskDefinition("final", "Final report", "annotate", ("review",), ("annotator",), stage="report")
LAST = TaskDefinition("last", "Last look", "annotate", ("final",), ("annotator",))
CHECK = TaskDefinition("check", "Check", "review", ("decide",), ("reviewer",), of="decide", independent=True)
AL = actor("al", "adjudicator")


def world_of(*pipeline: TaskDefinition) -> World:
    made = World()
    made.do(Enrol(P, S, "KAU", CASE.digest, pipeline), OLGA)
    do(made, "ingest", OLGA)
    return made


def do(world: World, task: str, who: Actor, verdict: str = "", rerun: bool = False) -> None:
    world.do(Start(P, S, task, rerun=rerun), who)
    world.do(Sign(P, S, task, world.fence(task), "mine", verdict, "too small" if verdict == "reject" else ""), who)


def dots(world: World) -> str:
    marks = {"signed": "●", "ready": "○", "blocked": "·", "open": "◐"}
    return "".join(marks[status(world.state, task, world.now)] for task in world.state.pipeline)


def where(world: World) -> tuple[str, str]:
    return stage_of(world.state), dots(world)


def counted(world: World, name: str, versions: str = "newest", *, accepted: bool = False) -> list[int]:
    task = next(each for each in world.state.pipeline if each.name == name)
    statuses = version_statuses(world.state, task)
    return [each.version for each in chosen(statuses, versions_named(versions), accepted=accepted)]


@pytest.fixture
def accepted() -> World:
    """Version 1 is annotated by anna and accepted by ruth; a final report comes after the review."""
    made = world_of(*CASE.pipeline, FINAL, LAST)
    do(made, "annotate", ANNA)
    do(made, "review", RUTH, "accept")
    return made


def test_the_review_of_a_version_does_not_count_for_the_next(accepted: World) -> None:
    assert where(accepted) == ("report", "●●●○·")
    do(accepted, "annotate", ANNA, rerun=True)
    assert where(accepted) == ("review", "●●○··")
    with pytest.raises(Refused, match="'final' is not ready"):
        accepted.do(Start(P, S, "final"), ANNA)
    do(accepted, "review", RUTH, "accept")
    assert where(accepted) == ("report", "●●●○·")


def test_what_was_signed_behind_a_review_is_blocked_until_the_next_version_is_accepted(accepted: World) -> None:
    do(accepted, "final", ANNA)
    do(accepted, "last", ANNA)
    assert where(accepted) == ("done", "●●●●●")
    do(accepted, "annotate", ANNA, rerun=True)
    assert where(accepted) == ("review", "●●○··"), "also what is behind what is behind it"
    do(accepted, "review", RUTH, "reject")
    assert where(accepted) == ("annotate", "●○···")
    do(accepted, "annotate", ANNA)
    do(accepted, "review", RUTH, "accept")
    assert where(accepted) == ("done", "●●●●●")


def test_after_reopening_the_stage_is_that_of_the_annotation(accepted: World) -> None:
    accepted.do(Reopen(P, S, "annotate", "the cyst is missing"), OLGA)
    assert where(accepted) == ("annotate", "●○···")
    do(accepted, "annotate", ANNA)
    assert where(accepted) == ("review", "●●○··")


def test_after_a_rejection_it_is_the_annotators_turn() -> None:
    world = world_of(*CASE.pipeline)
    do(world, "annotate", ANNA)
    do(world, "review", RUTH, "reject")
    assert where(world) == ("annotate", "●○·")
    with pytest.raises(Refused, match="'review' rejected version 1 of 'annotate'"):
        world.do(Start(P, S, "review"), RUTH)
    assert view(world.state, OLGA, world.now).stage == "annotate"


def test_a_reopened_review_is_given_again() -> None:
    world = world_of(*CASE.pipeline)
    do(world, "annotate", ANNA)
    do(world, "review", RUTH, "reject")
    world.do(Reopen(P, S, "review", "it is large enough"), OLGA)
    assert where(world) == ("review", "●●○") and not view(world.state, ANNA, world.now).task("annotate").rejected
    do(world, "review", RUTH, "accept")
    assert where(world) == ("done", "●●●")
    world.do(Reopen(P, S, "review", "look again"), OLGA)
    assert where(world) == ("review", "●●○")


def test_an_adjudication_of_older_readings_is_not_done() -> None:
    world = double((*DOUBLE, CHECK))
    read(world, ANNA)
    read(world, BEN)
    do(world, "decide", AL)
    do(world, "check", RUTH, "accept")
    assert where(world) == ("done", "●●●○●●")
    do(world, "read.1", ANNA, rerun=True)
    assert where(world) == ("adjudicate", "●●●○○·") and not is_done(world.state, "decide")
    do(world, "decide", AL)
    assert where(world) == ("review", "●●●○●○")
    world.do(Reopen(P, S, "read.2", "wrong series"), OLGA)
    assert where(world) == ("annotate", "●●○○··")


def test_nothing_hides_again_what_was_open() -> None:
    world = double()
    read(world, ANNA)
    read(world, BEN)
    do(world, "decide", AL)
    world.do(Reopen(P, S, "read.1", "wrong series"), OLGA)
    world.do(Reopen(P, S, "decide", "wrong series"), OLGA)
    for who in (RUTH, AL):
        assert [view(world.state, who, world.now).version(f"read.{n}", 1).by for n in (1, 2)] == ["anna", "ben"]


def test_a_repeated_reading_that_is_signed_waits_for_no_day() -> None:
    again = TaskDefinition("again", "Again", "annotate", (), ("annotator",), repeats="annotate", wait_days=14)
    world = world_of(*CASE.pipeline[:2], again)
    do(world, "annotate", ANNA)
    world.now = world.now.replace(day=20)
    do(world, "again", ANNA)
    do(world, "annotate", ANNA, rerun=True)
    assert where(world) == ("done", "●●●")


# -- which versions count ---------------------------------------------------------------
def test_each_version_has_its_own_verdict(accepted: World) -> None:
    annotate = accepted.state.pipeline[1]
    do(accepted, "annotate", ANNA, rerun=True)
    assert [verdict_of(accepted.state, annotate, n) for n in (1, 2)] == ["accepted", "pending"]
    assert counted(accepted, "annotate") == [2] and counted(accepted, "annotate", accepted=True) == []
    do(accepted, "review", RUTH, "reject")
    assert [verdict_of(accepted.state, annotate, n) for n in (1, 2)] == ["accepted", "rejected"]
    assert counted(accepted, "annotate") == [], "the newest one was rejected, and the one before is not what counts"
    assert counted(accepted, "annotate", "all") == [1, 2] and counted(accepted, "annotate", "all", accepted=True) == [1]
    assert [each.superseded for each in version_statuses(accepted.state, annotate)] == [True, False]
    final = accepted.state.pipeline[3]
    do(accepted, "annotate", ANNA)
    do(accepted, "review", RUTH, "accept")
    do(accepted, "final", ANNA)
    assert verdict_of(accepted.state, final, 1) == Verdict.NONE and counted(accepted, "final", accepted=True) == []


def test_all_reviews_must_accept_and_one_can_reject() -> None:
    second = replace(CASE.pipeline[2], name="second")
    world = world_of(*CASE.pipeline, second)
    do(world, "annotate", ANNA)
    do(world, "review", RUTH, "accept")
    assert verdict_of(world.state, world.state.pipeline[1], 1) == Verdict.PENDING
    do(world, "second", RUTH, "reject")
    assert verdict_of(world.state, world.state.pipeline[1], 1) == Verdict.REJECTED
    assert where(world) == ("annotate", "●○··")


def test_each_reader_of_a_task_has_one_version() -> None:
    world = world_of(*CASE.pipeline[:2])
    for who in (ANNA, ANNA, BEN):
        do(world, "annotate", who, rerun=True)
    assert counted(world, "annotate") == [2, 3]
    statuses = version_statuses(world.state, world.state.pipeline[1])
    assert [each.superseded for each in statuses] == [True, True, False]


def test_the_adjudication_counts_or_its_readings_never_both() -> None:
    world = double((*DOUBLE, CHECK))
    names = ("read.1", "read.2", "read.3", "decide")

    def found() -> list[list[int]]:
        return [counted(world, name) for name in names]

    read(world, ANNA)
    read(world, BEN)
    assert found() == [[1], [1], [], []]
    do(world, "decide", AL)
    assert found() == [[], [], [], [1]]
    read(world, actor("carl", "annotator"))
    assert found() == [[], [], [], [1]], "a further reading of an adjudicated group is below it too"
    do(world, "read.1", ANNA, rerun=True)
    assert found() == [[2], [1], [1], []], "the adjudication is of an older reading"
    assert [each.superseded for each in version_statuses(world.state, world.state.pipeline[4])] == [True]
    do(world, "decide", AL)
    assert found() == [[], [], [], [2]]
    do(world, "check", RUTH, "reject")
    assert found() == [[2], [1], [1], []], "what was rejected stands above nothing"
    below = [chosen(version_statuses(world.state, task), readings=True) for task in world.state.pipeline[1:4]]
    assert [[each.version for each in some] for some in below] == [[2], [1], [1]]


def test_an_adjudication_speaks_for_the_group_whoever_signs_it() -> None:
    world = double((*DOUBLE, CHECK))
    read(world, ANNA)
    read(world, BEN)
    do(world, "decide", AL)
    do(world, "decide", actor("ada", "adjudicator"), rerun=True)
    assert counted(world, "decide") == [2]
    do(world, "check", RUTH, "reject")
    assert [counted(world, name) for name in ("read.1", "read.2", "decide")] == [[1], [1], []]


def test_an_unknown_choice_of_versions_is_refused_by_name() -> None:
    assert versions_named("all") is Versions.ALL
    with pytest.raises(Refused, match=r"versions='latest' is not known\. Use versions='newest' or versions='all'\."):
        versions_named("latest")


def test_a_view_says_of_what_it_shows_what_became_of_it(accepted: World) -> None:
    do(accepted, "annotate", BEN, rerun=True)
    for who, expected in (
        (ANNA, [(1, "accepted")]),
        (BEN, [(2, "pending")]),
        (OLGA, [(1, "accepted"), (2, "pending")]),
    ):
        task = view(accepted.state, who, accepted.now).task("annotate")
        assert [(each.version, each.verdict) for each in task.statuses] == expected
    developer = view(accepted.state, actor("dev", "developer"), accepted.now)
    assert [task.name for task in developer.tasks] == ["annotate"], "who sees no review still learns its verdict"
    assert [each.verdict for each in developer.task("annotate").statuses] == ["accepted", "pending"]


def test_what_became_of_a_version_travels(accepted: World) -> None:
    seen = view(accepted.state, OLGA, accepted.now)
    read_back = from_json(SubjectView, to_json(seen))
    assert read_back == seen and read_back.task("annotate").statuses[0].verdict is Verdict.ACCEPTED
    damaged = to_json(seen)
    damaged["tasks"][1]["statuses"][0]["verdict"] = "perhaps"
    with pytest.raises(Tampered):
        from_json(SubjectView, damaged)
