"""What a frame must have to be part of a volume; everything else is refused by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from eci_annotate.dicom.images.attributes import private_value
from eci_annotate.dicom.images.colour import is_colour
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import value_of
from eci_annotate.errors import DamagedFile, MissingGeometry, MissingSlice, UnsupportedImages

PROJECTIONS = {"MG", "DX", "CR", "RF", "XA", "PX", "IO"}
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MOST_PIXELS = 1 << 16  # rows or columns
# NM images seen from outside (PS3.3 C.8.4.9.1.1): their place is that of the detector; RECON TOMO are slices
PLANAR = {"STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "TOMO", "GATED TOMO"}
TILES = (0x0019100A, 0x00651050)  # Siemens, United Imaging: how many slices lie side by side in one picture
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
        if is_planar(frame):
            raise UnsupportedImages(
                "NM images of this kind are views from outside, and no slices.",
                "Load them with load_stacks, which gives each image.",
            )
        if is_mosaic(frame):
            raise UnsupportedImages(
                "The slices of this series lie side by side in one picture (a mosaic), whose place is no slice's.",
                "Ask the sender for one image for each slice, or load the pictures with load_stacks.",
            )
        if "ImagePositionPatient" not in frame.groups and "ImagePositionVolume" in frame.groups:
            raise UnsupportedImages(
                "The frames of an image have places in a frame of their own, and none in the patient.",
                "Load it with load_stacks, which gives each frame.",
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
        if (uid := frame.text(keyword)) and not _is_uid(uid):
            raise DamagedFile(f"{keyword} of an image is no UID.", "Ask the sender for complete images.")
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        if frame.get(keyword) is not None and min(frame.vector(keyword, 2)) <= 0:
            raise MissingGeometry(f"{keyword} is not positive.", "Ask the sender for complete images.")
    if not all(0 < size < MOST_PIXELS for size in frame.shape):
        raise DamagedFile("Rows or Columns of an image are not usable.", "Ask the sender for complete images.")


@lru_cache(maxsize=1 << 12)
def _is_uid(text: str) -> bool:
    return len(text) <= 64 and UID.fullmatch(text) is not None


def require_all_parts(frames: Sequence[Frame]) -> None:
    """Refuse a multi-frame image that was sent in several files, if one of them is missing (PS3.3 C.7.6.16.2.2.4).

    Raises
    ------
    MissingSlice
        With the number of missing files, as far as the others tell.
    """
    files = {id(frame.dataset): frame for frame in frames if value_of(frame.dataset, "ConcatenationUID") is not None}
    parts: dict[str, set[int]] = {}
    for frame in files.values():
        known = parts.setdefault(frame.text("ConcatenationUID"), set())
        known.add(frame.whole("InConcatenationNumber", 1))
        known.add(-frame.whole("InConcatenationTotalNumber", 1))
    for known in parts.values():
        total = max(max(known), -min(known))
        if missing := total - len([number for number in known if number > 0]):
            raise MissingSlice(
                f"{missing} of {total} files of a multi-frame image are missing.", "Ask the sender for the others."
            )


def is_planar(frame: Frame) -> bool:
    """Whether a frame is a view of a gamma camera, or one of the views that slices are computed from."""
    return frame.modality == "NM" and not PLANAR.isdisjoint(frame.image_types[2:3])


def is_mosaic(frame: Frame) -> bool:
    """Whether a picture has all slices of a volume side by side: its position and orientation are not theirs."""
    if frame.number or frame.modality != "MR":
        return False
    return "MOSAIC" in frame.image_types or any(_is_several(frame, tag) for tag in TILES)


def _is_several(frame: Frame, tag: int) -> bool:
    try:
        return float(private_value(frame, tag) or 0) > 1
    except (TypeError, ValueError):
        return False


def has_place(frame: Frame) -> bool:
    """Whether a frame is a slice with a place in space; others are shown one by one."""
    if is_planar(frame) or is_mosaic(frame) or (frame.number and "ImagePositionPatient" not in frame.groups):
        return False
    return all(frame.get(keyword) is not None for keyword in GEOMETRY)
