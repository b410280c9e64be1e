"""Places of reconstructed slices of nuclear medicine: the first one's and a signed distance are stated."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from eci_annotate.dicom.images.element_values import numbers, value_of
from eci_annotate.errors import DamagedFile
from eci_annotate.imaging.geometry import Floats

RECONSTRUCTED = "RECON TOMO"
LEAST_MM = 1e-2  # distance of slices
_NOT_UNIT, _NOT_RIGHT = 1e-2, 1e-3
_SLICES = 0x00540080
_PLACE = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6))
# what else the frames of NM images may be counted by: each must be the same in all
_OTHER_VECTORS = (
    "EnergyWindowVector", "DetectorVector", "PhaseVector", "RotationVector", "RRIntervalVector", "TimeSlotVector",
    "TimeSliceVector", "AngularViewVector",
)  # fmt: skip


def places_of_slices(dataset: Dataset, count: int) -> list[dict[str, Any]]:
    """Return position and orientation of each frame of a reconstruction; empty where the file does not state them.

    Parameters
    ----------
    dataset
        Header of a multi-frame file without functional groups.
    count
        How many frames it has.

    Notes
    -----
    Slice n of N lies (n - 1) SpacingBetweenSlices from the first, along the cross product of rows and columns: a
    negative distance stacks against it. Gated reconstructions, and frames that something else than the slice counts,
    have no place here.

    References
    ----------
    PS3.3 C.8.4.8 (NM Multi-frame), C.8.4.9 (NM Image), C.8.4.11 (NM Detector), C.8.4.15 (NM Reconstruction).
    """
    try:
        if not _is_reconstruction(dataset) or not _counts_slices(dataset, count):
            return []
        item, step = _detector(dataset), numbers(value_of(dataset, "SpacingBetweenSlices"), "SpacingBetweenSlices")
        if item is None or step.size != 1 or abs(step[0]) < LEAST_MM:
            return []
        first, cosines = (_vector(item, *each) for each in _PLACE)
        if first is None or cosines is None or not _are_axes(cosines):
            return []
        if any(_contradicts(dataset, item, *each) for each in _PLACE):
            return []
    except DamagedFile:
        return []
    normal = np.cross(cosines[:3], cosines[3:])
    places = first + np.outer(np.arange(count) * step, normal / np.linalg.norm(normal))
    orientation = value_of(item, "ImageOrientationPatient")
    return [{"ImagePositionPatient": place.tolist(), "ImageOrientationPatient": orientation} for place in places]


def _is_reconstruction(dataset: Dataset) -> bool:
    kind = value_of(dataset, "ImageType")
    is_nm = str(value_of(dataset, "Modality") or "") == "NM" and isinstance(kind, MultiValue) and len(kind) > 2
    return is_nm and str(kind[2]).strip().upper() == RECONSTRUCTED


def _counts_slices(dataset: Dataset, count: int) -> bool:
    """Whether the frames are the slices 1 to N in this order, and nothing else counts them."""
    pointer = value_of(dataset, "FrameIncrementPointer")
    pointers = list(pointer) if isinstance(pointer, (MultiValue, list)) else [pointer]
    if _SLICES not in pointers or _whole(dataset, "SliceVector") != list(range(1, count + 1)):
        return False
    stated = value_of(dataset, "NumberOfSlices")
    return stated in (None, count) and all(len(set(_whole(dataset, key))) <= 1 for key in _OTHER_VECTORS)


def _whole(dataset: Dataset, keyword: str) -> list[float]:
    value = value_of(dataset, keyword)
    return [] if value is None else numbers(value, keyword).tolist()


def _detector(dataset: Dataset) -> Dataset | None:
    """Return the item that describes the slices: the only one, or that of the detector of all frames."""
    items = list(value_of(dataset, "DetectorInformationSequence") or ())
    if len(items) == 1:
        return items[0]
    detectors = set(_whole(dataset, "DetectorVector"))
    number = int(detectors.pop()) if len(detectors) == 1 else 0
    return items[number - 1] if 1 <= number <= len(items) else None


def _vector(dataset: Dataset, keyword: str, size: int) -> Floats | None:
    value = value_of(dataset, keyword)
    found = None if value is None else numbers(value, keyword)
    return found if found is not None and found.size == size else None


def _are_axes(cosines: Floats) -> bool:
    lengths = np.linalg.norm(cosines.reshape(2, 3), axis=1)
    return bool((np.abs(lengths - 1) < _NOT_UNIT).all() and abs(cosines[:3] @ cosines[3:]) < _NOT_RIGHT)


def _contradicts(dataset: Dataset, item: Dataset, keyword: str, size: int) -> bool:
    """Whether the file itself also states a place, and another one."""
    own, other = _vector(item, keyword, size), _vector(dataset, keyword, size)
    return other is not None and not np.allclose(own, other, rtol=0, atol=1e-3)  # type: ignore[arg-type]
