"""Convert DICOM SEG files of any maker to masks on the segmentation's own grid, even without the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.dicom.annotation_set import NOWHERE, content_and_dataset, text_of
from eci_annotate.dicom.exact_block import exact_of
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import number_in, numbers, value_of
from eci_annotate.dicom.images.image_files import ImageFile
from eci_annotate.dicom.images.pixels import has_pixels
from eci_annotate.dicom.seg.frame_grid import AGAIN, FrameGrid, frame_grid, picture_grid
from eci_annotate.dicom.seg.segments import ReferencedSeries, Segment, Segments, segments_of
from eci_annotate.dicom.uids import LABEL_MAP_SEG_STORAGE, SEG_STORAGE
from eci_annotate.errors import BadSegmentation, EciError
from eci_annotate.imaging.annotations import Mask
from eci_annotate.imaging.blocks import bounding_box

Selection = Callable[[NDArray[Any]], NDArray[np.bool_]]


def read_segmentation(source: str | PathLike[str] | bytes, *, threshold: float = 0.5) -> Segments:
    """Read all segments of a DICOM SEG file.

    Parameters
    ----------
    source
        Path of the file, or its content. BINARY, FRACTIONAL and LABELMAP are read.
    threshold
        Of a FRACTIONAL segmentation: the part of MaximumFractionalValue, above 0 and at most 1, from which a voxel
        belongs to the segment, whether the fraction is a probability or an occupancy.

    Returns
    -------
    Segments
        A list of `Mask`, one per segment, in file order, on the segmentation's own grid in patient millimetres (LPS).
        Planes without a frame are empty; segments may overlap. Background is left out. What is wrong with one segment
        costs that segment: it is left out with a warning, which `notes` keeps; so does the threshold.

    Raises
    ------
    NotDicom, DamagedFile, BadSegmentation
        If the file cannot be read, or none of its segments, each with a remedy.

    References
    ----------
    PS3.3 A.51 and A.91 (objects), C.8.20 (segmentation module), C.7.6.16 (frames).

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> bone = eci.Mask.from_volume(ct > 200, label="bone")
    >>> (path,) = eci.write_segmentation([bone], folder, f"{folder}/seg/bone.dcm")
    >>> (mask,) = eci.read_segmentation(path)
    >>> mask.label, bool((mask.mask_on(ct) == (ct > 200)).all())
    ('bone', True)
    """
    if not 0 < threshold <= 1:
        raise BadSegmentation("The threshold is not above 0 and at most 1.", "Give a part of the maximum, like 0.5.")
    try:
        return _read(source, threshold)
    except EciError:
        raise
    except (OSError, MemoryError):
        raise
    except Exception as error:  # pydicom raises many kinds for malformed values
        raise BadSegmentation("The segmentation is malformed.", AGAIN) from error


def _read(source: str | PathLike[str] | bytes, threshold: float) -> Segments:
    _, dataset = content_and_dataset(source)
    kind = _kind(dataset)
    found = Segments()
    segments = list(segments_of(dataset, found))
    if not has_pixels(dataset):
        raise BadSegmentation("The segmentation has no pixels.", AGAIN)
    frames = ImageFile(dataset, lambda: b"", 0).stored_frames
    reader = _MaskReader(dataset, frames, found)
    match kind:
        case "LABELMAP":
            reader.read_label_map(segments)
        case "FRACTIONAL":
            reader.read_stacked(segments, _at_least(dataset, threshold, found))
        case _:
            reader.read_stacked(segments, _not_zero)
    if not found and reader.first_error is not None:
        raise reader.first_error
    return found


def _kind(dataset: Dataset) -> str:
    sop_class = text_of(dataset, "SOPClassUID")
    if sop_class not in (SEG_STORAGE, LABEL_MAP_SEG_STORAGE):
        raise BadSegmentation("This DICOM file is not a segmentation.", "Give a file of modality SEG.")
    if "TotalPixelMatrixColumns" in dataset or text_of(dataset, "DimensionOrganizationType").startswith("TILED"):
        raise BadSegmentation(
            "The segmentation is of a whole-slide image: its frames are tiles, and no planes of a volume.",
            "Look at it in a viewer for microscopy.",
        )
    kind = text_of(dataset, "SegmentationType")
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise BadSegmentation("The segmentation type is not BINARY, FRACTIONAL or LABELMAP.", AGAIN)
    if kind != "LABELMAP" and sop_class == LABEL_MAP_SEG_STORAGE:
        raise BadSegmentation(f"The segmentation is a label map, and says that it is {kind}.", AGAIN)
    if kind != "BINARY" and number_in(dataset, "BitsAllocated") == 1:
        raise BadSegmentation(f"The segmentation has pixels of one bit, and says that it is {kind}.", AGAIN)
    return kind


def _at_least(dataset: Dataset, threshold: float, found: Segments) -> Selection:
    most = float(numbers(value_of(dataset, "MaximumFractionalValue"), "MaximumFractionalValue")[0])
    if not 0 < most < 1 << number_in(dataset, "BitsAllocated"):
        raise BadSegmentation("MaximumFractionalValue is none that its pixels can have.", AGAIN)
    kind = text_of(dataset, "SegmentationFractionalType").lower()
    kind = kind if kind in ("probability", "occupancy") else "fraction"
    found.note(f"The segmentation is fractional: voxels of at least {threshold:g} of the full {kind} are taken.")

    def chosen(values: NDArray[Any]) -> NDArray[np.bool_]:
        if values.max() > most:
            raise BadSegmentation("Pixels are larger than MaximumFractionalValue.", AGAIN)
        return np.asarray(values >= threshold * most)

    return chosen


def _not_zero(values: NDArray[Any]) -> NDArray[np.bool_]:
    inside = np.asarray(values != 0)
    if values.max(initial=0) > 1 and np.ptp(values[inside]):
        raise BadSegmentation("The segmentation is called binary, and has several values.", AGAIN)
    return inside


@dataclass
class _MaskReader:
    """Makes one mask per segment; an error costs the segment."""

    dataset: Dataset
    frames: Sequence[Frame]
    found: Segments
    first_error: EciError | None = None

    def __post_init__(self) -> None:
        series = ReferencedSeries(self.dataset).uid
        self._place = {"frame_uid": text_of(self.dataset, "FrameOfReferenceUID"), "series_uid": series}
        self._uids: set[str] = set()
        self._common: FrameGrid | None = None
        try:
            self._common = frame_grid(self.frames)
        except EciError as error:
            self.first_error = error
        if self._common is not None and self._common.is_guessed:
            self.found.note(self._common.guess)

    def read_stacked(self, segments: Sequence[Segment], chosen: Selection) -> None:
        """Read segments with frames of their own (PS3.3 C.8.20.2)."""
        frames: dict[int, list[Frame]] = {}
        for frame in self.frames:
            frames.setdefault(frame.whole("ReferencedSegmentNumber", -1), []).append(frame)
        for segment in segments:
            self._add(segment, frames.pop(segment.number, []), chosen)
        if frames:
            self.found.note(f"{sum(map(len, frames.values()))} frame(s) belong to no segment and are left out.")

    def read_label_map(self, segments: Sequence[Segment]) -> None:
        """Read segments that are values of shared frames (PS3.3 C.8.20.2, LABELMAP)."""
        padding = value_of(self.dataset, "PixelPaddingValue")
        empty = 0 if padding is None else int(numbers(padding, "PixelPaddingValue")[0])
        frames: dict[int, list[Frame]] = {}
        for frame in self.frames:
            for value in np.flatnonzero(np.bincount(frame.pixels().ravel())):
                frames.setdefault(int(value), []).append(frame)
        for segment in segments:
            mine = frames.pop(segment.number, [])
            if segment.number != empty and not segment.is_background:
                self._add(segment, mine, _equal_to(segment.number))
        if unknown := set(frames) - {empty, 0}:
            self.found.note(f"{len(unknown)} value(s) of the label map belong to no segment and are left out.")

    def _add(self, segment: Segment, frames: Sequence[Frame], chosen: Selection) -> None:
        try:
            mask = self._mask(segment, frames, chosen)
        except EciError as error:
            self.first_error = self.first_error or error
            self.found.note(f"Segment {segment.number} cannot be read and is left out ({error.what}).")
        else:
            self.found.append(mask)
            if not mask.frame_uid and not mask.series_uid:
                self.found.note(f"Segment {segment.number} {NOWHERE}")

    def _mask(self, segment: Segment, frames: Sequence[Frame], chosen: Selection) -> Mask:
        exact = exact_of(segment.item)
        where = self._common or picture_grid(self.frames, exact) or frame_grid(frames or self.frames)
        at = [where.slice_of[frame.number] for frame in frames]
        if len(set(at)) < len(at):
            self.found.note(f"Segment {segment.number} has several frames on one plane; they are united.")
        low, high = min(at, default=0), max(at, default=-1) + 1
        block = np.zeros((high - low, *where.grid.shape[1:]), bool)
        for k, frame in zip(at, frames, strict=True):
            pixels = frame.pixels()
            if pixels.shape != block.shape[1:]:
                raise BadSegmentation("A frame does not have the size that the header states.", AGAIN)
            block[k - low] |= chosen(pixels)
        inside = bounding_box(block)
        voxels = block[inside].copy()
        corner = (inside[0].start + low, inside[1].start, inside[2].start)
        return Mask(voxels, where.grid.cropped(corner, voxels.shape), **self._header(segment))

    def _header(self, segment: Segment) -> dict[str, Any]:
        header, exact = segment.header | self._place, exact_of(segment.item)
        given = {"series_uid": exact.get("stack_uid"), "frame_uid": exact.get("plane_uid")}
        header |= {name: str(value) for name, value in given.items() if value}
        if header.get("uid") in self._uids:
            self.found.note(f"Segment {segment.number} has the tracking UID of another segment; it gets a new one.")
            del header["uid"]
        self._uids.add(header.get("uid", ""))
        return header


def _equal_to(number: int) -> Selection:
    return lambda values: values == number
