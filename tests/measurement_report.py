"""Measurement reports of another maker, made with highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes


def foreign_report(images: Sequence[pydicom.Dataset], *groups: Any) -> pydicom.Dataset:
    """Return a report with these measurement groups."""
    device = hd.sr.DeviceObserverIdentifyingAttributes(uid=hd.UID())
    context = hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(codes.DCM.Device, device))
    content = hd.sr.MeasurementReport(context, codes.LN.CTUnspecifiedBodyRegion, list(groups))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: pydicom.Dataset = hd.sr.Comprehensive3DSR(
            images, content[0], series_instance_uid=hd.UID(), series_number=9, sop_instance_uid=hd.UID(),
            instance_number=1, manufacturer="Other",
        )  # fmt: skip
    return made


def planar_group(region: Any, label: str = "lesion 7") -> Any:
    """Return a measurement group of one region."""
    tracking = hd.sr.TrackingIdentifier(hd.UID(), label)
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(tracking, region, finding_type=codes.SCT.Neoplasm)


def region_on_pixels(image: pydicom.Dataset, kind: Any, data: Any) -> Any:
    """Return a region in columns and rows from the corner of the first pixel."""
    source = hd.sr.SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID)
    return hd.sr.ImageRegion(kind, np.asarray(data, float), source)


def square_on(image: pydicom.Dataset, label: str = "lesion 7") -> Any:
    """Return a group that encloses columns 5 to 14 and rows 4 to 11 of an image."""
    corners = [[5, 4], [15, 4], [15, 12], [5, 12], [5, 4]]
    return planar_group(region_on_pixels(image, hd.sr.GraphicTypeValues.POLYLINE, corners), label)
