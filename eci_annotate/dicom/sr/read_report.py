"""Convert the regions of measurement reports (PS3.16 TID 1500 and alike) of any maker to contours in patient mm.

A region is drawn in patient space (SCOORD3D) or on the pixels of an image (SCOORD), whose place is needed then. Regions
of one measurement group belong together, whatever else the group holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset

from eci_annotate.dicom.annotation_set import PALETTE, AnnotationSet, content_and_dataset, items_of, text_of
from eci_annotate.dicom.images.element_values import numbers
from eci_annotate.dicom.rtstruct.contour_overlaps import OVERLAP, planes_with_overlaps
from eci_annotate.dicom.rtstruct.contour_register import ContourRegister
from eci_annotate.errors import BadReport, EciError
from eci_annotate.imaging.annotations import Contours
from eci_annotate.imaging.geometry import Floats
from eci_annotate.imaging.volume import grid_of, instance_uids_of, series_uid_of

if TYPE_CHECKING:
    import xarray as xr

GROUP, TRACKING, TRACKING_UID, FINDING = "125007", "112039", "112040", "121071"
AGAIN = "Export the report again."
_ROUND_POINTS, _MOST_DEPTH, _MOST_ITEMS = 72, 32, 100_000


@dataclass(frozen=True)
class ImageOfRegion:
    """The image that a region is drawn on: its series as the report's evidence names it, its instance, and its frame.

    Without a frame it is every frame of the instance.
    """

    series_uid: str
    sop_uid: str
    frame: str = ""

    def slices_in(self, volume: xr.DataArray) -> list[int]:
        """Return which slices of a volume it is: stacks of one file have different frames of it."""
        found = [k for k, known in enumerate(instance_uids_of(volume)) if known == self.sop_uid]
        if not self.frame or "frame_number" not in volume.coords:
            return found
        numbers = np.atleast_1d(volume.coords["frame_number"].values).tolist()
        return [k for k in found if str(numbers[k]) == self.frame]


Locate = Callable[[ImageOfRegion], "xr.DataArray | None"]


@dataclass
class RegionGroup:
    """One measurement group: its container, and the regions in it with the item that each is part of."""

    container: Dataset
    regions: list[Dataset] = field(default_factory=list)


def read_report(source: str | PathLike[str] | bytes, volumes: Sequence[xr.DataArray] = ()) -> AnnotationSet[Contours]:
    """Read the regions of a measurement report (DICOM SR).

    Parameters
    ----------
    source
        Path of the file, or its content.
    volumes
        The images, as `load_series` or `load_stacks` give them: needed for regions that are drawn on pixels.

    Returns
    -------
    AnnotationSet
        A list of `Contours`, one per measurement group, in file order; labelled by the tracking identifier, else the
        finding. Circles and ellipses have 72 points. Points, open lines, solids and references to segments are left
        out with a warning, which `notes` keeps. Measured values are not read.

    Raises
    ------
    NotDicom, DamagedFile, BadReport
        If the file cannot be read, each with a remedy.

    References
    ----------
    PS3.3 C.18.6 and C.18.9 (coordinates), PS3.16 TID 1410 and 1411.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> try:
    ...     eci.read_report(files[0])
    ... except eci.EciError as error:
    ...     print(error.what)
    This DICOM file is not a structured report.
    """
    return report_regions(source, lambda image: next((each for each in volumes if image.slices_in(each)), None))


def report_regions(source: str | PathLike[str] | bytes, locate: Locate) -> AnnotationSet[Contours]:
    """Read the regions of a report as `read_report` does; `locate` gives the volume that an image is part of."""
    try:
        dataset = content_and_dataset(source)[1]
        if text_of(dataset, "Modality") != "SR":
            raise BadReport("This DICOM file is not a structured report.", "Give a file of modality SR.")
        return ReportReader(dataset, locate).read()
    except (EciError, OSError, MemoryError):
        raise
    except Exception as error:  # pydicom raises many kinds for malformed values
        raise BadReport("The report is malformed.", AGAIN) from error


class ReportReader:
    """Reads one report."""

    def __init__(self, dataset: Dataset, locate: Locate) -> None:
        self._dataset, self._locate = dataset, locate
        self._series = dict(_evidence(dataset))
        self._found: AnnotationSet[Contours] = AnnotationSet()
        self._left_out: dict[str, int] = {}

    def read(self) -> AnnotationSet[Contours]:
        """Return what the report holds."""
        for place, group in enumerate(_groups(self._dataset)):
            self._read_group(place, group)
        for why, number in self._left_out.items():
            self._found.note(f"{number} region(s) {why} and are left out.")
        return self._found

    def _read_group(self, place: int, group: RegionGroup) -> None:
        rings: dict[tuple[str, str, float], list[Floats]] = {}
        known: dict[tuple[str, str, float], ContourRegister] = {}
        for region in group.regions:
            try:
                home, ring = self._ring(region)
            except RegionLeftOut as why:
                self._left_out[str(why)] = self._left_out.get(str(why), 0) + 1
                continue
            if known.setdefault(home, ContourRegister()).is_new(ring):
                rings.setdefault(home, []).append(ring)
        if len(rings) > 1:
            self._found.note(f"Measurement group {place + 1} lies on several series; it is read once for each.")
        self._note_shared(place, rings, known.values())
        label, uid = _names(group.container)
        colour = PALETTE[place % len(PALETTE)]
        for number, ((frame_uid, series_uid, spacing), every) in enumerate(rings.items()):
            made = Contours(
                tuple(every), spacing or None, label=label, colour=colour, frame_uid=frame_uid, series_uid=series_uid
            )
            self._found.append(replace(made, uid=uid) if uid and not number else made)

    def _note_shared(
        self, place: int, rings: dict[tuple[str, str, float], list[Floats]], known: Iterable[ContourRegister]
    ) -> None:
        """Note regions of a group that are there twice, and those that overlap in part."""
        if repeated := sum(each.repeated for each in known):
            self._found.note(f"Measurement group {place + 1}: {repeated} region(s) repeat others and count once.")
        if count := sum(planes_with_overlaps(every, home[2] or None) for home, every in rings.items()):
            self._found.note(f"Measurement group {place + 1}: regions {OVERLAP.format(count)}")

    def _ring(self, region: Dataset) -> tuple[tuple[str, str, float], Floats]:
        kind = text_of(region, "GraphicType").upper()
        if text_of(region, "ValueType") == "SCOORD3D":
            points = _outline(kind, _coordinates(region, 3))
            frame_uid = text_of(region, "ReferencedFrameOfReferenceUID")
            if not frame_uid:
                raise RegionLeftOut("name no frame of reference")
            return (frame_uid, "", 0.0), points
        flat = _outline(kind, _coordinates(region, 2)) - 0.5  # the corner of the first pixel is (0, 0)
        volume, k = self._slice(region)
        grid = grid_of(volume)
        index = np.column_stack([np.full(len(flat), float(k)), flat[:, 1], flat[:, 0]])
        ring = np.asarray(grid.reference_from_image(index), float)
        return (grid.frame_of_reference_uid, series_uid_of(volume), float(grid.slice_mm)), ring

    def _slice(self, region: Dataset) -> tuple[xr.DataArray, int]:
        if text_of(region, "PixelOriginInterpretation").upper() == "VOLUME":
            raise RegionLeftOut("are drawn on a whole slide")
        image = next((each for each in _children(region) if text_of(each, "ValueType") == "IMAGE"), None)
        named = items_of(image, "ReferencedSOPSequence", BadReport, AGAIN) if image is not None else ()
        if not named:
            raise RegionLeftOut("name no image")
        uid, frame = text_of(named[0], "ReferencedSOPInstanceUID"), text_of(named[0], "ReferencedFrameNumber")
        of_region = ImageOfRegion(self._series.get(uid, ""), uid, frame)
        volume = self._locate(of_region)
        if volume is None:
            raise RegionLeftOut("lie on images that are not given")
        slices = of_region.slices_in(volume)
        if len(slices) != 1:
            raise RegionLeftOut("name no single image that is given")
        return volume, slices[0]


class RegionLeftOut(Exception):
    """A region that is no closed outline, or has no place; its text ends "n region(s) …"."""


def _evidence(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield instance and series of what the report names as evidence."""
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in items_of(dataset, keyword, BadReport, AGAIN):
            for series in items_of(study, "ReferencedSeriesSequence", BadReport, AGAIN):
                for image in items_of(series, "ReferencedSOPSequence", BadReport, AGAIN):
                    yield text_of(image, "ReferencedSOPInstanceUID"), text_of(series, "SeriesInstanceUID")


def _children(item: Dataset) -> Sequence[Dataset]:
    return items_of(item, "ContentSequence", BadReport, AGAIN)


def _concept(item: Dataset) -> str:
    named = items_of(item, "ConceptNameCodeSequence", BadReport, AGAIN)
    return text_of(named[0], "CodeValue") if named else ""


def _groups(dataset: Dataset) -> Iterable[RegionGroup]:
    """Return the groups that hold regions: measurement groups, else the containers that regions are directly in."""
    groups: dict[int, RegionGroup] = {}
    waiting: list[tuple[Dataset, Dataset, bool, int]] = [(dataset, dataset, False, 0)]
    seen = 0
    while waiting:
        item, container, is_group, depth = waiting.pop()
        seen += 1
        if depth > _MOST_DEPTH or seen > _MOST_ITEMS:
            raise BadReport("The report is nested too deeply, or too large.", AGAIN)
        if text_of(item, "ValueType") in ("SCOORD", "SCOORD3D"):
            groups.setdefault(id(container), RegionGroup(container)).regions.append(item)
        if text_of(item, "ValueType") == "CONTAINER" and not (is_group and _concept(item) != GROUP):
            container, is_group = item, _concept(item) == GROUP
        waiting += [(each, container, is_group, depth + 1) for each in reversed(_children(item))]
    return groups.values()


def _names(container: Dataset) -> tuple[str, str]:
    """Return the label of a group and its tracking UID; empty where there is none."""
    texts = {_concept(each): each for each in reversed(_children(container))}
    label = text_of(texts[TRACKING], "TextValue") if TRACKING in texts else ""
    if not label and FINDING in texts:
        codes = items_of(texts[FINDING], "ConceptCodeSequence", BadReport, AGAIN)
        label = text_of(codes[0], "CodeMeaning") if codes else ""
    return label, text_of(texts[TRACKING_UID], "UID") if TRACKING_UID in texts else ""


def _coordinates(region: Dataset, size: int) -> Floats:
    flat = numbers(region.get("GraphicData"), "GraphicData")
    if not flat.size or flat.size % size or not np.isfinite(flat).all():
        raise RegionLeftOut("have coordinates that cannot be read")
    return np.asarray(flat, float).reshape(-1, size)


def _outline(kind: str, points: Floats) -> Floats:
    """Return the closed outline of a graphic, (n, 2) or (n, 3), first point not repeated."""
    match kind:
        case "POLYGON" | "POLYLINE":
            is_closed = np.array_equal(points[0], points[-1])
            if kind == "POLYLINE" and not is_closed:
                raise RegionLeftOut("are open lines")
            ring = points[:-1] if is_closed else points
        case "CIRCLE" if points.shape == (2, 2):
            radius = float(np.linalg.norm(points[1] - points[0]))
            ring = _ellipse(points[0], np.array([radius, 0.0]), np.array([0.0, radius]))
        case "ELLIPSE" if len(points) == 4:
            ring = _ellipse(points[:2].mean(axis=0), (points[1] - points[0]) / 2, (points[3] - points[2]) / 2)
        case _:
            raise RegionLeftOut("are points or solids")
    if len(ring) < 3:
        raise RegionLeftOut("are points or open lines")
    return ring


def _ellipse(centre: Floats, major: Floats, minor: Floats) -> Floats:
    turns = np.linspace(0, 2 * np.pi, _ROUND_POINTS, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(turns) * major + np.sin(turns) * minor, float)
