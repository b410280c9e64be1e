"""A pipeline is data: tasks in order, and after which signatures each is ready.

A review is about one task (`of`); a rejected version makes that task ready again, for the next version.
"""

from __future__ import annotations

from dataclasses import dataclass

from eci_annotate.errors import NotFound

INGEST, ANNOTATE, REVIEW = "ingest", "annotate", "review"
ACCEPT, REJECT = "accept", "reject"


@dataclass(frozen=True)
class TaskDefinition:
    """One step of the pipeline.

    Parameters
    ----------
    name, title
        `name` is what commands say, `title` what people read.
    kind
        ``ingest``, ``annotate`` or ``review``.
    after
        Tasks that must be signed (reviews: accepted) before this one is ready.
    roles
        Who may start it; any one of these roles.
    tools
        Tools that the viewer offers.
    form
        Name of the report form, or empty.
    of
        For a review: the task whose newest version it is about.
    independent
        For a review: who signed the version may not review it.
    """

    name: str
    title: str
    kind: str
    after: tuple[str, ...]
    roles: tuple[str, ...]
    tools: tuple[str, ...] = ()
    form: str = ""
    of: str = ""
    independent: bool = False


def task_named(pipeline: tuple[TaskDefinition, ...], name: str) -> TaskDefinition:
    """The task of that name; NotFound names those that there are."""
    for each in pipeline:
        if each.name == name:
            return each
    known = ", ".join(repr(each.name) for each in pipeline)
    raise NotFound("The pipeline has no such task.", f"Its tasks are {known or 'none'}.")


def reviews_of(pipeline: tuple[TaskDefinition, ...], name: str) -> tuple[TaskDefinition, ...]:
    """The reviews that are about the task `name`."""
    return tuple(each for each in pipeline if each.kind == REVIEW and each.of == name)
