"""Pictures without a place in space: their own plane, and what is known of their orientation and view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.multival import MultiValue

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.geometry import Floats, Grid

IMAGER, CALIBRATED, SCANNED = "ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing"
REGIONS, PIXELS = "SequenceOfUltrasoundRegions", "pixels"
CENTIMETRES, PICTURE = 3, 1  # of Physical Units and Region Spatial Format (PS3.3 C.8.5.5.1)
CALIBRATIONS = ("GEOMETRY", "FIDUCIAL")
SAME_SPACING = 0.01  # relative
SIDES = set("LRAPHF")


def projection_grid(shots: Sequence[Frame]) -> Grid:
    """Return the plane of a picture: x along a row, y down a column, from the first pixel; z = number of the frame.

    References
    ----------
    PS3.3 10.7.1.1 (Imager Pixel Spacing is measured at the detector; the size in the patient is not known).
    """
    frame = shots[0]
    _, spacing = plane_spacing(frame)
    uid = uid_from("plane of one picture", frame.sop_uid, str(frame.number))
    return Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1.0, *spacing), (len(shots), *frame.shape), uid)


def plane_spacing(frame: Frame) -> tuple[str, Floats]:
    """Return the element that gives the spacing of rows and columns, and the spacing; "pixels" and ones for none.

    On ultrasound it is that of the scanned regions, if all of them are pictures with one scale; where they are not, no
    spacing holds for the whole image, whatever PixelSpacing says.

    References
    ----------
    PS3.3 10.7.1.3 (Pixel Spacing of projections), C.8.5.5 (US Region Calibration).
    """
    if frame.get(REGIONS) is not None:
        scale = _scale_of_regions(frame)
        return (PIXELS, np.ones(2)) if scale is None else (REGIONS, scale)
    for key in (IMAGER, CALIBRATED, SCANNED):
        if frame.get(key) is not None:
            return key, frame.vector(key, 2)
    return PIXELS, np.ones(2)


def _scale_of_regions(frame: Frame) -> Floats | None:
    """Return the distance of rows and columns in mm that all ultrasound regions have; None if they have no such."""
    try:
        regions = frame.get(REGIONS)
        scales = [_scale_of(region) for region in regions]
    except Exception:  # malformed regions calibrate nothing
        return None
    if not scales or any(scale is None for scale in scales):
        return None
    every = np.array(scales)
    return every[0] if np.allclose(every, every[0], rtol=SAME_SPACING, atol=0) else None


def _scale_of(region: Any) -> Floats | None:
    """Return the distance of rows and columns of one region in mm; None if it is no picture in centimetres."""
    is_picture = int(region.RegionSpatialFormat) == PICTURE
    units = {int(region.PhysicalUnitsXDirection), int(region.PhysicalUnitsYDirection)}
    delta_mm = 10 * np.abs([float(region.PhysicalDeltaY), float(region.PhysicalDeltaX)])
    usable = bool(np.isfinite(delta_mm).all() and delta_mm.min() > 0)
    return delta_mm if is_picture and units == {CENTIMETRES} and usable else None


def view_of(frame: Frame) -> str:
    """Return laterality and view of a picture, for instance "L CC"; empty if the file does not say."""
    side = frame.text("ImageLaterality") or frame.text("Laterality")
    return " ".join(filter(None, (side, frame.text("ViewPosition"))))


def projection_attrs(frame: Frame) -> dict[str, Any]:
    """Return where the spacing comes from ("pixels" for none), the view, and the sides to the right and below."""
    attrs: dict[str, Any] = {"spacing_from": plane_spacing(frame)[0]}
    if attrs["spacing_from"] == CALIBRATED and frame.text("PixelSpacingCalibrationType") in CALIBRATIONS:
        attrs["calibration"] = frame.text("PixelSpacingCalibrationType")
    ratio = frame.get("PixelAspectRatio") if attrs["spacing_from"] == PIXELS else None
    if ratio is not None and len(set(np.atleast_1d(ratio).tolist())) > 1:
        attrs["is_stretched"] = True  # pixels are not square, and are counted as if they were
    if view := view_of(frame):
        attrs["view"] = view
    sides = frame.get("PatientOrientation")
    texts = [str(side) for side in sides] if isinstance(sides, (MultiValue, list, tuple)) else []
    if len(texts) == 2 and all(text and set(text) <= SIDES for text in texts):  # some files hold the view here
        attrs["sides"] = tuple(texts)
    return attrs
