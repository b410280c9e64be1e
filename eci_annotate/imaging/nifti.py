"""Label maps and images as NIfTI-1 files (.nii.gz): RAS affine from the LPS grid; a table of the labels as JSON.

References: nifti1.h of the NIfTI-1 data format (NIMH, 2007), orientation by methods 2 and 3.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.label_map import Labels, Overlap, distinct_names
from eci_annotate.imaging.measurements import Unit, limits_of_unit

# the fields of struct nifti_1_header, in their order
HEADER = "<i10s18sihcB8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s"
TYPE_CODES = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "f8": 64, "u2": 512}  # by kind and bytes
INTENT_NONE, INTENT_LABEL, SCANNER, MILLIMETRES = 0, 1002, 1, 2
WRITTEN_BY = b"eci_annotate"
LEVEL = 6  # of gzip: 1 is fastest, 9 smallest
RAS = np.diag([-1.0, -1.0, 1.0])  # from LPS


def nifti_file(labels: Labels, grid: Grid, unit: Unit = Unit.PATIENT) -> bytes:
    """Return a label map (k, j, i) as a .nii.gz file, whose axes are i, j, k.

    The affine maps (i, j, k) to millimetres to the right, anterior and superior (RAS), in single precision. Without a
    place in space (a projection) the file states no orientation and no unit; its `descrip` says what lengths are in.
    """
    return _file(labels, grid, INTENT_LABEL, unit=unit)


def image_file(values: ArrayLike, grid: Grid, level: int = LEVEL, *, unit: Unit = Unit.PATIENT) -> bytes:
    """Return an image (k, j, i) as a .nii.gz file, whose axes are i, j, k.

    Integers of up to 16 bits, 32-bit integers and floating-point numbers keep their type; other values are stored in
    single precision.
    """
    array = np.asarray(values)
    if f"{array.dtype.kind}{array.dtype.itemsize}" not in TYPE_CODES:
        array = array.astype(np.int16 if array.dtype.kind in "ib" and array.dtype.itemsize == 1 else np.float32)
    return _file(array, grid, INTENT_NONE, level, unit=unit)


def _file(array: NDArray[Any], grid: Grid, intent: int, level: int = LEVEL, *, unit: Unit) -> bytes:
    kind, size = array.dtype.kind, array.dtype.itemsize
    axes, origin = RAS @ np.asarray(grid.directions)[::-1].T, RAS @ np.asarray(grid.origin_lps)
    affine = np.column_stack([axes * grid.spacing_mm[::-1], origin])
    side, quaternion = _quaternion(RAS @ np.stack([*np.asarray(grid.directions)[:0:-1], grid.normal_lps]).T)
    oriented, measure = (SCANNER, MILLIMETRES) if unit.is_placed else (0, 0)
    scanner = 0 if grid.is_sheared else oriented  # a rotation cannot say how slices lean; the affine does
    fields = (
        *(348, b"", b"", 0, 0, b"r", 0),
        *(3, *array.shape[::-1], 1, 1, 1, 1, 0, 0, 0, intent, TYPE_CODES[f"{kind}{size}"], 8 * size, 0),
        *(side, *grid.spacing_mm[::-1], 0, 0, 0, 0, 352, 1, 0, 0, 0, measure, 0, 0, 0, 0, 0, 0),
        *(
            WRITTEN_BY + limits_of_unit(unit).encode(),
            b"",
            scanner,
            oriented,
            *quaternion,
            *origin,
            *affine.ravel(),
            b"",
            b"n+1",
        ),
    )
    content = struct.pack(HEADER, *fields) + bytes(4) + array.astype(f"<{kind}{size}").tobytes()
    return gzip.compress(content, level, mtime=0)


def _quaternion(axes: Floats) -> tuple[float, tuple[float, float, float]]:
    """Return the sign of the third axis, and b, c, d of the rotation whose columns are the axes (method 2)."""
    side = 1.0 if np.linalg.det(axes) > 0 else -1.0
    r = axes * [1.0, 1.0, side]
    # the eigenvector of the largest eigenvalue is the quaternion, also close to half a turn (Bar-Itzhack, 2000)
    symmetric = np.array(
        [
            [r[0, 0] + r[1, 1] + r[2, 2], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]],
            [r[2, 1] - r[1, 2], r[0, 0] - r[1, 1] - r[2, 2], r[0, 1] + r[1, 0], r[0, 2] + r[2, 0]],
            [r[0, 2] - r[2, 0], r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], r[1, 2] + r[2, 1]],
            [r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1]],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric)
    a, b, c, d = vectors[:, -1]
    sign = 1.0 if a >= 0 else -1.0
    return side, (float(sign * b), float(sign * c), float(sign * d))


def label_table(
    annotations: Sequence[Annotation],
    labels: Labels,
    overlap: Overlap,
    series_uid: str,
    frame_uid: str,
    unit: Unit = Unit.PATIENT,
) -> bytes:
    """Return the JSON beside a label map: value, name, label, colour, uid and voxels of each annotation, and the rules.

    Where lengths are not those of the patient, or the thickness of a slice is unknown, `unit` and `limits` say so.
    """
    rows = [
        {
            "value": n, "name": name, "label": a.label, "colour": list(a.colour), "uid": a.uid, "kind": a.kind,
            "voxels": int(np.count_nonzero(labels == n)),
        }
        for n, (a, name) in enumerate(zip(annotations, distinct_names(annotations), strict=True), 1)
    ]  # fmt: skip
    body = {"labels": rows, "overlap": overlap, "series_uid": series_uid, "frame_of_reference_uid": frame_uid}
    if limits := limits_of_unit(unit):
        body |= {"unit": unit, "limits": limits.strip(" ;")}
    return json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"
