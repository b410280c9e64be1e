"""Load one series of single-frame images as a volume of modality values; every refusal gives its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut

from eci_annotate.dicom.images.files import Opener, Source, files_of, read, which
from eci_annotate.dicom.images.slice_stack import Stack, require_one_series, require_plane, stack_of, stacks_of
from eci_annotate.errors import BadImages, DamagedFile, NoImages, UnsupportedImages
from eci_annotate.imaging.display import Window
from eci_annotate.imaging.volume import volume_from_array

Progress = Callable[[int, int], None]
PLAIN = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"}


def _is_image(dataset: Dataset) -> bool:
    return "PixelData" in dataset or "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset


def _datasets(source: Source, progress: Progress | None) -> list[Dataset]:
    """Read all images; objects without pixels (structure sets, reports) are skipped."""
    paths = files_of(source)
    found = []
    for number, path in enumerate(paths):
        dataset = read(path, number=number)
        if _is_usable(dataset, path, number):
            found.append(dataset)
        if progress is not None:
            progress(number + 1, len(paths))
    _require_images(found)
    return found


def _is_usable(dataset: Dataset, path: Path | Opener, number: int) -> bool:
    """Whether this is a slice of a volume; refuses what should be one and is not."""
    if not _is_image(dataset):
        if _should_have_pixels(dataset):
            raise DamagedFile(f"{which(path, number)} has no pixels.", "Copy it again from its archive.")
        return False
    if str(dataset.get("Modality")) == "SEG":
        return False
    require_plane(dataset)
    return True


def _require_images(datasets: Sequence[Dataset]) -> None:
    if not datasets:
        raise NoImages("There are DICOM files, but none holds an image.", "Give the files of an image series.")


def _should_have_pixels(dataset: Dataset) -> bool:
    return "Rows" in dataset and "BitsAllocated" in dataset


def _plain_pixels(dataset: Dataset) -> NDArray[Any] | None:
    """Return uncompressed 8- and 16-bit little-endian pixels without a copy, or None."""
    bits, stored = int(dataset.BitsAllocated), int(dataset.get("BitsStored", dataset.BitsAllocated))
    if str(dataset.file_meta.TransferSyntaxUID) not in PLAIN or bits not in (8, 16) or "PixelData" not in dataset:
        return None
    kind = f"<{'i' if int(dataset.PixelRepresentation) else 'u'}{bits // 8}"
    count = int(dataset.Rows) * int(dataset.Columns)
    if len(dataset.PixelData) < count * bits // 8:
        raise DamagedFile("The pixels of an image end too early.", "Copy it again from its archive.")
    raw = np.frombuffer(dataset.PixelData, kind, count).reshape(int(dataset.Rows), int(dataset.Columns))
    spare = bits - stored
    return raw if spare == 0 else (raw << spare) >> spare  # unused bits may hold overlays; this restores the sign


def pixels_of(dataset: Dataset) -> NDArray[Any]:
    """Stored pixel values (rows, columns).

    Raises
    ------
    DamagedFile
        If they cannot be decoded.
    """
    try:
        plain = _plain_pixels(dataset)
        return np.asarray(dataset.pixel_array) if plain is None else plain
    except DamagedFile:
        raise
    except NotImplementedError as error:
        raise UnsupportedImages("This pixel encoding cannot be decoded here.", "Convert the series first.") from error
    except Exception as error:
        raise DamagedFile(
            f"The pixels of image {dataset.get('InstanceNumber', '?')} cannot be decoded.",
            "Copy the file again, or convert it to another transfer syntax.",
        ) from error


def _modality(dataset: Dataset) -> NDArray[Any]:
    """Return the modality values of one slice; integers stay integers."""
    raw = pixels_of(dataset)
    if raw.ndim != 2:
        raise UnsupportedImages("An image of this series is not a single grey slice.", "Use single-frame images.")
    if dataset.get("ModalityLUTSequence"):
        looked_up = np.asarray(apply_modality_lut(raw, dataset))
        return looked_up if looked_up.dtype.kind == "f" else _whole(looked_up, 1, 0)
    slope, intercept = float(dataset.get("RescaleSlope", 1) or 1), float(dataset.get("RescaleIntercept", 0) or 0)
    if slope.is_integer() and intercept.is_integer() and np.issubdtype(raw.dtype, np.integer):
        return _whole(raw, int(slope), int(intercept))
    return (raw.astype(np.float64) * slope + intercept).astype(np.float32)


def _whole(raw: NDArray[Any], slope: int, intercept: int) -> NDArray[Any]:
    """Return scaled integers as int16 if they fit, else int32."""
    ends = [int(end) * slope + intercept for end in (raw.min(), raw.max())]
    kind: Any = np.int16 if min(ends) >= -32768 and max(ends) <= 32767 else np.int32
    out = raw.astype(kind, copy=(slope, intercept) != (1, 0))
    if slope != 1:
        out *= np.int64(slope).astype(kind)  # intermediate results may wrap around; the final value fits and is exact
    if intercept:
        out += np.int64(intercept).astype(kind)
    return out


def _fill(stack: Stack) -> NDArray[Any]:
    """Return all slices in one array of the smallest exact type: int16, int32 or float32."""
    out: NDArray[Any] = np.empty(stack.grid.shape, np.int16)
    with ThreadPoolExecutor(2) as pool:
        rest = dict(pool.map(partial(_put, out), enumerate(stack.slices)))
    wide = {k: values for k, values in rest.items() if values is not None}
    if wide:
        out = out.astype(np.float32 if any(v.dtype.kind == "f" for v in wide.values()) else np.int32)
    for k, values in wide.items():
        out[k] = values
    return out


def _put(out: NDArray[Any], numbered: tuple[int, Dataset]) -> tuple[int, NDArray[Any] | None]:
    """Write a slice to its place while it is in memory; return it if it needs a wider type."""
    k, dataset = numbered
    values = _modality(dataset)
    if values.dtype != np.int16:
        return k, values
    out[k] = values
    return k, None


def _window(dataset: Dataset) -> Window | None:
    centre, width = dataset.get("WindowCenter"), dataset.get("WindowWidth")
    if centre in (None, "") or width in (None, ""):
        return None
    centre, width = (float(np.atleast_1d(np.asarray(v, float))[0]) for v in (centre, width))
    return Window.from_centre_width(centre, width) if width > 0 else None


def _volume(stack: Stack) -> xr.DataArray:
    first = stack.slices[0]
    attrs: dict[str, Any] = {"modality": str(first.get("Modality", "")), "study_uid": str(first.StudyInstanceUID)}
    if attrs["modality"] == "CT":
        attrs["units"] = "HU"
    if (window := _window(first)) is not None:
        attrs["window"] = tuple(window)
    if str(first.get("PhotometricInterpretation")) == "MONOCHROME1":
        attrs["inverted"] = True
    return volume_from_array(
        _fill(stack),
        stack.grid,
        series_uid=str(first.SeriesInstanceUID),
        instance_uids=[str(d.SOPInstanceUID) for d in stack.slices],
        attrs=attrs,
    )


def load_series(source: Source, progress: Progress | None = None) -> xr.DataArray:
    """Load one single-frame series as a volume.

    Parameters
    ----------
    source
        A folder (searched with its subfolders; structure sets and reports in it are skipped),
        one file, or a list of files.
    progress
        Called with (files read, files in all).

    Returns
    -------
    DataArray
        Dims (k, j, i) = slice, row, column; modality values, int16 where that is exact, else int32
        or float32; coordinates in millimetres; `frame` holds its position; `instance_uid` by slice.

    Raises
    ------
    BadImages
        One of its kinds: NoImages, NotDicom, DamagedFile, MixedSeries, MissingSlice, UnevenSlices,
        MissingGeometry, UnsupportedImages; each states the reason and a remedy.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> ct.dims, ct.shape, ct.attrs["units"]
    (('k', 'j', 'i'), (8, 40, 56), 'HU')
    """
    datasets = _datasets(source, progress)
    require_one_series(datasets)
    return _volume(stack_of(datasets))


def load_files(paths: Sequence[Path | Opener]) -> xr.DataArray:
    """Load the files of one series; the same as `load_series`."""
    return load_series(paths)


def load_stacks(source: Source, progress: Progress | None = None) -> list[xr.DataArray]:
    """Load one series that contains several volumes: time points, echoes, orientations, parts between gaps.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> [stack.shape for stack in eci.load_stacks(folder)]
    [(8, 40, 56)]
    """
    datasets = _datasets(source, progress)
    require_one_series(datasets)
    return [_volume(stack) for stack in stacks_of(datasets)]


def pixel_digest(path: Path | Opener) -> str:
    """SHA-256 over matrix and decoded stored pixels: the same for any lossless encoding of an image."""
    return _digest(read(path))


def _digest(dataset: Dataset) -> str:
    pixels = np.ascontiguousarray(pixels_of(dataset))
    head = f"{pixels.shape}|{int(dataset.get('PixelRepresentation', 0))}|{int(dataset.get('BitsStored', 0))}|"
    return hashlib.sha256(head.encode() + pixels.astype("<i4").tobytes()).hexdigest()


def decode_files(files: Sequence[Path | Opener]) -> tuple[dict[str, str], xr.DataArray | BadImages]:
    """Read and decode each file of a series once.

    Returns
    -------
    digests
        Pixel digest by SOP Instance UID, as `pixel_digest` gives.
    volume
        As `load_files` gives, or why the series makes no volume.
    """
    datasets = [read(each, number=number) for number, each in enumerate(files)]
    digests = {str(each.SOPInstanceUID): _digest(each) for each in datasets}  # what is decoded stays with its dataset
    try:
        usable = [each for n, each in enumerate(datasets) if _is_usable(each, files[n], n)]
        _require_images(usable)
        require_one_series(usable)
        return digests, _volume(stack_of(usable))
    except BadImages as error:
        return digests, error
