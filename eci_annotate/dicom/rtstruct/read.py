"""Convert RTSTRUCT files of any vendor to annotations in patient millimetres, even without the images.

Closed contours of one ROI on one plane combine by the even-odd rule, which reads keyholes, nested
and exclusive-or contours alike. Masks and boxes written by this package are restored as such.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread

from eci_annotate.dicom.annotation_set import NOWHERE, PALETTE, text_of
from eci_annotate.dicom.exact_block import exact_of
from eci_annotate.dicom.images.completeness import require_whole
from eci_annotate.dicom.images.dicom_frames import axes
from eci_annotate.dicom.images.element_values import numbers
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.images.tolerances import unit_of
from eci_annotate.dicom.rtstruct.contour_items import (
    CONTOUR_COUNT,
    CONTOUR_DATA,
    CONTOUR_OFFSET,
    RawContour,
    contours_of,
)
from eci_annotate.dicom.rtstruct.contour_overlaps import OVERLAP, planes_with_overlaps
from eci_annotate.dicom.rtstruct.contour_register import ContourRegister
from eci_annotate.dicom.rtstruct.decimals import from_decimals
from eci_annotate.dicom.rtstruct.rois import AGAIN, References, Roi, StructureSet, items_of, rois_of
from eci_annotate.dicom.uids import RTSTRUCT_STORAGE
from eci_annotate.errors import BadStructureSet, EciError
from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.planes import parallel_rings, planes_of

XOR = "CLOSEDPLANAR_XOR"  # says itself what a repeated contour does
CLOSED = {"CLOSED_PLANAR", XOR, "INTERPOLATED_PLANAR"}
OPEN = {"POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"}


def read_rtstruct(source: str | PathLike[str] | bytes) -> StructureSet:
    """Read all ROIs of an RTSTRUCT file.

    Parameters
    ----------
    source
        Path of the file, or its content.

    Returns
    -------
    StructureSet
        A list of annotations in file order. Masks and boxes written by eci_annotate are restored exactly; everything
        else becomes `Contours`. What is wrong with one item costs that item: it is left out with a warning, which
        `notes` keeps.

    Raises
    ------
    NotDicom, DamagedFile, BadStructureSet
        If the file cannot be read, each with a remedy.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> (path,) = eci.write_rtstruct([eci.Mask.from_volume(ct > 200, label="bone")], folder, f"{folder}/rt/bone.dcm")
    >>> (bone,) = eci.read_rtstruct(path)
    >>> bone.label, bool((bone.mask_on(ct) == (ct > 200)).all())
    ('bone', True)
    """
    return structure_set_of(open_rtstruct(source))


def structure_set_of(dataset: Dataset) -> StructureSet:
    """Read all ROIs of a parsed RTSTRUCT, as `read_rtstruct` does."""
    if text_of(dataset, "SOPClassUID") != RTSTRUCT_STORAGE and text_of(dataset, "Modality") != "RTSTRUCT":
        raise BadStructureSet("This DICOM file is not an RTSTRUCT.", "Give a file of modality RTSTRUCT.")
    found = StructureSet()
    references = References(dataset)
    for roi in rois_of(dataset, found):
        try:
            annotation = _annotation(roi, _header(roi, references, found), found)
        except (EciError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            what = f" ({error.what})" if isinstance(error, EciError) else ""
            found.note(f"ROI {roi.number} cannot be read and is left out{what}.")
        else:
            if annotation is not None:
                found.append(annotation)
                if not annotation.frame_uid and not annotation.series_uid:
                    found.note(f"ROI {roi.number} {NOWHERE}")
    return found


def open_rtstruct(source: str | PathLike[str] | bytes) -> Dataset:
    """Parse a file, whole; raises NotDicom, DamagedFile or BadStructureSet."""
    if not isinstance(source, bytes):
        dataset = read(Path(source))
        require_whole(Path(source).read_bytes(), dataset)
        return dataset
    try:
        dataset = dcmread(io.BytesIO(source))
    except Exception as error:
        raise BadStructureSet("These bytes are not a DICOM file.", "Give an RTSTRUCT.") from error
    require_whole(source, dataset)
    return dataset


def _colour(contours: Sequence[Dataset], place: int) -> tuple[int, int, int]:
    """Return the display colour; one of a palette where the file gives none that can be read."""
    for item in contours:
        text = text_of(item, "ROIDisplayColor")
        parts = [float(part) for part in re.findall(r"[-+]?\d+(?:\.\d+)?", text)]
        if len(parts) == 3 and all(0 <= part <= 255 for part in parts):
            red, green, blue = (round(part) for part in parts)
            return red, green, blue
    return PALETTE[place % len(PALETTE)]


def _header(roi: Roi, references: References, notes: StructureSet) -> dict[str, Any]:
    exact = exact_of(roi.item)
    frame, series = references.of(roi, notes)
    header: dict[str, Any] = {
        "label": str(exact.get("label", text_of(roi.item, "ROIName"))),
        "colour": _colour(roi.contours, roi.place),
        "frame_uid": frame,
        "series_uid": str(exact.get("stack_uid", series)),
    }
    return header | ({"uid": str(exact["uid"])} if "uid" in exact else {})


def _values(contour: Dataset, tag: int) -> bytes | Floats:
    """Return the numbers of an element of one contour, unparsed if possible."""
    element = contour.get_item(tag)
    if element is None or element.value is None:
        return b""
    return element.value if isinstance(element.value, bytes) else np.asarray(element.value, float).ravel()


def _contours(roi: Dataset) -> list[RawContour]:
    """Return the contours of an item of ROIContourSequence."""
    found = contours_of(roi)
    if found is not None:
        return found
    tags = (CONTOUR_DATA, CONTOUR_OFFSET, CONTOUR_COUNT)
    return [
        RawContour(text_of(item, "ContourGeometricType"), *(_values(item, tag) for tag in tags))
        for item in items_of(roi, "ContourSequence")
    ]


def _points(value: bytes | Floats) -> Floats:
    """Return the points (n, 3) of one contour."""
    flat = from_decimals(value) if isinstance(value, bytes) else value
    if flat.size % 3 or not np.isfinite(flat).all():
        raise BadStructureSet("A contour does not consist of (x, y, z) triplets.", AGAIN)
    return flat.reshape(-1, 3)


def _ring(contour: RawContour) -> Floats | None:
    """Return a closed ring, moved by its offset; None for points and open lines."""
    kind = contour.kind.strip().upper()
    if kind in OPEN:
        return None
    ring = _points(contour.data)
    if len(contour.offset) and (shift := _points(contour.offset)).size:
        ring = ring + shift.reshape(3)
    if len(ring) > 1 and np.array_equal(ring[0], ring[-1]):
        ring = ring[:-1]
    if kind and kind not in CLOSED:
        raise BadStructureSet("A contour is of an unknown type.", AGAIN)
    return ring if len(ring) >= 3 else None


def _is_miscounted(contour: RawContour, points: int) -> bool:
    """Whether a contour states another number of points than it has, with or without one that closes it."""
    try:
        stated = float(contour.count if isinstance(contour.count, bytes) else contour.count[0])
    except (ValueError, IndexError):
        return False  # states nothing
    return stated != points and stated != len(_points(contour.data))


def _rings(roi: Roi, found: StructureSet) -> tuple[list[Floats], int]:
    """Return the closed rings of an ROI, and the number of its other contours."""
    rings: list[Floats] = []
    known = ContourRegister()
    open_ones = damaged = moved = miscounted = 0
    for contour in (each for item in roi.contours for each in _contours(item)):
        try:
            ring = _ring(contour)
            miscounted += ring is not None and _is_miscounted(contour, len(ring))
        except (EciError, ValueError, TypeError):
            damaged += 1
            continue
        if ring is None:
            open_ones += 1
        elif contour.kind.strip().upper() == XOR or known.is_new(ring):
            rings.append(ring)
            moved += len(contour.offset) > 0 and bool(_points(contour.offset).any())
    if miscounted:
        found.note(f"ROI {roi.number}: {miscounted} contour(s) have another number of points than they state.")
    if moved:
        found.note(
            f"ROI {roi.number}: {moved} contour(s) are moved by their ContourOffsetVector, which other programs ignore."
        )
    if known.repeated:
        found.note(f"ROI {roi.number}: {known.repeated} contour(s) repeat others and count once.")
    if damaged:
        found.note(f"ROI {roi.number}: {damaged} contour(s) cannot be read and are left out.")
    if rings and open_ones:
        found.note(f"ROI {roi.number}: {open_ones} contour(s) are points or open lines and are left out.")
    return rings, open_ones + damaged


def _parallel(roi: Roi, rings: list[Floats], found: StructureSet) -> list[Floats]:
    """Leave out rings that lie across the planes of the others."""
    kept = [ring for ring, good in zip(rings, parallel_rings(rings), strict=True) if good]
    if len(kept) < len(rings):
        found.note(f"ROI {roi.number}: {len(rings) - len(kept)} contour(s) are not parallel and are left out.")
    return kept


def _annotation(roi: Roi, header: dict[str, Any], found: StructureSet) -> Annotation | None:
    exact = exact_of(roi.item)
    if exact.get("kind") == "box":
        return Box(exact["centre_lps"], exact["size_mm"], exact["axes_lps"], **header)
    rings, others = _rings(roi, found)
    if not rings and others:
        found.note(f"ROI {roi.number} holds only points, open lines or damaged contours, and is left out.")
        return None
    planes = items_of(roi.item, "SourcePixelPlanesCharacteristicsSequence")
    if exact.get("kind") == "mask" and "grid" in exact:
        return _mask(rings, _leaning(exact["grid"], header["frame_uid"]), header)
    if exact.get("kind") == "mask" and planes:
        return _mask(rings, _grid(planes[0], header["frame_uid"]), header)
    spacing = exact.get("spacing_mm")
    if spacing is None and planes and text_of(planes[0], "SpacingBetweenSlices"):
        spacing = abs(float(numbers(planes[0].SpacingBetweenSlices, "SpacingBetweenSlices")[0])) or None
    rings = _parallel(roi, rings, found)
    if count := planes_with_overlaps(rings, spacing) if exact.get("kind") is None else 0:
        found.note(f"ROI {roi.number}: contours {OVERLAP.format(count)}")
    return Contours(tuple(rings), spacing, **header)


def _grid(item: Dataset, frame_uid: str) -> Grid:
    row_mm, column_mm = (float(v) for v in item.PixelSpacing)
    shape = (int(item.NumberOfFrames), int(item.Rows), int(item.Columns))
    spacing = (float(item.SpacingBetweenSlices), row_mm, column_mm)
    origin = numbers(item.ImagePositionPatient, "ImagePositionPatient")
    cosines = numbers(item.ImageOrientationPatient, "ImageOrientationPatient")
    directions = axes(cosines, unit_of(item.ImageOrientationPatient))
    return Grid.from_arrays(origin, directions, spacing, shape, frame_uid)


def _leaning(grid: dict[str, Any], frame_uid: str) -> Grid:
    """Return the sheared grid of a mask."""
    shape = tuple(int(size) for size in grid["shape"])
    return Grid.from_arrays(grid["origin_lps"], grid["directions"], grid["spacing_mm"], shape, frame_uid)


def _mask(rings: list[Floats], grid: Grid, header: dict[str, Any]) -> Mask:
    voxels = planes_of(rings, grid.slice_mm, grid.normal_lps).voxels_on(grid)
    where = bounding_box(voxels)
    block = voxels[where].copy()
    k, j, i = (s.start for s in where)
    return Mask(block, grid.cropped((k, j, i), block.shape), **header)
