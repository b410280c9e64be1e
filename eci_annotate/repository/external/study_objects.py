"""Structure sets and segmentations of others that came with a subject's images: read, never part of signed work."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from eci_annotate.archive.protocol import Series, Study
from eci_annotate.dicom.object_origin import origin_of
from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.dicom.seg.read import read_segmentation
from eci_annotate.errors import EciError, NotFound
from eci_annotate.imaging.annotation import Annotation, AnnotationKind
from eci_annotate.repository.backend import Images

_KINDS = {"RTSTRUCT": "Structure set", "SEG": "Segmentation"}
_COUNTED = {
    AnnotationKind.CONTOURS: ("contour", "contours"),
    AnnotationKind.MASK: ("segment", "segments"),
    AnnotationKind.BOX: ("box", "boxes"),
}


@dataclass(frozen=True)
class StudyObject:
    """A structure set or segmentation that came with a subject's images.

    Attributes
    ----------
    series_uid
        Its own series.
    title
        What it is, who made it, and how much it holds: ``Structure set, MIM, 4 contours``.
    source
        Program and object, as an adoption names them.
    annotations
        What it holds, in patient millimetres.
    notes
        What of it could not be read, in sentences.
    problem
        Why nothing of it can be read; empty if something can.
    """

    series_uid: str
    title: str
    source: str = ""
    annotations: Sequence[Annotation] = field(default=(), repr=False)
    notes: Sequence[str] = ()
    problem: str = ""


def study_objects(images: Images, project: str, subject: str, studies: Sequence[Study]) -> list[StudyObject]:
    """Read the structure sets and segmentations of a subject; one that is damaged costs itself.

    Parameters
    ----------
    images
        Of the repository.
    project, subject
        Whose.
    studies
        As `images` lists them.
    """
    series = [each for study in studies for each in study.series if each.modality in _KINDS]
    return [found for each in series for found in _of_series(images, project, subject, each)]


def _of_series(images: Images, project: str, subject: str, series: Series) -> Iterator[StudyObject]:
    try:
        contents = images.objects(project, subject, series.series_uid)
    except NotFound:  # signed here: shown as its version
        return
    except EciError as error:
        yield StudyObject(series.series_uid, _KINDS[series.modality], problem=error.what)
        return
    for content in contents:
        yield _read(series, content)


def _read(series: Series, content: bytes) -> StudyObject:
    origin = origin_of(content)
    named = ", ".join(filter(None, (_KINDS[series.modality], origin.maker or series.description)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `notes` keeps them
            found = read_rtstruct(content) if series.modality == "RTSTRUCT" else read_segmentation(content)
    except EciError as error:
        return StudyObject(series.series_uid, named, origin.source, problem=error.what)
    if not found:
        return StudyObject(
            series.series_uid, named, origin.source, (), tuple(found.notes), "It holds nothing that can be shown."
        )
    title = f"{named}, {_count(found)}"
    return StudyObject(series.series_uid, title, origin.source, tuple(found), tuple(found.notes))


def _count(found: Sequence[Annotation]) -> str:
    counts = Counter(each.kind for each in found)
    return ", ".join(f"{n} {_COUNTED.get(kind, (kind, kind))[n != 1]}" for kind, n in counts.items())
