"""A pipeline is data: stages and tasks in order, and the signatures after which each task is ready.

A task with several readers becomes one reading per reader, each a separate task (`annotate.1`, `annotate.2`) in one
group; the group is done when enough of them are signed. A review is about one task (`of`), an adjudication about a
group.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from eci_annotate.errors import NotFound


class TaskKind(StrEnum):
    """What is done in a task."""

    INGEST = "ingest"
    ANNOTATE = "annotate"
    REVIEW = "review"
    ADJUDICATE = "adjudicate"
    DERIVE = "derive"  # done by the service, which copies what another task drew


class Decision(StrEnum):
    """What a review decides about a version."""

    ACCEPT = "accept"
    REJECT = "reject"


DRAWN = (TaskKind.ANNOTATE, TaskKind.ADJUDICATE, TaskKind.DERIVE)  # kinds whose versions contain annotations


@dataclass(frozen=True)
class Need:
    """One thing that each lesion needs: annotations in certain slots of the hanging protocol.

    Parameters
    ----------
    slots
        The slots.
    kinds
        ``box``, ``contours``, ``mask``: which annotations count; empty: any.
    at_least
        In how many of the slots it must be drawn; 0: in all of them.
    """

    slots: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    at_least: int = 0


@dataclass(frozen=True)
class SlotAnswer:
    """An answer about each lesion that follows from where it is drawn, such as the side in mammography.

    Parameters
    ----------
    answer
        A choice in the form's list of lesions.
    values
        Values of the choice, each with the slots in which such a lesion may be drawn. Slots that no value has say
        nothing.
    """

    answer: str
    values: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Gate:
    """What must match at signing.

    Parameters
    ----------
    lesions, label
        The form's list of lesions, and the field that contains the label of a lesion's annotation.
    slots
        Slots of the hanging protocol in which each lesion must be drawn, if the study has such a series.
    kinds
        ``box``, ``contours``, ``mask``: which annotations count; empty: any.
    beside
        Labels that may be drawn although they are not lesions, such as the organ.
    needs
        What each lesion needs, slot by slot. Where the study has too few series for a need, each slot that no series
        fills has to be answered as not available, with a reason; two annotations of one label that meet the same
        need on one series are refused.
    agrees
        Answers that the slots of a lesion's annotations decide.
    check_series
        Whether each lesion's box has to be looked at, and ticked, on every series that the protocol shows.
    """

    lesions: str
    label: str = "label"
    slots: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    agrees: tuple[SlotAnswer, ...] = ()
    check_series: bool = False

    @property
    def needed_slots(self) -> tuple[str, ...]:
        """The slots that `needs` names, each once."""
        return tuple(dict.fromkeys(slot for need in self.needs for slot in need.slots))


@dataclass(frozen=True)
class CopyRule:
    """What the service copies in a derived task.

    Parameters
    ----------
    source, target
        Slots of the hanging protocol: annotations on the series of all `source` slots are copied onto the first of
        `target` that has another series.
    registration
        Data layer with a registration from the source's frame of reference to the target's; without one both must
        have the same.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    registration: str = ""


@dataclass(frozen=True)
class TaskDefinition:
    """One step of the pipeline.

    Parameters
    ----------
    name, title
        `name` is used in commands, `title` is shown to users.
    kind
        ``ingest``, ``annotate``, ``review``, ``adjudicate`` or ``derive``.
    after
        Tasks that must be signed (reviews: accepted) before this one is ready; a group counts once it has its readings.
    roles
        Who may start it; any one of these roles.
    tools
        Tools that the viewer offers.
    form
        Name of the report form, or empty.
    of
        For a review: the task whose newest version it is about; for an adjudication: the group; for a derived task:
        the task whose newest version is copied.
    independent
        For a review or adjudication: those who signed its target may not do it.
    stage
        The stage it belongs to; by default its kind.
    sites
        Only members of these sites may do it; empty: any.
    readers, most
        How many readings are needed, and how many are allowed.
    group
        For a reading: its name in the use case; empty if there is only one reading.
    blind
        Readers cannot see each other's readings until there are enough; an adjudicator sees
        Reader A and Reader B in place of names until the adjudication is signed.
    assigned
        Only the assigned member may do it.
    repeats, wait_days
        For a repeated reading: the task whose reader repeats it, blind to the first reading, and after how many days.
    gate
        How lesions of the form and annotations must match at signing.
    beside
        An earlier task whose newest signed version is shown with this one: its annotations on their own series, and
        its answers next to the questions.
    first
        Slots of the hanging protocol in order; the task opens on the first of them that has a series. Empty: on the
        protocol's first series.
    copies
        For a derived task: what is copied, and where.
    """

    name: str
    title: str
    kind: TaskKind
    after: tuple[str, ...]
    roles: tuple[str, ...]
    tools: tuple[str, ...] = ()
    form: str = ""
    of: str = ""
    independent: bool = False
    stage: str = ""
    sites: tuple[str, ...] = ()
    readers: int = 1
    most: int = 0
    group: str = ""
    blind: bool = False
    assigned: bool = False
    repeats: str = ""
    wait_days: int = 0
    gate: Gate | None = None
    beside: str = ""
    first: tuple[str, ...] = ()
    copies: CopyRule | None = None

    @property
    def of_group(self) -> str:
        """The name by which other tasks refer to it."""
        return self.group or self.name


def expanded(tasks: Iterable[TaskDefinition]) -> tuple[TaskDefinition, ...]:
    """Return the tasks, replacing each task with several readers by its readings."""
    return tuple(reading for task in tasks for reading in _readings(task))


def _readings(task: TaskDefinition) -> tuple[TaskDefinition, ...]:
    slots = max(task.readers, task.most)
    if slots == 1:
        return (task,)
    names = ((f"{task.name}.{n}", f"{task.title} ({n} of {slots})") for n in range(1, slots + 1))
    return tuple(replace(task, name=name, title=title, group=task.name) for name, title in names)


def task_named(pipeline: tuple[TaskDefinition, ...], name: str) -> TaskDefinition:
    """Return the task of that name; NotFound lists the existing names."""
    for each in pipeline:
        if each.name == name:
            return each
    known = ", ".join(repr(each.name) for each in pipeline)
    raise NotFound("The pipeline has no such task.", f"Its tasks are {known or 'none'}.")


def readings_of(pipeline: tuple[TaskDefinition, ...], name: str) -> tuple[TaskDefinition, ...]:
    """Return the task of that name, or the readings of that group."""
    return tuple(each for each in pipeline if name in (each.name, each.group))


def reviews_of(pipeline: tuple[TaskDefinition, ...], name: str) -> tuple[TaskDefinition, ...]:
    """Return the reviews of the task `name`."""
    return tuple(each for each in pipeline if each.kind == TaskKind.REVIEW and each.of == name)
