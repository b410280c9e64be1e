"""What a frame must have to be part of a volume; everything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eci_annotate.dicom.images.colour import is_colour
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.errors import DamagedFile, MissingGeometry, UnsupportedImages

PROJECTIONS = {"MG", "DX", "CR", "RF", "XA", "PX", "IO"}
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MOST_PIXELS = 1 << 16  # rows or columns
GEOMETRY = ("SeriesInstanceUID", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient")


def require_volumes(frames: Sequence[Frame]) -> None:
    """Refuse anything that is not slices in space.

    Raises
    ------
    UnsupportedImages
        For colour and projection images.
    MissingGeometry
        Names the first absent element.
    DamagedFile
        For a matrix of no size.
    """
    for frame in frames:
        require_picture(frame)
        if is_colour(frame.dataset):
            raise UnsupportedImages(
                "Colour images have no single value per voxel.", "Load them with load_stacks, in red, green and blue."
            )
        if frame.modality in PROJECTIONS and frame.get("ImagePositionPatient") is None:
            raise UnsupportedImages(
                f"{frame.modality} images are projections without a place in space.",
                "Load them with load_stacks, which gives each image.",
            )
        if frame.number and "ImagePositionPatient" not in frame.groups:
            raise UnsupportedImages(
                "A multi-frame image has no place for each of its frames.",
                "Load it with load_stacks, which gives each frame.",
            )
        for keyword in GEOMETRY:
            if frame.get(keyword) is None:
                raise MissingGeometry(
                    f"{keyword} is missing, and is never guessed.",
                    "Ask the sender for complete images, or load them one by one with load_stacks.",
                )


def require_picture(frame: Frame) -> None:
    """Refuse what is no picture.

    Raises
    ------
    MissingGeometry
        For a pixel spacing that is not positive.
    DamagedFile
        For a matrix of no size.
    """
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        if (uid := frame.text(keyword)) and not (len(uid) <= 64 and UID.fullmatch(uid)):
            raise DamagedFile(f"{keyword} of an image is no UID.", "Ask the sender for complete images.")
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if frame.get(keyword) is not None and min(frame.vector(keyword, 2)) <= 0:
            raise MissingGeometry(f"{keyword} is not positive.", "Ask the sender for complete images.")
    if not all(0 < size < MOST_PIXELS for size in frame.shape):
        raise DamagedFile("Rows or Columns of an image are not usable.", "Ask the sender for complete images.")


def has_place(frame: Frame) -> bool:
    """Whether a frame is a slice with a place in space; others are shown one by one."""
    if frame.number and "ImagePositionPatient" not in frame.groups:
        return False
    return all(frame.get(keyword) is not None for keyword in GEOMETRY)
