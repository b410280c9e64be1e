"""Sides of a comparison: what each reader, or each version, drew and answered, each with its own colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import cycle
from typing import TYPE_CHECKING, Any

import xarray as xr

from eci_annotate.imaging.annotations import Annotation, Colour
from eci_annotate.tools import replay
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.stage.ink.layer import Layer
from eci_annotate.viewer.stage.labels import PALETTE
from eci_annotate.workflow.subject.blinding import letter
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind, task_named

if TYPE_CHECKING:
    from eci_annotate.repository.task import Signed, Task

COLOURS: tuple[Colour, ...] = (PALETTE[1], PALETTE[0], PALETTE[6], PALETTE[3], PALETTE[2])


class Side:
    """One side.

    Attributes
    ----------
    title, colour
        As displayed.
    signed, easel, layer
        The version, its annotations, and these as a layer below the user's own work.
    """

    def __init__(self, title: str, colour: Colour, signed: Signed, easel: Easel) -> None:
        self.title, self.colour, self.signed, self.easel = title, colour, signed, easel
        self.layer = Layer(easel, title, colour)

    @property
    def version(self) -> int:
        """The version's number."""
        return self.signed.version

    @property
    def source(self) -> str:
        """Task and version, as an adoption names them."""
        return f"{self.signed.task}/{self.signed.version}"

    @cached_property
    def report(self) -> dict[str, Any]:
        """The form's answers."""
        return self.signed.report

    @cached_property
    def _annotations(self) -> list[Annotation]:
        return self.easel.table.annotations()

    def annotations(self) -> list[Annotation]:
        """The annotations, as they were signed."""
        return self._annotations


def sides_of(task: Task, own: Easel) -> list[Side]:
    """Return what a task is compared with: the readings to adjudicate; for a review, the version reviewed before."""
    kind, definition = task.definition.kind, task.definition
    if kind == TaskKind.ADJUDICATE:
        readings = task.readings()
        return opened(readings, names(readings, task.use_case.pipeline, definition.blind), own)
    before = task.reviewed_before() if kind == TaskKind.REVIEW else None
    now = task.reviewing()
    if before is None or now is None:
        return []
    old, new = before[0], now
    (first,) = opened([old], [f"Version {old.version}"], own)
    return [first, Side(f"Version {new.version}", COLOURS[1], new, own)]


def earlier_of(task: Task, own: Easel) -> list[Side]:
    """Return the version of an earlier task that is shown with this one, if there is one."""
    signed = task.earlier()
    if signed is None:
        return []
    title = task_named(task.use_case.pipeline, signed.task).title
    return opened([signed], [f"{title}, version {signed.version}"], own)


def names(readings: Sequence[Signed], pipeline: tuple[TaskDefinition, ...], blind: bool) -> list[str]:
    """Return the readers' names; letters if the task is blind, even for those who might know the names."""
    return [letter(pipeline, task_named(pipeline, each.task)) if blind else each.reader for each in readings]


def opened(versions: Sequence[Signed], titles: Sequence[str], own: Easel | None = None) -> list[Side]:
    """Return sides of signed versions; they share the series that `own` has prepared, or each other's."""
    sides: list[Side] = []
    for signed, title, colour in zip(versions, titles, cycle(COLOURS), strict=False):
        shared = own or (sides[0].easel if sides else None)
        sides.append(Side(title, colour, signed, _easel(signed, shared)))
    return sides


def _easel(signed: Signed, shared: Easel | None) -> Easel:
    volume: Callable[[str], xr.DataArray] = signed.volume
    if shared is not None:
        volume = lambda uid: shared.table.sheet_of(uid).volume  # noqa: E731
    content = signed.content("snapshot")
    easel = replay(volume, content[0] if content else None, ())
    if shared is not None:
        easel.table.share(shared.table)
    easel.table.hidden, easel.table.active = frozenset(), None
    return easel
