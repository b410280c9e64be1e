"""What is known of a control case: lesions and answers, kept with the subject, where it exists for owners only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import xarray as xr

from eci_annotate.errors import BadAnswers, Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.backend import Backend, Images
from eci_annotate.repository.external.subject_images import SubjectImages
from eci_annotate.workflow.codec import canonical, parse
from eci_annotate.workflow.subject.blinding import CONTROL_LAYER
from eci_annotate.workflow.subject.commands import Attach
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.answer_check import typed_answers
from eci_annotate.workflow.usecase.pipeline import DRAWN, task_named
from eci_annotate.workflow.usecase.usecase import UseCase

MEDIA_TYPE = "application/json"
SOURCE = "reference/1"


class SubjectVolumes(SubjectImages):
    """The studies and volumes of one subject, as one member may see them."""

    def __init__(self, backend: Backend, images: Images, project: str, subject: str) -> None:
        self._backend, self._images, self.project, self.subject = backend, images, project, subject

    def volume(self, series_uid: str) -> xr.DataArray:
        """Return a series as a volume (k, j, i)."""
        return self._images.volume(self.project, self.subject, series_uid)


@dataclass(frozen=True)
class ControlReference:
    """What is known of a subject.

    Parameters
    ----------
    place
        The subject's images.
    task
        The task whose readings are compared with it; empty if the subject is no control case any more.
    report
        Known answers; questions that are not in it are not compared.
    lines
        Journal lines that draw the known lesions; None if it is not known which there are.
    digest
        Of the stored content.
    """

    place: SubjectVolumes
    task: str
    report: dict[str, Any]
    lines: tuple[str, ...] | None
    digest: str
    version: int = field(default=0)

    @cached_property
    def _drawn(self) -> list[Annotation]:
        from eci_annotate.tools import replay

        return list(replay(self.place.volume, None, self.lines or ()).table.annotations())

    def annotations(self) -> list[Annotation]:
        """The known lesions."""
        return self._drawn


def store_reference(
    place: SubjectVolumes,
    task: str,
    annotations: Sequence[Annotation] | None,
    answers: Mapping[str, Any],
    case: UseCase,
) -> None:
    """Keep what is known of a subject as the next version of its reference.

    Raises
    ------
    Refused
        The task draws nothing, an annotation does not fit the images, or the actor is no owner.
    BadAnswers
        An answer is none of the form.
    """
    from eci_annotate.repository.external.adopt_annotations import adoption_pairs
    from eci_annotate.tools import to_line

    if task and task_named(case.pipeline, task).kind not in DRAWN:
        raise Refused(f"Nothing is drawn in the task {task!r}.", "Name the task whose readings are compared.")
    if annotations is None and not answers and task:
        raise Refused("Nothing is known of this control case.", "Give annotations, answers, or both.")
    typed, faults = typed_answers(case.questions, answers)
    if wrong := [fault for fault in faults if not fault.is_missing]:
        raise BadAnswers(wrong[0].what, wrong[0].remedy)
    pairs = adoption_pairs(place, annotations, SOURCE, "") if annotations else []
    lines = None if annotations is None else [to_line(entry) for pair in pairs for entry in pair]
    content = canonical({"task": task, "report": typed, "lines": lines})
    where = (place.project, place.subject)
    digest = place._backend.put(*where, content, attached=True)
    place._backend.do(Attach(*where, CONTROL_LAYER, MEDIA_TYPE, digest, len(content)))


def reference_of(backend: Backend, images: Images, seen: SubjectView) -> ControlReference | None:
    """Return what is known of a subject; None if it is no control case, or the member is no owner."""
    layer = next((each for each in seen.layers if each.layer == CONTROL_LAYER), None)
    if layer is None:
        return None
    body = parse(backend.get(seen.project, seen.subject, layer.digest), "A reference")
    if not body["task"]:
        return None
    place = SubjectVolumes(backend, images, seen.project, seen.subject)
    lines = None if body["lines"] is None else tuple(body["lines"])
    return ControlReference(place, body["task"], body["report"], lines, layer.digest, layer.version)
