"""Rulers of a signed version as measurement groups of a report (PS3.16 TID 1501), each with its points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.exact_block import one_line
from eci_annotate.dicom.seg.source_images import SourceImages
from eci_annotate.dicom.uids import uid_from
from eci_annotate.imaging.annotations import AnnotationKind
from eci_annotate.imaging.measurements import Unit, degrees_at_middle

Code = tuple[str, str, str]
LENGTH: Code = ("410668003", "SCT", "Length")
ANGLE: Code = ("1483009", "SCT", "Angle")
MM: Code = ("mm", "UCUM", "millimeter")
DEGREE: Code = ("deg", "UCUM", "degree")


def ruler_groups(
    hd: Any, rulers: Sequence[Mapping[str, Any]], images: SourceImages, methods: Mapping[Unit, Code]
) -> Iterator[Any]:
    """Yield a group for each ruler: length in mm, or angle in degrees, with a polyline of its points.

    The points are in patient millimetres (SCOORD3D); on pictures without a place in space they are on the pixels of
    the image (SCOORD). No length is stated where pixels have no size.

    Parameters
    ----------
    rulers
        As they are kept with the version: ``uid``, ``kind``, ``label``, ``frame``, ``points_lps``.
    methods
        How lengths that are none in the patient are stated.

    References
    ----------
    PS3.16 TID 1501 and 300; PS3.3 C.18.6 and C.18.9.
    """
    code = hd.sr.CodedConcept
    for number, ruler in enumerate(rulers, 1):
        is_angle = ruler["kind"] == AnnotationKind.ANGLE
        if images.unit is Unit.PIXEL and not is_angle:
            continue
        name, unit = (ANGLE, DEGREE) if is_angle else (LENGTH, MM)
        method = None if is_angle else methods.get(images.unit)
        points = np.asarray(ruler["points_lps"], float)
        measured = hd.sr.Measurement(
            code(*name),
            degrees_at_middle(points) if is_angle else float(np.linalg.norm(points[1] - points[0])),
            code(*unit),
            method=code(*method) if method else None,
            referenced_coordinates=[_line(hd, points, str(ruler["frame"]), images)],
        )
        label = one_line(str(ruler["label"])) or f"{name[2].lower()} {number}"
        tracked = hd.sr.TrackingIdentifier(uid_from("ruler", str(ruler["uid"])), label)
        yield hd.sr.MeasurementsAndQualitativeEvaluations(tracked, measurements=[measured])


def _line(hd: Any, points: NDArray[np.float64], frame: str, images: SourceImages) -> Any:
    if images.is_placed:
        return hd.sr.CoordinatesForMeasurement3D("POLYLINE", points, frame or images.grid.frame_of_reference_uid)
    voxels = images.grid.image_from_reference(points)
    reference = images.references[int(np.floor(voxels[0, 0] + 0.5))] or images.instances[0]
    number = reference.get("ReferencedFrameNumber")
    image = hd.sr.SourceImageForRegion(
        str(reference.ReferencedSOPClassUID), str(reference.ReferencedSOPInstanceUID), [int(number)] if number else None
    )
    return hd.sr.CoordinatesForMeasurement("POLYLINE", voxels[:, [2, 1]] + 0.5, image)  # from the corner (C.18.6.1.1)
