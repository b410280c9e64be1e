"""Structure sets, segmentations and reports that came with a subject's images: read, never part of signed work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eci_annotate.archive.protocol import Series, Study
from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.annotation_set import AnnotationSet
from eci_annotate.dicom.object_origin import origin_of
from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.dicom.seg.read import read_segmentation
from eci_annotate.dicom.sr.read_report import ImageOfRegion, report_regions
from eci_annotate.errors import EciError, NotFound
from eci_annotate.imaging.annotation import Annotation, AnnotationKind
from eci_annotate.repository.backend import Images

if TYPE_CHECKING:
    import xarray as xr

_KINDS = {"RTSTRUCT": "Structure set", "SEG": "Segmentation", "SR": "Measurement report"}
_COUNTED = {
    AnnotationKind.CONTOURS: ("contour", "contours"),
    AnnotationKind.MASK: ("segment", "segments"),
    AnnotationKind.BOX: ("box", "boxes"),
}


@dataclass(frozen=True)
class StudyObject:
    """A structure set, segmentation or measurement report that came with a subject's images.

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
    """Read the objects of a subject; one that is damaged costs itself. A report without regions is none of them.

    Parameters
    ----------
    images
        Of the repository.
    project, subject
        Whose.
    studies
        As `images` lists them.
    """
    reader = _ObjectReader(images, project, subject, studies)
    series = [each for study in studies for each in study.series if each.modality in _KINDS]
    return [found for each in series for found in reader.read(each)]


@dataclass(frozen=True)
class _ObjectReader:
    """Reads the objects of one subject."""

    images: Images
    project: str
    subject: str
    studies: Sequence[Study]

    def read(self, series: Series) -> Iterator[StudyObject]:
        """Yield the objects of a series."""
        try:
            contents = self.images.objects(self.project, self.subject, series.series_uid)
        except NotFound:  # signed here: shown as its version
            return
        except EciError as error:
            yield StudyObject(series.series_uid, _KINDS[series.modality], problem=error.what)
            return
        for content in contents:
            found = self._object(series, content)
            if found is not None:
                yield found

    def _object(self, series: Series, content: bytes) -> StudyObject | None:
        origin = origin_of(content)
        named = ", ".join(filter(None, (_KINDS[series.modality], origin.maker or series.description)))
        try:
            with quiet():
                found = self._annotations(series.modality, content)
        except EciError as error:
            return StudyObject(series.series_uid, named, origin.source, problem=error.what)
        if not found and not found.notes and series.modality == "SR":
            return None
        if not found:
            return StudyObject(
                series.series_uid, named, origin.source, (), tuple(found.notes), "It holds nothing that can be shown."
            )
        title = f"{named}, {_count(found)}"
        return StudyObject(series.series_uid, title, origin.source, tuple(found), tuple(found.notes))

    def _annotations(self, modality: str, content: bytes) -> AnnotationSet[Any]:
        match modality:
            case "RTSTRUCT":
                return read_rtstruct(content)
            case "SEG":
                return read_segmentation(content)
        return report_regions(content, self._volume_of)

    def _volume_of(self, image: ImageOfRegion) -> xr.DataArray | None:
        return volume_of_image(self.studies, lambda uid: self.images.volume(self.project, self.subject, uid), image)


def volume_of_image(
    studies: Sequence[Study], volume: Callable[[str], xr.DataArray], image: ImageOfRegion
) -> xr.DataArray | None:
    """Return the volume that an image is part of; only its series, and the stacks of it, are read.

    Parameters
    ----------
    studies
        Of the subject.
    volume
        Gives the volume of a series or stack.
    image
        The image, as a report names it.
    """
    rows = [each for study in studies for each in study.series if image.series_uid]
    for each in rows:
        if image.series_uid not in (each.series_uid, each.header.get("stack_of", "")):
            continue
        with suppress(EciError):
            found = volume(each.series_uid)
            if image.slices_in(found):
                return found
    return None


def _count(found: Sequence[Annotation]) -> str:
    counts = Counter(each.kind for each in found)
    return ", ".join(f"{n} {_COUNTED.get(kind, (kind, kind))[n != 1]}" for kind, n in counts.items())
