"""The structures of an RTSTRUCT and their contours brought together, however a vendor numbered and referred to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset

from eci_annotate.dicom import annotation_set
from eci_annotate.dicom.annotation_set import AnnotationSet, text_of
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotation import Annotation

AGAIN = "Export the structure set again."


class StructureSet(AnnotationSet[Annotation]):
    """The annotations of an RTSTRUCT file, in file order, with `notes`."""


@dataclass
class Roi:
    """One structure: its item in StructureSetROISequence, and its contours from any number of items."""

    number: int
    place: int
    item: Dataset
    contours: list[Dataset]


def items_of(item: Dataset, keyword: str) -> Sequence[Dataset]:
    """Return the items of a sequence; none if it is absent; BadStructureSet if it is no sequence."""
    return annotation_set.items_of(item, keyword, BadStructureSet, AGAIN)


def _number(item: Dataset, keyword: str) -> int | None:
    try:
        return int(float(text_of(item, keyword)))
    except (ValueError, OverflowError):
        return None


def rois_of(dataset: Dataset, found: StructureSet) -> Iterator[Roi]:
    """Bring each structure and its contours together; by order where numbers are repeated or missing."""
    items, contours = items_of(dataset, "StructureSetROISequence"), list(items_of(dataset, "ROIContourSequence"))
    numbers = [_number(item, "ROINumber") for item in items]
    referred = [_number(item, "ReferencedROINumber") for item in contours]
    sure = [n is not None and numbers.count(n) == 1 for n in numbers]
    taken: set[int] = set()
    for place, (item, number) in enumerate(zip(items, numbers, strict=True)):
        mine = [n for n, each in enumerate(referred) if sure[place] and each == number]
        if not mine and (not sure[place] or (place < len(referred) and referred[place] is None)):
            alike = place < len(contours) and (referred[place] in (number, None) or referred[place] not in numbers)
            mine = [place] if alike and len(items) == len(contours) else []
            if mine:
                found.note(f"ROI {place + 1} has no number of its own; its contours are taken by their order.")
            elif not sure[place]:
                found.note(
                    f"ROI {place + 1} has no number of its own, and its contours cannot be told: it is left out."
                )
                taken |= {n for n, each in enumerate(referred) if each == number}
                continue
        if len(mine) > 1:
            found.note(f"ROI {number} has {len(mine)} items of contours; they are taken together.")
        taken.update(mine)
        yield Roi(number if number is not None else place + 1, place, item, [contours[n] for n in mine])
    orphans = len(contours) - len(taken)
    if orphans:
        found.note(f"{orphans} item(s) of contours belong to no ROI and are left out.")


class References:
    """Frames of reference and series that the file names."""

    def __init__(self, dataset: Dataset) -> None:
        self.series: dict[str, str] = {}
        own = text_of(dataset, "FrameOfReferenceUID")
        frames = {own} if own else set()
        try:
            for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
                uid = text_of(frame, "FrameOfReferenceUID")
                frames |= {uid} if uid else set()
                for study in items_of(frame, "RTReferencedStudySequence"):
                    for series in items_of(study, "RTReferencedSeriesSequence"):
                        self.series.setdefault(uid, text_of(series, "SeriesInstanceUID"))
        except BadStructureSet:
            self.series = {}
        self.frame = frames.pop() if len(frames) == 1 else ""

    def of(self, roi: Dataset) -> tuple[str, str]:
        """Return the frame of reference and the series of a structure, each empty if it is not certain."""
        frame = text_of(roi, "ReferencedFrameOfReferenceUID") or self.frame
        series = self.series.get(frame, "")
        if not series and len(set(self.series.values())) == 1:
            series = next(iter(self.series.values()))
        return frame, series
