"""Restoring work: the easel and the answers of a draft, or of the version that a review is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eci_annotate.errors import NoSeriesFits
from eci_annotate.tools import replay
from eci_annotate.tools.editing.easel import LIFT, Easel
from eci_annotate.tools.editing.entries import Entry, Show
from eci_annotate.viewer.stage.places import Place, from_rows
from eci_annotate.workflow.usecase.gate import Checks
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import TaskKind

if TYPE_CHECKING:
    from eci_annotate.repository.task import Signed, Task


PLACES = "places"  # key under which the draft of a review stores them


@dataclass(frozen=True)
class Restored:
    """The initial state of a workbench.

    Parameters
    ----------
    easel, answers
        As they were left, or as they were signed.
    resumed
        Whether there was a draft.
    reviewed
        For a review: the version that it is about.
    places
        For a review its marked places; otherwise those of the review that rejected this work.
    missing
        What of the draft cannot be read; empty for a whole draft.
    checks
        What is stated of slots and series.
    """

    easel: Easel
    answers: dict[str, Any]
    resumed: bool = False
    reviewed: Signed | None = None
    places: tuple[Place, ...] = ()
    missing: str = ""
    checks: Checks = field(default_factory=Checks)


def restored(task: Task) -> Restored:
    """Return the current work of a task."""
    signed = task.reviewing() if task.definition.kind == TaskKind.REVIEW else None
    if signed is not None:
        content = signed.content("snapshot")
        easel = replay(task.volume, content[0] if content else None, ())
        marked = from_rows(task.draft().answers.get(PLACES, []))
        return Restored(easel, signed.report, reviewed=signed, places=marked)
    draft = task.draft()
    easel = replay(task.volume, draft.snapshot, draft.lines)
    if not draft.count:
        easel.table.history.forget_items()  # a new version's undo does not reach into the version before
    marked = from_rows(task.marked())
    return Restored(
        easel,
        draft.answers,
        draft.count > 0,
        places=marked,
        missing=draft.missing,
        checks=Checks.from_json(draft.checks),
    )


def begin(work: Restored, task: Task, hanging: Hanging, chosen: str = "") -> list[Entry]:
    """Show the series of the earlier work, or else the one that was chosen or hangs first.

    Parameters
    ----------
    work
        Restored work; its easel is changed.
    task
        The task.
    hanging
        Layout of the study.
    chosen
        Series that the user chose because none fits; empty if nobody was asked.

    Returns
    -------
    list of Entry
        Entries that the journal must record.

    Raises
    ------
    NoSeriesFits
        If no series fits the hanging protocol and none was chosen.
    """
    task.shown = True
    lift: list[Entry] = [LIFT] if work.resumed else []  # the following entries must not undo an interrupted stroke
    easel = work.easel
    if easel.table.series_uid:
        return lift
    first = chosen or hanging.first
    if first is None:
        what = f"No series of {task.subject} fits the hanging protocol of this project."
        raise NoSeriesFits(what, "Choose the series to work on.")
    easel.show(first)
    if work.reviewed is not None:
        return lift
    tools = task.definition.tools
    if tools and easel.tool not in tools:
        easel.tool = tools[0]
    return [*lift, Show(first)]
