"""Notices follow the newest version: who has to act next is told, and nobody is told of a version that is past."""

from __future__ import annotations

from datetime import timedelta

from eci_annotate.hub.background.notices import notices
from eci_annotate.workflow.subject.commands import Assign, EndLease, Reopen, Sign, Start
from tests.workflow.test_roles import CASE, DOUBLE, double, read
from tests.workflow.test_verdict import AL, do, world_of
from tests.workflow.workflow_world import ANNA, BEN, OLGA, RUTH, P, S, World, actor


def told(world: World, since: int) -> list[tuple[str, str, str]]:
    return [(each.what, each.task, each.to) for each in notices(world.events, since, world.now)]


def test_a_reviewer_is_told_of_the_next_version_of_what_was_accepted() -> None:
    world = world_of(*CASE.pipeline)
    world.do(Assign(P, S, "review", "ruth"), OLGA)
    do(world, "annotate", ANNA)
    do(world, "review", RUTH, "accept")
    since = len(world.events)
    do(world, "annotate", ANNA, rerun=True)
    assert told(world, since) == [("signed", "annotate", "anna"), ("ready", "review", "ruth")]


def test_an_adjudicator_is_told_of_a_newer_reading() -> None:
    world = double(DOUBLE)
    world.do(Assign(P, S, "decide", "al"), OLGA)
    read(world, ANNA)
    read(world, BEN)
    do(world, "decide", AL)
    since = len(world.events)
    do(world, "read.1", ANNA, rerun=True)
    assert told(world, since) == [("signed", "read.1", "anna"), ("ready", "decide", "al")]


def test_who_is_told_of_a_rejection_is_not_told_twice() -> None:
    world = world_of(*CASE.pipeline)
    do(world, "annotate", ANNA)
    since = len(world.events)
    do(world, "review", RUTH, "reject")
    assert told(world, since) == [("signed", "review", "ruth"), ("rejected", "annotate", "anna")]
    do(world, "annotate", ANNA)
    since = len(world.events)
    world.do(Reopen(P, S, "annotate", "the cyst is missing"), OLGA)
    assert told(world, since) == [("rejected", "annotate", "anna")]


def test_a_late_verdict_on_an_older_version_rejects_nothing() -> None:
    world = world_of(*CASE.pipeline)
    do(world, "annotate", ANNA)
    world.do(Start(P, S, "review"), RUTH)
    do(world, "annotate", BEN, rerun=True)
    since = len(world.events)
    world.do(Sign(P, S, "review", world.fence("review"), "late", "reject", "too small"), RUTH)
    assert ("rejected", "annotate", "ben") not in told(world, since)
    assert told(world, since) == [("signed", "review", "ruth")], "the review of version 2 was ready before"


def test_an_ended_lease_tells_nobody() -> None:
    world = world_of(*CASE.pipeline)
    world.do(Start(P, S, "annotate"), ANNA)
    since, world.now = len(world.events), world.now + timedelta(minutes=1)
    world.do(EndLease(P, S, "annotate"), actor("olga", "owner"))
    assert told(world, since) == []
