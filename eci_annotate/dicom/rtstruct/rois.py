"""The structures of an RTSTRUCT and their contours brought together, however a vendor numbered and referred to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from eci_annotate.dicom import annotation_set
from eci_annotate.dicom.annotation_set import AnnotationSet, text_of
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotation import Annotation

AGAIN = "Export the structure set again."
# ReferencedSOPInstanceUID (0008,1155) with its length, in explicit or implicit VR, little endian
_NAMED = re.compile(rb"\x08\x00\x55\x11(?:UI..|....)([0-9.]{1,64})", re.DOTALL)


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
    """Frames of reference and series that the file names, with the images that it lists for each series."""

    def __init__(self, dataset: Dataset) -> None:
        self._listed: dict[str, dict[str, set[str]]] = {}
        own = text_of(dataset, "FrameOfReferenceUID")
        frames = {own} if own else set()
        try:
            for frame in items_of(dataset, "ReferencedFrameOfReferenceSequence"):
                uid = text_of(frame, "FrameOfReferenceUID")
                frames |= {uid} if uid else set()
                for study in items_of(frame, "RTReferencedStudySequence"):
                    for series in items_of(study, "RTReferencedSeriesSequence"):
                        listed = self._listed.setdefault(uid, {})
                        listed.setdefault(text_of(series, "SeriesInstanceUID"), set()).update(_images_of(series))
        except BadStructureSet:
            self._listed = {}
        self._frame = frames.pop() if len(frames) == 1 else ""

    def of(self, roi: Roi, found: StructureSet) -> tuple[str, str]:
        """Return the frame of reference and the series of a structure, each empty if it is not certain."""
        frame = text_of(roi.item, "ReferencedFrameOfReferenceUID") or self._frame
        listed = self._listed.get(frame, {})
        every = {uid for each in self._listed.values() for uid in each}
        if len(listed) > 1:
            return frame, self._drawn_on(roi, listed, found)
        return frame, next(iter(listed or (every if len(every) == 1 else ())), "")

    def _drawn_on(self, roi: Roi, listed: dict[str, set[str]], found: StructureSet) -> str:
        """Of several series in one frame of reference, return the only one whose images the contours name."""
        named = {uid for item in roi.contours for uid in _images_named_by(item)}
        series = [uid for uid, images in listed.items() if images & named]
        if len(series) == 1:
            return series[0]
        found.note(
            f"ROI {roi.number} belongs to none of {len(listed)} series for certain: it keeps its place in space."
        )
        return ""


def _images_of(series: Dataset) -> Iterator[str]:
    for item in items_of(series, "ContourImageSequence"):
        yield text_of(item, "ReferencedSOPInstanceUID")


def _images_named_by(roi: Dataset) -> Iterator[str]:
    """Return the UIDs of the images that the contours of an item of ROIContourSequence name."""
    raw = roi.get_item("ContourSequence")
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes) and raw.is_little_endian:
        yield from (uid.decode("ascii") for uid in _NAMED.findall(raw.value))
        return
    for contour in items_of(roi, "ContourSequence"):
        yield from _images_of(contour)
