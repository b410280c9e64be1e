"""Subtraction of two volumes, as a stack of its own that says what it was made of, and as DICOM images of its study."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

from eci_annotate.dicom.image_references import ReferencedImages, reference_to, shared_header
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.uids import subtraction_uid, uid_from
from eci_annotate.errors import BadVolume, FrameMismatch
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.imaging.reslice import resample
from eci_annotate.imaging.volume import grid_of, like, measured, series_uid_of, values_kji, volume_from_array

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage}
PADDING, LARGEST = -32768, 32767
PIXEL_BY_PIXEL = ("113062", "DCM", "Pixel by pixel subtraction")
SOURCE_IMAGE = ("121322", "DCM", "Source image for image processing operation")
# of the image that something is subtracted from; type 2 elements are empty where it has none
PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices")
ACQUIRED = (
    "PatientPosition", "BodyPartExamined", "Laterality", "MagneticFieldStrength", "EchoTime", "RepetitionTime",
    "FlipAngle", "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "KVP", "ContrastBolusAgent",
    "FrameOfReferenceUID",
)  # fmt: skip
NEEDED = {
    "CT": {"KVP": ""},
    "MR": {
        **{"ScanningSequence": "RM", "SequenceVariant": "NONE"},
        **dict.fromkeys(("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"), ""),
    },
}


def subtract(post: xr.DataArray, pre: xr.DataArray, *, resampled: bool = False) -> xr.DataArray:
    """Return post - pre, with NaN where either has no measured value.

    Parameters
    ----------
    post, pre
        Volumes in one frame of reference.
    resampled
        Interpolate `pre` linearly onto the grid of `post` where their voxels differ; else that is refused.

    Returns
    -------
    DataArray
        On the grid of `post`, float32 or float64; `attrs["derived"]` says what was subtracted from what, and its
        series UID follows from both.

    Raises
    ------
    FrameMismatch
        If the frames of reference differ, or the voxels do and `resampled` is not set.
    BadVolume
        If the values are stated to have different units.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> float(abs(eci.subtract(ct, ct)).max())
    0.0
    """
    grid, other = grid_of(post), grid_of(pre)
    after, before = values_kji(post), values_kji(pre)
    if grid.frame_of_reference_uid != other.frame_of_reference_uid or any(map(is_projection, (post, pre))):
        raise FrameMismatch("The two volumes have different frames of reference.", "Register them first.")
    if len({each.attrs["units"] for each in (post, pre) if "units" in each.attrs}) > 1:
        raise BadVolume("The two volumes have values in different units.", "Subtract volumes of one unit.")
    known = measured(pre.transpose("k", "j", "i"))
    moved = not grid.same_voxels(other)
    if moved:
        if not resampled:
            raise FrameMismatch(
                "The two volumes have different voxels.", "Interpolate one: subtract(post, pre, resampled=True)."
            )
        blank = like(pre, np.where(known, before, np.nan))
        before = resample(blank, like=grid).values
        known = np.isfinite(before)
    known &= measured(post.transpose("k", "j", "i"))
    small = all(each.dtype == np.float32 or each.dtype.itemsize < 4 for each in (after, before))
    kind = np.float32 if small else np.float64
    values = np.where(known, after.astype(kind) - before.astype(kind), np.nan)
    uids = series_uid_of(post), series_uid_of(pre)
    said: dict[str, Any] = {"derived": "subtraction, post - pre", "post_series_uid": uids[0], "pre_series_uid": uids[1]}
    if moved:
        said["resampled"] = "pre interpolated linearly onto the grid of post"
    names = ("modality", "study_uid", "units", "kind", "tilt_degrees", "private_frame")
    kept = {name: post.attrs[name] for name in names if name in post.attrs}
    return volume_from_array(
        values, grid, series_uid=subtraction_uid(*uids, resampled=moved), attrs=kept | said, name="subtraction"
    )


def subtraction_files(
    volume: xr.DataArray, post: ReferencedImages, pre: ReferencedImages, number: int
) -> Iterator[bytes]:
    """Give the DICOM files of a subtraction, slice by slice, in the study of the images it was made of.

    The same images give the same bytes. Values that are integers are stored as they are, others with 16 bits; where one
    of the images has no measured value the pixel is padding.

    Parameters
    ----------
    volume
        Of `subtract`, on the grid of `post`, shape (k, j, i).
    post, pre
        The images of both, with the same voxels.
    number
        Place of the subtraction in the examination, from 1: the series is called "SUB 1 computed".

    Raises
    ------
    BadVolume
        If the images are neither CT nor MR.
    """
    modality = post.frames[0].modality
    if modality not in CLASSES:
        raise BadVolume("Subtractions are written for CT and MR only.", "Use eci.subtract in a notebook.")
    stored, slope = _stored(values_kji(volume))
    window, is_padded = _window(values_kji(volume)), bool((stored == PADDING).any())
    for k, (frame, other) in enumerate(zip(post.frames, pre.frames, strict=True)):
        dataset = _header(frame, modality, series_uid_of(volume), k)
        dataset.SeriesDescription, dataset.SeriesNumber = f"SUB {number} computed", 9000 + number
        dataset.SourceImageSequence = [_source(frame), _source(other)]
        dataset.WindowCenter, dataset.WindowWidth = window
        if modality == "CT" or slope != 1:
            dataset.RescaleIntercept, dataset.RescaleSlope = "0", f"{slope:.10g}"
            dataset.RescaleType = "HU" if modality == "CT" else "US"
        if is_padded:  # all of them, or none: a stack has one padding
            dataset.PixelPaddingValue = PADDING
        _set_pixels(dataset, stored[k])
        buffer = BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        yield buffer.getvalue()


def _stored(values: NDArray[np.floating]) -> tuple[NDArray[np.int16], float]:
    """Return stored values and their slope; NaN becomes padding."""
    known = np.isfinite(values)
    largest = float(np.abs(values[known]).max(initial=0))
    whole = largest <= LARGEST and bool((values[known] == np.rint(values[known])).all())
    slope = 1.0 if whole else float(f"{max(largest / LARGEST, np.finfo(np.float32).tiny):.10g}")
    scaled = np.clip(np.rint(np.where(known, values, 0) / slope), -LARGEST, LARGEST)
    return np.where(known, scaled, PADDING).astype(np.int16), slope


def _window(values: NDArray[np.floating]) -> tuple[str, str]:
    """Return centre and width from nothing to the brightest percent."""
    known = values[np.isfinite(values)]
    high = max(float(np.percentile(known, 99)), 1.0) if known.size else 1.0
    return f"{high / 2:.6g}", f"{high:.6g}"


def _header(frame: Frame, modality: str, series_uid: str, k: int) -> Dataset:
    dataset, meta = shared_header(frame.dataset), FileMetaDataset()
    dataset.SpecificCharacterSet = frame.dataset.get("SpecificCharacterSet") or "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = CLASSES[modality], uid_from("subtraction image", series_uid, str(k))
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.Modality, dataset.SeriesInstanceUID, dataset.InstanceNumber = modality, series_uid, k + 1
    dataset.AcquisitionNumber = None
    dataset.ImageType = ["DERIVED", "SECONDARY", "SUBTRACTION"]
    dataset.Manufacturer, dataset.BurnedInAnnotation = "eci_annotate", "NO"
    dataset.DerivationDescription = "Values of the second source image subtracted from those of the first"
    dataset.DerivationCodeSequence = [_code(PIXEL_BY_PIXEL)]
    for keyword, value in NEEDED[modality].items():
        setattr(dataset, keyword, value)
    for keyword in (*PLACE, *ACQUIRED):
        if (value := frame.get(keyword)) is not None:
            setattr(dataset, keyword, value)
    dataset.PositionReferenceIndicator = frame.get("PositionReferenceIndicator", "")
    return dataset


def _source(frame: Frame) -> Dataset:
    item = reference_to(frame)
    item.PurposeOfReferenceCodeSequence = [_code(SOURCE_IMAGE)]
    return item


def _code(words: tuple[str, str, str]) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = words
    return item


def _set_pixels(dataset: Dataset, stored: NDArray[np.int16]) -> None:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelData = np.ascontiguousarray(stored, "<i2").tobytes()
