"""Whether two versions hold the same: labels, colours, shapes and answers; undo history does not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation, shape_of
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.workflow.usecase.pipeline import Decision, TaskKind

if TYPE_CHECKING:
    from eci_annotate.repository.task import Signed, Task


def is_same(one: Sequence[Annotation], other: Sequence[Annotation]) -> bool:
    """Whether both hold the same annotations, in any order."""

    def keys(annotations: Sequence[Annotation]) -> list[str]:
        return sorted(repr((a.kind, a.label, a.colour, a.series_uid, shape_of(a))) for a in annotations)

    return keys(one) == keys(other)


def unchanged_since(before: Signed | None, annotations: Sequence[Annotation], answers: Mapping[str, Any]) -> str:
    """Return `Identical to version n` with what was said of that version, or an empty text."""
    if before is None or dict(answers) != before.report or not is_same(annotations, before.annotations()):
        return ""
    return f"Identical to version {before.version}."


def remark_on(task: Task, easel: Easel, answers: Mapping[str, Any]) -> str:
    """Return what to know before signing: that the version, or the one under review, is identical to the last.

    Parameters
    ----------
    task
        The task.
    easel, answers
        Its annotations and answers.
    """
    with suppress(EciError):  # only a remark: signing says itself what is wrong
        if task.definition.kind == TaskKind.REVIEW:
            return unchanged_review(task)
        same = unchanged_since(task.previous() if task.version > 1 else None, easel.table.annotations(), answers)
        return f"{same} That version was rejected: {task.rejected}" if same and task.rejected else same
    return ""


def unchanged_review(task: Task) -> str:
    """Return, for a review, that the version under review is identical to the one reviewed before."""
    pair, now = task.reviewed_before(), task.reviewing()
    if pair is None or now is None:
        return ""
    before, review = pair
    same = unchanged_since(before, now.annotations(), now.report)
    verdict = f" That version was rejected: {review.reason}" if review.verdict == Decision.REJECT else ""
    return f"{same}{verdict}" if same else ""
