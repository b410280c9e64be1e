"""The answers of a report form as a DICOM Basic Text SR (PS3.3 A.35.1) in the study of the images.

Each answer becomes a CODE item if the form gives it a code, else a TEXT item; lists become containers. The canonical
JSON of the answers stays authoritative; this object is for archives and readers that only know DICOM.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import Dataset

from eci_annotate.dicom.image_references import ReferencedImages, first_stack_of, shared_header
from eci_annotate.dicom.images.files import Opener
from eci_annotate.dicom.rtstruct.dataset import encode
from eci_annotate.dicom.uids import BASIC_TEXT_SR_STORAGE, uid_from
from eci_annotate.version import __version__
from eci_annotate.workflow.usecase.answer_code import AnswerCode
from eci_annotate.workflow.usecase.form import Question

SCHEME = "99ECI"


def _code(value: str, meaning: str, scheme: str = SCHEME) -> Dataset:
    item = Dataset()
    setattr(item, "CodeValue" if len(value) <= 16 else "LongCodeValue", value)  # PS3.3 table 8.8-1
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = (meaning[:64] or "item").replace("\\", "/")
    return item


def _container(name: str, items: Sequence[Dataset], *, root: bool = False) -> Dataset:
    item = Dataset()
    if not root:
        item.RelationshipType = "CONTAINS"
    item.ValueType = "CONTAINER"
    item.ConceptNameCodeSequence = [_code("121111", "Summary", "DCM") if root else _code(_short(name), name)]
    item.ContinuityOfContent = "SEPARATE"
    if items:
        item.ContentSequence = list(items)
    return item


def _text(name: str, value: str) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = [_code(_short(name), name)]
    item.TextValue = value or "-"
    return item


def _coded(name: str, code: AnswerCode) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "CODE"
    item.ConceptNameCodeSequence = [_code(_short(name), name)]
    item.ConceptCodeSequence = [_code(code.value, code.meaning, code.scheme)]
    return item


def _short(name: str) -> str:
    """Return a name as a code value; what does not fit gets one derived from the whole name."""
    short = "".join(c for c in name if c.isalnum() or c in "_-") or "item"
    return short if len(short) <= 16 else f"{short[:9]}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _items(answers: Mapping[str, Any], asked: Sequence[Question]) -> Iterator[Dataset]:
    known = {question.name: question for question in asked}
    for name, value in answers.items():
        question = known.get(name)
        inner = question.questions if question else ()
        match value:
            case Mapping():
                yield _container(name, list(_items(value, inner)))
            case list() | tuple():
                parts = [_part(f"{name} {n}", v, inner) for n, v in enumerate(value, 1)]
                yield _container(name, [item for part in parts for item in part])
            case None:
                continue
            case _ if question and (code := question.code_of(value)):
                yield _coded(name, code)
            case _:
                yield _text(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _part(name: str, value: Any, inner: Sequence[Question]) -> Iterator[Dataset]:
    if isinstance(value, Mapping):
        yield _container(name, list(_items(value, inner)))
    else:
        yield from _items({name: value}, ())


def report_object(
    answers: Mapping[str, Any],
    form_title: str,
    images: Sequence[Path | Opener],
    *,
    version: int,
    task: str,
    signer: str,
    when: datetime,
    pseudonym: str = "",
    questions: Sequence[Question] = (),
) -> bytes:
    """Return the Basic Text SR file of signed answers.

    Parameters
    ----------
    answers
        Plain JSON, as returned by the form.
    form_title
        Title of the form.
    images
        Files of a series of the reported study.
    version, task, signer, when
        Content of the signature.
    pseudonym
        Takes the place of the patient's name and ID; without it the images' values are copied.
    questions
        Questions of the form, whose choices may have codes.
    """
    found = first_stack_of(images)
    dataset = shared_header(found.first, pseudonym)
    dataset.SOPClassUID, dataset.Modality = BASIC_TEXT_SR_STORAGE, "SR"
    content = json.dumps(answers, sort_keys=True, ensure_ascii=False)
    dataset.SeriesInstanceUID = uid_from("sr-series", str(found.first.StudyInstanceUID), task)
    dataset.SOPInstanceUID = uid_from(
        "sr", str(found.first.StudyInstanceUID), task, str(version), signer, when.isoformat(), content
    )
    dataset.SeriesNumber, dataset.InstanceNumber = 9002, version
    dataset.SeriesDescription = f"eci_annotate report {task}"[:64]
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.Manufacturer = dataset.ManufacturerModelName = "eci_annotate"
    dataset.SoftwareVersions = __version__
    dataset.ContentDate, dataset.ContentTime = when.strftime("%Y%m%d"), when.strftime("%H%M%S")
    dataset.PerformedProcedureCodeSequence = []
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    dataset.VerifyingObserverSequence = [_observer(signer, when)]
    dataset.CurrentRequestedProcedureEvidenceSequence = [_evidence(found)]
    head = (_text("Form", form_title), _text("Task", f"{task}, version {version}"))
    dataset.update(_container(form_title, [*head, *_items(answers, questions)], root=True))
    return encode(dataset)


def _observer(signer: str, when: datetime) -> Dataset:
    item = Dataset()
    item.VerifyingOrganization = "eci_annotate"
    item.VerificationDateTime = when.strftime("%Y%m%d%H%M%S")
    item.VerifyingObserverName = signer or "unknown"
    item.VerifyingObserverIdentificationCodeSequence = []
    return item


def _evidence(images: ReferencedImages) -> Dataset:
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = images.series_uid
    series.ReferencedSOPSequence = images.references()
    study.StudyInstanceUID = images.first.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study
