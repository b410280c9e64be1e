"""Which signed versions count: one rule for tables, exports, agreement and training, so that versions never mix.

By default it is each reader's newest version of a task, unless that was rejected. A current adjudication takes
precedence over its readings; a table contains either it or the readings, never both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from eci_annotate.errors import Refused
from eci_annotate.workflow.subject.state import Subject, is_outdated, rejection, verdict_on
from eci_annotate.workflow.usecase.pipeline import Decision, TaskDefinition, TaskKind, reviews_of, task_named


class Verdict(StrEnum):
    """The result of the reviews of one version of a task; ``none`` if the pipeline does not review it."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"
    NONE = "none"


class Versions(StrEnum):
    """Which versions are requested: those that count, or all."""

    NEWEST = "newest"
    ALL = "all"


@dataclass(frozen=True)
class VersionStatus:
    """The status of a signed version.

    Parameters
    ----------
    version
        Its number.
    verdict
        Result of the reviews of this very version.
    newest
        Its reader signed no later version of the task; for an adjudication nobody did, since it speaks for the group.
    superseded
        The task has a later version, or `replaced` holds.
    replaced
        For a reading: its group has a current adjudication. For an adjudication: a reading on which it is based has a
        later version.
    """

    version: int
    verdict: Verdict
    newest: bool
    superseded: bool
    replaced: bool = False


def version_statuses(state: Subject, task: TaskDefinition) -> tuple[VersionStatus, ...]:
    """Return the status of each signed version of a task, oldest first."""
    signed = state.work[task.name].signed
    last = {"" if task.kind == TaskKind.ADJUDICATE else each.by: each.version for each in signed}
    replaced = _is_replaced(state, task)
    return tuple(
        VersionStatus(
            version=each.version,
            verdict=verdict_of(state, task, each.version),
            newest=each.version in last.values(),
            superseded=replaced or each.version < len(signed),
            replaced=replaced,
        )
        for each in signed
    )


def verdict_of(state: Subject, task: TaskDefinition, version: int) -> Verdict:
    """Return the reviews' verdict on one version: one rejection suffices, all must accept.

    A copy has the verdict of the version that it was copied from.
    """
    if task.kind == TaskKind.DERIVE:
        source = state.work[task.name].signed[version - 1].basis.get(task.of, 0)
        return verdict_of(state, task_named(state.pipeline, task.of), source) if source else Verdict.NONE
    reviews = reviews_of(state.pipeline, task.name)
    if not reviews:
        return Verdict.NONE
    given = [verdict_on(state, review, version) for review in reviews]
    said = [each.verdict if each else "" for each in given]
    if Decision.REJECT in said:
        return Verdict.REJECTED
    return Verdict.ACCEPTED if set(said) == {Decision.ACCEPT} else Verdict.PENDING


def _is_replaced(state: Subject, task: TaskDefinition) -> bool:
    if task.kind == TaskKind.ADJUDICATE:
        return bool(state.work[task.name].signed) and is_outdated(state, task)
    above = (each for each in state.pipeline if each.kind == TaskKind.ADJUDICATE and each.of == task.of_group)
    return any(_is_current(state, each) for each in above)


def _is_current(state: Subject, adjudication: TaskDefinition) -> bool:
    signed = bool(state.work[adjudication.name].signed)
    return signed and not is_outdated(state, adjudication) and rejection(state, adjudication.name) is None


def versions_named(name: str) -> Versions:
    """Return the `Versions` with that name; raises Refused, listing the valid names, for any other."""
    try:
        return Versions(name)
    except ValueError:
        known = " or ".join(f"versions={each.value!r}" for each in Versions)
        raise Refused(f"versions={name!r} is not known.", f"Use {known}.") from None


def chosen(
    statuses: Iterable[VersionStatus],
    versions: Versions = Versions.NEWEST,
    *,
    accepted: bool = False,
    readings: bool = False,
) -> list[VersionStatus]:
    """Return the versions that count.

    Parameters
    ----------
    statuses
        Those of one task, from `version_statuses` or a view.
    versions
        ``newest``: each reader's newest version, unless it was rejected or replaced; ``all``: every version.
    accepted
        Only the accepted ones among these; a task without a review has none.
    readings
        Whether readings below an adjudication count too, for comparing readers.
    """
    every = versions == Versions.ALL
    return [
        each
        for each in statuses
        if (every or (each.newest and each.verdict != Verdict.REJECTED and (readings or not each.replaced)))
        and (not accepted or each.verdict == Verdict.ACCEPTED)
    ]
