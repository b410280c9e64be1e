"""The segments of a DICOM SEG: what is said of each, and the series they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from eci_annotate.dicom.annotation_set import PALETTE, AnnotationSet, items_of, text_of
from eci_annotate.dicom.exact_block import exact_of
from eci_annotate.dicom.images.element_values import numbers, value_of
from eci_annotate.dicom.seg.cielab import MOST, colour_of
from eci_annotate.dicom.seg.frame_grid import AGAIN
from eci_annotate.errors import BadSegmentation, EciError
from eci_annotate.imaging.annotation import Colour
from eci_annotate.imaging.annotations import Mask

BACKGROUND = ("125040", "DCM")


class Segments(AnnotationSet[Mask]):
    """The masks of a DICOM SEG, in the order of its segments, with `notes`."""


@dataclass(frozen=True)
class Segment:
    """One segment: its number, its place in the file and its item in SegmentSequence."""

    number: int
    place: int
    item: Dataset

    @property
    def is_background(self) -> bool:
        """Whether its type is DICOM's code for background."""
        for code in items_of(self.item, "SegmentedPropertyTypeCodeSequence", BadSegmentation, AGAIN):
            if (text_of(code, "CodeValue"), text_of(code, "CodingSchemeDesignator")) == BACKGROUND:
                return True
        return False

    @property
    def header(self) -> dict[str, Any]:
        """Label, colour and uid, as an annotation takes them."""
        exact = exact_of(self.item)
        uid = str(exact.get("uid", "")) or text_of(self.item, "TrackingUID")
        label = str(exact.get("label", text_of(self.item, "SegmentLabel")))
        return {"label": label, "colour": self._colour} | ({"uid": uid} if uid else {})

    @property
    def _colour(self) -> Colour:
        """The recommended colour; one of a palette where the file gives none that can be read."""
        try:
            stored = numbers(value_of(self.item, "RecommendedDisplayCIELabValue"), "RecommendedDisplayCIELabValue")
        except EciError:
            stored = numbers(0, "")
        if stored.size == 3 and stored.min() >= 0 and stored.max() <= MOST:
            return colour_of(stored)
        return PALETTE[self.place % len(PALETTE)]


def segments_of(dataset: Dataset, found: Segments) -> Iterator[Segment]:
    """Give the segments that have a number of their own; others are left out with a note."""
    items = items_of(dataset, "SegmentSequence", BadSegmentation, AGAIN)
    if not items:
        raise BadSegmentation("The segmentation describes no segments.", AGAIN)
    given = [_number(item) for item in items]
    count = Counter(given)
    for place, (number, item) in enumerate(zip(given, items, strict=True)):
        if number is None or count[number] > 1:
            found.note(f"Segment {place + 1} of the file has no number of its own and is left out.")
        else:
            yield Segment(number, place, item)


def _number(item: Dataset) -> int | None:
    try:
        return int(text_of(item, "SegmentNumber"))
    except ValueError:
        return None


class ReferencedSeries:
    """The series that a segmentation refers to."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._instances: dict[str, set[str]] = {}
        try:
            for series in items_of(dataset, "ReferencedSeriesSequence", BadSegmentation, AGAIN):
                uids = self._instances.setdefault(text_of(series, "SeriesInstanceUID"), set())
                for item in items_of(series, "ReferencedInstanceSequence", BadSegmentation, AGAIN):
                    uids.add(text_of(item, "ReferencedSOPInstanceUID"))
        except BadSegmentation:
            self._instances = {}

    @property
    def uid(self) -> str:
        """The only series; of several, the one that holds all source images of the frames; empty if not certain."""
        if len(self._instances) < 2:
            return next(iter(self._instances), "")
        sources = _source_images_of(self._dataset)
        holding = [uid for uid, instances in self._instances.items() if sources and sources <= instances]
        return holding[0] if len(holding) == 1 else ""


def _source_images_of(dataset: Dataset) -> set[str]:
    """Return the UIDs of the images that the frames were derived from; none if they cannot be read."""
    found = set()
    try:
        for frame in items_of(dataset, "PerFrameFunctionalGroupsSequence", BadSegmentation, AGAIN):
            for derivation in items_of(frame, "DerivationImageSequence", BadSegmentation, AGAIN):
                for image in items_of(derivation, "SourceImageSequence", BadSegmentation, AGAIN):
                    found.add(text_of(image, "ReferencedSOPInstanceUID"))
    except BadSegmentation:
        return set()
    return found
