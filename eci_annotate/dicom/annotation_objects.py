"""The DICOM objects that a signature derives from a drawing: one row per role; nothing else spells these roles.

Making, export, verification and access walk `DERIVED`, so that a new kind of object is one new row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eci_annotate.dicom.uids import BASIC_TEXT_SR_STORAGE, RTSTRUCT_STORAGE

if TYPE_CHECKING:
    from eci_annotate.dicom.images.files import Opener
    from eci_annotate.imaging.annotations import Annotation
    from eci_annotate.imaging.geometry import Grid
    from eci_annotate.workflow.usecase.form import Question

# modalities of series that hold no images of their own
NO_IMAGES = ("RTSTRUCT", "SR", "SEG", "PR", "KO", "REG", "RTDOSE", "RTPLAN")
# those that are read where they came with the images
READ_OBJECTS = ("REG", "RTSTRUCT", "SEG", "SR")


@dataclass(frozen=True)
class Material:
    """What derived objects are made from.

    Attributes
    ----------
    annotations
        In patient millimetres, each with the UID of its image series.
    answers, form_title
        The report; None when the task has no form.
    report_series
        UID of the image series that the report refers to.
    files
        Gives the files of an image series.
    predecessor
        Gives the file (of a role, for an image series) of the version before; None when there is none.
    version, task, signer, when, meaning
        What the signature says.
    pseudonym
        Names the patient in the objects.
    questions
        Those of the form, whose choices may have codes.
    """

    annotations: Sequence[Annotation]
    answers: Mapping[str, Any] | None
    form_title: str
    report_series: Callable[[], str]
    files: Callable[[str], Sequence[Path | Opener]]
    predecessor: Callable[[str, str], bytes | None]
    version: int
    task: str
    signer: str
    when: datetime
    meaning: str
    pseudonym: str = ""
    questions: Sequence[Question] = ()


Made = Iterator[tuple[str, bytes]]


@dataclass(frozen=True)
class DerivedKind:
    """One kind of derived object: its SOP class, the suffix of its files, what makes it and what reads it.

    `make` yields (UID of the image series, file) for each object; `read` gives what a file holds; `compare` reads a
    file again and compares it with its annotations on the grid of their images, and on whether these have a volume
    (None: there is nothing to compare).
    """

    sop_class: str
    suffix: str
    make: Callable[[Material], Made]
    read: Callable[[bytes], Any]
    compare: Callable[[Sequence[Annotation], bytes, Grid, bool], list[dict[str, Any]]] | None = None


def _structure_sets(material: Material) -> Made:
    from eci_annotate.dicom.rtstruct.dataset import structure_set

    for series in dict.fromkeys(each.series_uid for each in material.annotations):
        content = structure_set(
            [each for each in material.annotations if each.series_uid == series],
            material.files(series),
            version=material.version,
            task=material.task,
            signer=material.signer,
            when=material.when,
            meaning=material.meaning,
            predecessor=material.predecessor("rtstruct", series),
            pseudonym=material.pseudonym,
        )
        yield series, content


def _reports(material: Material) -> Made:
    from eci_annotate.dicom.sr.report import report_object

    if material.answers is None:
        return
    series = material.report_series()
    content = report_object(
        material.answers,
        material.form_title,
        material.files(series),
        version=material.version,
        task=material.task,
        signer=material.signer,
        when=material.when,
        pseudonym=material.pseudonym,
        questions=material.questions,
    )
    yield series, content


def _read_structure_set(content: bytes) -> list[Annotation]:
    from eci_annotate.dicom.rtstruct.read import read_rtstruct

    return read_rtstruct(content)


def _read_dataset(content: bytes) -> Any:
    from io import BytesIO

    from pydicom import dcmread

    return dcmread(BytesIO(content))


def _receipt(annotations: Sequence[Annotation], content: bytes, grid: Grid, has_volume: bool) -> list[dict[str, Any]]:
    from eci_annotate.dicom.rtstruct.fidelity import receipt_of

    return receipt_of(annotations, content, grid, has_volume=has_volume)


DERIVED: dict[str, DerivedKind] = {
    "rtstruct": DerivedKind(RTSTRUCT_STORAGE, ".dcm", _structure_sets, _read_structure_set, _receipt),
    "sr": DerivedKind(BASIC_TEXT_SR_STORAGE, ".dcm", _reports, _read_dataset),
}
