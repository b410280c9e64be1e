"""What would be signed, as one value: a draft that was replayed and checked; nothing is written here.

A draft is replayed once: the request, the page that shows it and the signature share one proposal while draft,
definition and images stay the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from threading import Lock
from typing import TYPE_CHECKING, Any

import xarray as xr

from eci_annotate.archive.protocol import Archive, hanging_headers
from eci_annotate.errors import BadJournal
from eci_annotate.imaging.annotations import Annotation, Box
from eci_annotate.imaging.measurements import volume_mm3_on
from eci_annotate.repository.draft_entries import all_lines, content_digest, read_draft
from eci_annotate.repository.keys.subject_encryption import SubjectBlobs
from eci_annotate.repository.local.volumes.signature_files import SignatureFiles
from eci_annotate.repository.local.volumes.volume_cache import VolumeCache
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.trust.seals import PartKind, SealedPart
from eci_annotate.workflow.usecase.answer_check import check_answers
from eci_annotate.workflow.usecase.gate import Checks, check_gate, shape_of
from eci_annotate.workflow.usecase.hanging import Header
from eci_annotate.workflow.usecase.pipeline import TaskDefinition
from eci_annotate.workflow.usecase.usecase import UseCase

if TYPE_CHECKING:
    from eci_annotate.tools.editing.table import Table

_MOST = 8  # each holds the masks of one draft
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Workshop:
    """Where things are taken from and put: archive, blobs, the decoded volumes, and which files signatures made."""

    archive: Archive
    blobs: SubjectBlobs
    volumes: VolumeCache
    signature_files: SignatureFiles


@dataclass(frozen=True)
class Job:
    """One version to make: of which task, from which draft, by whom."""

    project: str
    subject: str
    task: TaskDefinition
    case: UseCase
    version: int
    fence: int
    entries: Sequence[Record]
    signer: str
    when: datetime
    meaning: str
    predecessor: VersionSigned | None
    images: tuple[SealedPart, ...] = ()  # they name the ingest that the version rests on


@dataclass(frozen=True)
class DraftContent:
    """What a complete draft holds: answers, annotations, a row for each annotation, and the whole as a snapshot.

    `checks` is what is stated of slots and series; `remarks` name answers that differ from the drawing;
    `measurements` are the rulers, and which annotation or ruler each measured answer comes from.
    """

    answers: dict[str, Any]
    annotations: tuple[Annotation, ...]
    rows: tuple[dict[str, Any], ...]
    snapshot: bytes
    checks: dict[str, Any]
    remarks: tuple[str, ...] = ()
    measurements: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """What would be signed: the version to make, its content, and the digest of the draft that it was made from."""

    job: Job
    content: DraftContent
    digest: str


@dataclass(frozen=True)
class _Replayed:
    """A drawing, the task that it is for, and the stamps of the series that its replay read."""

    drawing: DraftContent
    task: TaskDefinition
    stamps: dict[str, str]

    def is_true(self, shop: Workshop, job: Job) -> bool:
        """Whether a replay now would give the same."""
        now = {uid: shop.volumes.stamp(job.subject, uid) for uid in self.stamps}
        return self.task == job.task and now == self.stamps


class Proposals:
    """The proposals of the drafts that were looked at last, in this process."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._known: OrderedDict[Key, _Replayed] = OrderedDict()
        self._lock = Lock()

    def of(self, shop: Workshop, job: Job) -> Proposal:
        """What signing the job's draft would make a version of.

        Raises
        ------
        BadAnswers
            The report is not complete, or does not match the annotations; names the question.
        BadJournal
            The draft cannot be replayed.
        Refused
            An annotation is not on its images, or was drawn with a tool that the task does not offer.
        """
        digest = content_digest(job.entries)
        key = (job.project, job.subject, job.task.name, job.case.digest, digest)
        with self._lock:
            known = self._known.get(key)
        if known is None or not known.is_true(shop, job):
            known = _replayed(shop, job)
            self._keep(key, known)
        if job.task.gate:
            hanging = job.case.hang(_headers(shop, job.subject))
            drawing = known.drawing
            shaped = _shaped(drawing.rows, drawing.annotations)
            check_gate(job.task.gate, drawing.answers, shaped, hanging, Checks.from_json(drawing.checks))
        return Proposal(job, known.drawing, digest)

    def _keep(self, key: Key, replayed: _Replayed) -> None:
        with self._lock:
            self._known[key] = replayed
            self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def forget(self, project: str, subject: str) -> None:
        """Forget what is known of a subject's drafts."""
        with self._lock:
            for key in [key for key in self._known if key[:2] == (project, subject)]:
                del self._known[key]


def _replayed(shop: Workshop, job: Job) -> _Replayed:
    from eci_annotate.tools import replay, save
    from eci_annotate.tools.editing.draft_check import require_offered, require_placed
    from eci_annotate.tools.growcut.growth_decision import require_decided

    stamps: dict[str, str] = {}

    def volume(uid: str) -> xr.DataArray:
        stamps[uid] = shop.volumes.stamp(job.subject, uid)
        return shop.volumes.read(job.subject, uid)

    draft = read_draft(job.entries, shop.blobs.get)
    if draft.open_damage:
        raise BadJournal(draft.missing, "Start the task again to see what is left.")
    answers = check_answers(job.case.report, draft.answers) if job.task.form else {}
    easel = replay(volume, draft.snapshot, draft.lines)
    easel.settle()  # a polygon that was not closed is not part of what is signed
    require_decided(easel)
    require_placed(easel.table)
    require_offered(all_lines(job.entries), easel.table, job.task.tools, lambda: _earlier(shop, job, volume))
    annotations = tuple(easel.table.annotations())
    rows = tuple(_row(each, easel.table) for each in annotations)
    checks = Checks.from_json(draft.checks).of_boxes(_shaped(rows, annotations)) if job.task.gate else Checks()
    remarks, measurements = _measured(shop, job, answers, easel.table)
    content = DraftContent(answers, annotations, rows, save(easel), checks.to_json(), remarks, measurements)
    return _Replayed(content, job.task, stamps)


def _earlier(shop: Workshop, job: Job, volume: Callable[[str], xr.DataArray]) -> Collection[str]:
    """Return the uids of the annotations of the version before; none for the first."""
    from eci_annotate.tools import replay

    parts = job.predecessor.manifest.of(PartKind.SNAPSHOT) if job.predecessor else ()
    return [uid for part in parts for uid in replay(volume, shop.blobs.get(part.digest), ()).table.objects]


def _measured(
    shop: Workshop, job: Job, answers: dict[str, Any], table: Table
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return where answers differ from the drawing (signing allows it, and says so), and what was measured."""
    from eci_annotate.repository.analysis.annotation_sizes import DrawingSizes, is_measured
    from eci_annotate.repository.analysis.answer_sources import differences, measured_answers, ruler_rows

    asked = job.case.questions if job.task.form else ()
    rulers, rows, remarks = list(ruler_rows(table)), list[dict[str, Any]](), tuple[str, ...]()
    if is_measured(asked):
        sizes = DrawingSizes(table, job.case.hang(_headers(shop, job.subject)))
        remarks = tuple(differences(asked, answers, sizes))
        rows = [each.to_row(table) for each in measured_answers(asked, answers, sizes)]
    return remarks, {"answers": rows, "rulers": rulers} if rows or rulers else {}


def _headers(shop: Workshop, subject: str) -> Sequence[Header]:
    return hanging_headers(shop.volumes.stacks.studies(subject))


def _row(annotation: Annotation, table: Table) -> dict[str, Any]:
    volume_mm3 = volume_mm3_on(annotation, table.sheet_of(annotation.series_uid).volume)
    return {
        "uid": annotation.uid,
        "kind": type(annotation).__name__.lower(),
        "label": annotation.label,
        "colour": list(annotation.colour),
        "series": annotation.series_uid,
        "frame": annotation.frame_uid,
        "volume_mm3": None if isnan(volume_mm3) else volume_mm3,
    }


def _shaped(rows: Sequence[dict[str, Any]], annotations: Sequence[Annotation]) -> list[dict[str, Any]]:
    """Return the rows with the shapes of boxes, as the gate compares them."""
    return [row | _shape(each) for row, each in zip(rows, annotations, strict=True)]


def _shape(annotation: Annotation) -> dict[str, str]:
    if not isinstance(annotation, Box):
        return {}
    return {"shape": shape_of(annotation.centre_lps, annotation.size_mm, annotation.axes_lps)}
