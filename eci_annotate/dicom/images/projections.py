"""Pictures without a place in space: their own plane, and what is known of their orientation and view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.geometry import Grid

PLANE_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
SIDES = set("LRAPHF")


def projection_grid(shots: Sequence[Frame]) -> Grid:
    """Return the plane of a picture: x along a row, y down a column, from the first pixel; z = number of the frame.

    References
    ----------
    PS3.3 10.7.1.1 (Imager Pixel Spacing is measured at the detector; the size in the patient is not known).
    """
    frame = shots[0]
    spacing = next((frame.vector(key, 2) for key in PLANE_SPACINGS if frame.get(key) is not None), np.ones(2))
    uid = uid_from("plane of one picture", frame.sop_uid, str(frame.number))
    return Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1.0, *spacing), (len(shots), *frame.shape), uid)


def view_of(frame: Frame) -> str:
    """Return laterality and view of a picture, for instance "L CC"; empty if the file does not say."""
    side = frame.text("ImageLaterality") or frame.text("Laterality")
    return " ".join(filter(None, (side, frame.text("ViewPosition"))))


def projection_attrs(frame: Frame) -> dict[str, Any]:
    """Return where the spacing comes from ("pixels" for none), the view, and the sides to the right and below."""
    attrs: dict[str, Any] = {
        "spacing_from": next((key for key in PLANE_SPACINGS if frame.get(key) is not None), "pixels")
    }
    ratio = frame.get("PixelAspectRatio") if attrs["spacing_from"] == "pixels" else None
    if ratio is not None and len(set(np.atleast_1d(ratio).tolist())) > 1:
        attrs["is_stretched"] = True  # pixels are not square, and are counted as if they were
    if view := view_of(frame):
        attrs["view"] = view
    sides = frame.get("PatientOrientation")
    texts = [str(side) for side in sides] if sides is not None and not isinstance(sides, str) else []
    if len(texts) == 2 and all(text and set(text) <= SIDES for text in texts):  # some files hold the view here
        attrs["sides"] = tuple(texts)
    return attrs
