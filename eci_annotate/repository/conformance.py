"""What every `Backend` and its `Images` must do, as checks that run on any implementation; local and remote are two.

Each runs on a fresh `World`: a subject with images, whose task the actor may start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eci_annotate.errors import EciError, LeaseLost, NotFound, Refused
from eci_annotate.repository.backend import Backend, Images, SubjectQuery, every_subject
from eci_annotate.repository.draft_entries import answers_entry, snapshot_entry
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.signed import Signed
from eci_annotate.workflow.subject.commands import ReleaseTask, Sign, Start
from eci_annotate.workflow.subject.view import SubjectView, TaskView


@dataclass(frozen=True)
class World:
    """What the checks run on.

    Parameters
    ----------
    backend, images
        The implementation, opened by one actor.
    project, subject, task
        A subject with images, and a task that the actor may start.
    answers
        A complete report for an empty drawing.
    """

    backend: Backend
    images: Images
    project: str
    subject: str
    task: str
    answers: dict[str, Any] = field(default_factory=dict)

    def start(self) -> TaskView:
        """Take the lease."""
        seen = self.backend.do(Start(self.project, self.subject, self.task))
        assert seen is not None
        return seen.task(self.task)


def refuses(kind: type[EciError] | tuple[type[EciError], ...], act: Callable[[], object]) -> None:
    """AssertionError unless `act` raises that error."""
    try:
        act()
    except kind:
        return
    raise AssertionError(f"{kind} was not raised")


def lists_and_subjects_agree(world: World) -> None:
    backend = world.backend
    assert world.project in backend.account.projects()
    assert backend.account.actor.name in {member.name for member in backend.account.members(world.project)}
    page = backend.subjects(world.project, SubjectQuery(contains=world.subject))
    assert page.total == 1 and page.views == (backend.subject(world.project, world.subject),)
    assert list(every_subject(backend, world.project, SubjectQuery(contains=world.subject))) == list(page.views)
    assert backend.subjects(world.project, SubjectQuery(contains="nobody")).total == 0


def what_does_not_exist_is_not_found(world: World) -> None:
    backend, where = world.backend, (world.project, world.subject)
    refuses(NotFound, lambda: backend.subject(world.project, "NOBODY"))
    refuses((NotFound, Refused), lambda: backend.account.members("no-such-project"))
    refuses(NotFound, lambda: backend.get(*where, "0" * 64))
    refuses(NotFound, lambda: backend.account.use_case(world.project, "0" * 64))
    refuses(NotFound, lambda: backend.signature(f"{world.project}/{world.subject}/{'0' * 64}"))
    refuses(NotFound, lambda: world.images.studies(world.project, "NOBODY"))
    refuses(NotFound, lambda: world.images.volume(*where, "1.2.3"))


def a_start_gives_the_lease_and_is_in_the_feed(world: World) -> None:
    position, _ = world.backend.feed()
    task = world.start()
    assert task.mine and task.fence > 0 and task.until is not None and task.holder == world.backend.account.actor.name
    assert world.start().fence == task.fence, "starting again changes nothing"
    later, changed = world.backend.feed(position)
    assert later > position and (world.project, world.subject) in changed
    assert [_at(world, each).task(world.task).mine for each in (position, later)] == [False, True]
    refuses(Refused, lambda: _at(world, later + 1000))
    world.backend.do(ReleaseTask(world.project, world.subject, world.task, task.fence))
    assert not world.backend.subject(world.project, world.subject).task(world.task).mine


def _at(world: World, position: int) -> SubjectView:
    asked = SubjectQuery(contains=world.subject, position=position)
    return world.backend.subjects(world.project, asked).views[0]


def a_draft_is_kept_for_its_fence_alone(world: World) -> None:
    where = (world.project, world.subject, world.task)
    refuses(LeaseLost, lambda: world.backend.drafts.read(*where))
    fence = world.start().fence
    world.backend.drafts.save(*where, fence, [answers_entry({"x": 1})])
    world.backend.drafts.save(*where, fence, [answers_entry({"x": None})])
    assert world.backend.drafts.read(*where) == [answers_entry({"x": 1}), answers_entry({"x": None})]
    refuses(LeaseLost, lambda: world.backend.drafts.save(*where, fence + 1, [answers_entry({})]))


def content_is_named_by_its_digest_and_reached_through_the_subject(world: World) -> None:
    content, where = b"a snapshot \0", (world.project, world.subject)
    refuses(LeaseLost, lambda: world.backend.put(*where, content))
    fence = world.start().fence
    digest = world.backend.put(*where, content)
    assert digest == hashlib.sha256(content).hexdigest()
    refuses(NotFound, lambda: world.backend.get(*where, digest))
    world.backend.drafts.save(*where, world.task, fence, [snapshot_entry(digest)])
    assert world.backend.get(*where, digest) == content


def a_signature_is_a_version_or_waits_for_its_person(world: World) -> None:
    where = (world.project, world.subject, world.task)
    fence = world.start().fence
    refuses(LeaseLost, lambda: world.backend.do(Sign(*where, fence + 1, "I looked")))
    refuses(EciError, lambda: world.backend.do(Sign(*where, fence, "I looked")))
    world.backend.drafts.save(*where, fence, [answers_entry(world.answers)])
    done = world.backend.do(Sign(*where, fence, "I looked"))
    match done:
        case Signed():
            assert (done.version, done.reader, done.report) == (1, world.backend.account.actor.name, world.answers)
        case Pending():
            assert done.url and done.poll() is None
            assert not world.backend.subject(world.project, world.subject).task(world.task).signed
    assert all(check.passed for check in world.backend.trail.verify(world.project, world.subject))


def images_are_listed_and_decoded_alike_each_time(world: World) -> None:
    where = (world.project, world.subject)
    (series, *_) = [each for study in world.images.studies(*where) for each in study.series]
    first, again = (world.images.volume(*where, series.series_uid) for _ in range(2))
    assert first.dims == ("k", "j", "i") and first.shape[0] == series.instances
    assert np.array_equal(first, again) and first.attrs == again.attrs


BACKEND_LAWS: Sequence[Callable[[World], None]] = (
    lists_and_subjects_agree,
    what_does_not_exist_is_not_found,
    a_start_gives_the_lease_and_is_in_the_feed,
    a_draft_is_kept_for_its_fence_alone,
    content_is_named_by_its_digest_and_reached_through_the_subject,
    a_signature_is_a_version_or_waits_for_its_person,
    images_are_listed_and_decoded_alike_each_time,
)
