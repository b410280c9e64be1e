"""Standardised uptake values of PET by body weight (SUVbw), where the header allows.

References
----------
QIBA FDG-PET/CT Profile, Vendor-neutral pseudo-code for SUV calculation; PS3.3 C.8.9.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import xarray as xr
from pydicom import Dataset

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import numbers, value_of
from eci_annotate.errors import BadImages, NoSuv
from eci_annotate.imaging.volume import without_padding

SUV = "SUVbw g/ml"
PHILIPS_SUV, PHILIPS_ACTIVITY, PHILIPS = 0x70531000, 0x70531009, "PHILIPS PET PRIVATE GROUP"
GE_SCAN_START, GE = 0x0009100D, "GEMS_PETD_01"
DAY_S, CLOCK_S = 86400.0, 60.0
LEAST_BQ, MOST_BQ = 1e5, 1e12  # of an injected dose; other numbers are in another unit
_KEPT = (
    "modality", "study_uid", "stack", "dicom_series_uid", "private_frame", "kind", "tilt_degrees", "inverted", "voi",
)  # fmt: skip
LEAST_KG, MOST_KG = 0.5, 600.0
ASK = "Ask the sender for complete images, or use the values as they are."


def suv_attrs(frames: tuple[Frame, ...]) -> dict[str, Any]:
    """Return unit and SUV factor of PET images, or why there is none; nothing for other images."""
    if frames[0].modality != "PT":
        return {}
    is_scaled = frames[0].get("RescaleSlope") is not None  # without it values are as stored, in no unit
    attrs: dict[str, Any] = {"units": (frames[0].text("Units") if is_scaled else "") or "unknown"}
    try:
        factors = {round(_factor(frame), 12) for frame in frames}
        if len(factors) > 1:
            raise NoSuv("The slices have different doses or times.", ASK)
        return attrs | {"suv_factor": factors.pop()}
    except BadImages as error:
        return attrs | {"no_suv": error.what}
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError):
        return attrs | {"no_suv": "The header cannot be read."}


def suv(volume: xr.DataArray) -> xr.DataArray:
    """Return a PET volume as SUVbw, g/ml.

    Parameters
    ----------
    volume
        PET as loaded; `attrs["suv_factor"]` is what its values are multiplied by. Padding becomes NaN.

    Raises
    ------
    NoSuv
        If the volume is no PET, or its header does not allow it; the reason is named.

    Examples
    --------
    >>> import numpy as np
    >>> import eci_annotate as eci
    >>> grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (1, 1, 2), "1.2.3")
    >>> pet = eci.volume_from_array(np.array([[[2000.0, 8000.0]]]), grid, attrs={"suv_factor": 0.0005})
    >>> eci.suv(pet).values.tolist()
    [[[1.0, 4.0]]]
    """
    if volume.attrs.get("units") == SUV:
        return volume
    factor = volume.attrs.get("suv_factor")
    if factor is None:
        raise NoSuv(str(volume.attrs.get("no_suv", "These images are no PET.")), ASK)
    out: xr.DataArray = without_padding(volume) * float(factor)
    kept = {name: volume.attrs[name] for name in _KEPT if name in volume.attrs}
    out.attrs = kept | _windows(volume, float(factor)) | {"units": SUV, "derived": "SUVbw from PET"}
    return out


def _windows(volume: xr.DataArray, factor: float) -> dict[str, Any]:
    """Return the windows of the file in SUV."""
    found: dict[str, Any] = {}
    if "window" in volume.attrs:
        found["window"] = tuple(float(end) * factor for end in volume.attrs["window"])
    if "windows" in volume.attrs:
        rows = volume.attrs["windows"]
        found["windows"] = tuple((name, *(float(end) * factor for end in ends)) for name, *ends in rows)
    return found


def _factor(frame: Frame) -> float:
    units, kind = frame.text("Units").upper(), frame.text("SUVType").upper()
    if frame.get("RescaleSlope") is None:
        raise NoSuv("The images do not say how stored values are scaled.", ASK)
    if units == "GML":
        if kind not in ("", "BW"):
            raise NoSuv(f"The values are SUV of type {kind[:8]}, not by body weight.", ASK)
        return 1.0
    if units == "CNTS":
        direct = _private(frame.dataset, PHILIPS_SUV, PHILIPS)
        if direct:
            return direct
        activity = _private(frame.dataset, PHILIPS_ACTIVITY, PHILIPS)
        if not activity:
            raise NoSuv("The values are counts, and the header has no factor for them.", ASK)
        return activity * _per_becquerel(frame)
    if units != "BQML":
        raise NoSuv("The unit of the values is not Bq/ml, g/ml or counts.", ASK)
    return _per_becquerel(frame)


def _per_becquerel(frame: Frame) -> float:
    """Return SUVbw for one Bq/ml: the weight in grams by the dose at the time that values are corrected to."""
    corrected = {str(part).upper() for part in _several(frame.get("CorrectedImage"))}
    for name, meaning in (("ATTN", "attenuation"), ("DECY", "decay")):
        if name not in corrected:
            raise NoSuv(f"The images are not corrected for {meaning}.", ASK)
    weight = _between(frame.number_of("PatientWeight"), LEAST_KG, MOST_KG, "PatientWeight")
    item = _injection(frame)
    dose = _between(_number(item, "RadionuclideTotalDose"), LEAST_BQ, MOST_BQ, "RadionuclideTotalDose")
    to = frame.text("DecayCorrection").upper()
    if to == "ADMIN":
        return weight * 1000 / dose
    if to != "START":
        raise NoSuv("DecayCorrection is neither START nor ADMIN.", ASK)
    half_life = _between(_number(item, "RadionuclideHalfLife"), 1.0, 1e9, "RadionuclideHalfLife")
    waited = (_scan_start(frame) - _injected_at(item, frame)).total_seconds()
    if not 0 <= waited <= 20 * half_life or waited > 7 * 86400:
        raise NoSuv("The injection is after the scan, or too long before it.", ASK)
    return weight * 1000 / (dose * 2 ** (-waited / half_life))


def _injection(frame: Frame) -> Dataset:
    items = frame.get("RadiopharmaceuticalInformationSequence")
    if items is None or len(items) != 1:
        raise NoSuv("The header does not say what was injected.", ASK)
    item: Dataset = items[0]
    return item


def _scan_start(frame: Frame) -> datetime:
    """Return the time that the values are corrected to: the start of the series, unless it was processed later."""
    series = _moment(frame.text("SeriesDate"), frame.text("SeriesTime"), "SeriesTime")
    acquired = _moment(
        frame.text("AcquisitionDate") or frame.text("SeriesDate"), frame.text("AcquisitionTime"), "AcquisitionTime"
    )
    if series <= acquired:
        return series
    stored = frame.dataset.get(GE_SCAN_START)
    if stored is not None and GE in str(frame.dataset.get((0x0009, 0x0010), "")):
        text = str(stored.value)
        return _moment(text[:8], text[8:], "the start of the scan")
    raise NoSuv("The series was processed after the scan, and the header does not say when the scan began.", ASK)


def _injected_at(item: Dataset, frame: Frame) -> datetime:
    whole = str(value_of(item, "RadiopharmaceuticalStartDateTime") or "").strip()
    time = str(value_of(item, "RadiopharmaceuticalStartTime") or "")
    if len(whole) >= 12:
        name = "RadiopharmaceuticalStartDateTime"
        local, zone = whole[:-5], whole[-5:]
        if zone[0] not in "+-":
            local, zone = whole, ""
        at = _moment(local[:8], local[8:], name) + _zone(frame.text("TimezoneOffsetFromUTC") or zone) - _zone(zone)
        if time and not _is_time_of_day(at, _moment(local[:8], time, "RadiopharmaceuticalStartTime")):
            raise NoSuv("The header states two times of injection.", ASK)
        return at
    start = _scan_start(frame)
    injected = _moment(start.strftime("%Y%m%d"), time, "RadiopharmaceuticalStartTime")
    return injected - timedelta(days=1) if injected > start and start.hour < 12 < injected.hour else injected


def _moment(date: str, time: str, name: str) -> datetime:
    whole, _, fraction = time.strip().partition(".")
    if len(whole) == 4 and not fraction:
        whole += "00"  # hours and minutes alone are legal
    try:
        if not (len(date) == 8 and len(whole) == 6 and (date + whole).isdigit()):
            raise ValueError("digits")  # strptime takes fewer, and guesses
        start = datetime.strptime(date + whole, "%Y%m%d%H%M%S")
        return start + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError as error:
        raise NoSuv(f"{name} is missing or no time.", ASK) from error


def _zone(text: str) -> timedelta:
    """Return an offset from UTC, +HHMM; none if it is not stated."""
    if not text:
        return timedelta()
    sign, digits = text[:1], text[1:]
    if sign not in "+-" or len(digits) != 4 or not digits.isdigit():
        raise NoSuv("The time zone of the images cannot be read.", ASK)
    return (-1 if sign == "-" else 1) * timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))


def _is_time_of_day(one: datetime, other: datetime) -> bool:
    """Whether two moments are within a minute on the clock, on any day."""
    away = (one - other).total_seconds() % DAY_S
    return min(away, DAY_S - away) <= CLOCK_S


def _several(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _number(item: Dataset, keyword: str) -> float | None:
    value = value_of(item, keyword)
    return None if value is None else float(numbers(value, keyword)[0])


def _between(value: float | None, low: float, high: float, name: str) -> float:
    if value is None or not low <= value <= high:
        raise NoSuv(f"{name} is missing or not believable.", ASK)
    return value


def _private(dataset: Dataset, tag: int, creator: str) -> float:
    """Return a private number of a creator; 0 if there is none."""
    group, block = tag >> 16, (tag & 0xFF00) >> 8
    if creator.upper() not in str(getattr(dataset.get((group, block)), "value", "")).upper():
        return 0.0
    element = dataset.get(tag)
    try:
        return 0.0 if element is None else float(_text(element.value))
    except (TypeError, ValueError):
        return 0.0


def _text(value: Any) -> Any:
    return value.decode("ascii", "replace").strip("\0 ") if isinstance(value, bytes) else value
