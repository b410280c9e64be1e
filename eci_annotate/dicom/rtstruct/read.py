"""Convert RTSTRUCT files of any vendor to annotations in patient millimetres, even without the images.

Closed contours of one ROI on one plane combine by the even-odd rule, which reads keyholes, nested
and exclusive-or contours alike. Masks and boxes written by this package are restored as such.
"""

from __future__ import annotations

import io
import json
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread

from eci_annotate.dicom.images.completeness import require_whole
from eci_annotate.dicom.images.dicom_frames import axes, numbers
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.rtstruct.contour_items import CONTOUR_DATA, contours_of
from eci_annotate.dicom.rtstruct.dataset import PRIVATE_CREATOR, PRIVATE_GROUP
from eci_annotate.dicom.rtstruct.decimals import from_decimals
from eci_annotate.dicom.uids import RTSTRUCT_STORAGE
from eci_annotate.errors import BadStructureSet, EciError
from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.planes import planes_of

CLOSED = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR"}
PALETTE = ((230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (132, 145, 180), (220, 200, 60))


def read_rtstruct(source: str | PathLike[str] | bytes) -> list[Annotation]:
    """Read all ROIs of an RTSTRUCT file.

    Parameters
    ----------
    source
        Path of the file, or its content.

    Returns
    -------
    list of annotations
        In file order. Masks and boxes written by eci_annotate are restored exactly; everything
        else becomes `Contours`. ROIs with only points or open lines are skipped with a warning.

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
    dataset = _open(source)
    if str(dataset.get("SOPClassUID", "")) != RTSTRUCT_STORAGE and str(dataset.get("Modality", "")) != "RTSTRUCT":
        raise BadStructureSet("This DICOM file is not an RTSTRUCT.", "Give a file of modality RTSTRUCT.")
    contours = {int(c.ReferencedROINumber): c for c in dataset.get("ROIContourSequence", None) or ()}
    series = _series_by_frame(dataset)
    found = []
    for place, roi in enumerate(dataset.get("StructureSetROISequence", None) or ()):
        header = _header(roi, contours.get(int(roi.ROINumber)), series, place)
        annotation = _annotation(roi, contours.get(int(roi.ROINumber)), header)
        if annotation is not None:
            found.append(annotation)
    return found


def _open(source: str | PathLike[str] | bytes) -> Dataset:
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


def _series_by_frame(dataset: Dataset) -> dict[str, str]:
    """Return the annotated series by frame of reference; '' for any."""
    found: dict[str, str] = {}
    for frame in dataset.get("ReferencedFrameOfReferenceSequence", None) or ():
        for study in frame.get("RTReferencedStudySequence", None) or ():
            for series in study.get("RTReferencedSeriesSequence", None) or ():
                uid = str(series.get("SeriesInstanceUID", ""))
                found.setdefault(str(frame.get("FrameOfReferenceUID", "")), uid)
                found.setdefault("", uid)
    return found


def _private(item: Dataset) -> dict[str, Any]:
    """Return the package's private block, or an empty dict; an unreadable block counts as absent."""
    try:
        value = item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[0x01].value
    except KeyError:
        return {}
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
        body = json.loads(text.rstrip("\0 "))
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _header(roi: Dataset, contour: Dataset | None, series: dict[str, str], place: int) -> dict[str, Any]:
    exact = _private(roi)
    frame = str(roi.get("ReferencedFrameOfReferenceUID", "") or "")
    colour = contour.get("ROIDisplayColor") if contour is not None else None
    header: dict[str, Any] = {
        "label": str(exact.get("label", roi.get("ROIName", "") or "")),
        "colour": tuple(int(c) for c in colour) if colour else PALETTE[place % len(PALETTE)],
        "frame_uid": frame,
        "series_uid": series.get(frame, series.get("", "")),
    }
    return header | ({"uid": str(exact["uid"])} if "uid" in exact else {})


def _values(contour: Dataset) -> bytes | Floats:
    """Return the contour data of one item, unparsed if possible."""
    element = contour.get_item(CONTOUR_DATA)
    if element is None or element.value is None:
        return b""
    return element.value if isinstance(element.value, bytes) else np.asarray(element.value, float).ravel()


def _contours(roi: Dataset) -> list[tuple[str, Any]]:
    """Return kind and data of each contour of an ROI."""
    found = contours_of(roi)
    if found is not None:
        return list(found)
    items = roi.get("ContourSequence", None) or ()
    return [(str(item.get("ContourGeometricType", "")), _values(item)) for item in items]


def _points(value: bytes | Floats) -> Floats:
    """Return the points (n, 3) of one contour."""
    flat = from_decimals(value) if isinstance(value, bytes) else value
    if flat.size % 3:
        raise BadStructureSet("A contour does not consist of (x, y, z) triplets.", "Export the structure set again.")
    return flat.reshape(-1, 3)


def _rings(contour: Dataset | None, number: int) -> tuple[list[Floats], int]:
    """Return the closed rings of an ROI, and the number of its other contours."""
    rings, others = [], 0
    for kind, value in _contours(contour) if contour is not None else ():
        if kind not in CLOSED:
            others += 1
            continue
        try:
            ring = _points(value)
        except EciError as error:
            raise BadStructureSet(f"ROI {number} cannot be read: {error.what}", error.remedy) from error
        if len(ring) > 1 and np.array_equal(ring[0], ring[-1]):
            ring = ring[:-1]
        if len(ring) >= 3:
            rings.append(ring)
    return rings, others


def _annotation(roi: Dataset, contour: Dataset | None, header: dict[str, Any]) -> Annotation | None:
    exact, number = _private(roi), int(roi.ROINumber)
    if exact.get("kind") == "box":
        return Box(exact["centre_lps"], exact["size_mm"], exact["axes_lps"], **header)
    rings, others = _rings(contour, number)
    if not rings and others:
        warnings.warn(f"ROI {number} holds only points or open lines and is left out.", stacklevel=3)
        return None
    planes = roi.get("SourcePixelPlanesCharacteristicsSequence")
    if exact.get("kind") == "mask" and planes:
        return _mask(rings, _grid(planes[0], header["frame_uid"]), header)
    spacing = exact.get("spacing_mm")
    if spacing is None and planes and planes[0].get("SpacingBetweenSlices") is not None:
        spacing = float(planes[0].SpacingBetweenSlices)
    return Contours(tuple(rings), spacing, **header)


def _grid(item: Dataset, frame_uid: str) -> Grid:
    row_mm, column_mm = (float(v) for v in item.PixelSpacing)
    shape = (int(item.NumberOfFrames), int(item.Rows), int(item.Columns))
    spacing = (float(item.SpacingBetweenSlices), row_mm, column_mm)
    origin = numbers(item.ImagePositionPatient, "ImagePositionPatient")
    directions = axes(numbers(item.ImageOrientationPatient, "ImageOrientationPatient"))
    return Grid.from_arrays(origin, directions, spacing, shape, frame_uid)


def _mask(rings: list[Floats], grid: Grid, header: dict[str, Any]) -> Mask:
    voxels = planes_of(rings, grid.spacing_mm[0], grid.directions[0]).voxels_on(grid)
    where = bounding_box(voxels)
    block = voxels[where].copy()
    k, j, i = (s.start for s in where)
    return Mask(block, grid.cropped((k, j, i), block.shape), **header)
