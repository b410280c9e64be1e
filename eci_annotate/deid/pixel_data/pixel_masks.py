"""Blank rectangles of pixels, and clear bits that hold overlays; only these objects are decoded and re-encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from eci_annotate.deid.pixel_data.decoder_input import correct
from eci_annotate.deid.policy import BurnedInRule, Policy
from eci_annotate.deid.quarantine import said

_PIXELS = 0x7FE00010


def rule_for(dataset: Dataset, policy: Policy) -> BurnedInRule | None:
    """Return the first rule that fits the device and size of an image."""
    return next((rule for rule in policy.burned_in if _fits(rule, dataset)), None)


def _fits(rule: BurnedInRule, dataset: Dataset) -> bool:
    device = {"Manufacturer": rule.manufacturer, "ManufacturerModelName": rule.model}
    size = {"Rows": rule.rows, "Columns": rule.columns}
    same = all(not text or said(dataset, key).lower() == text.lower() for key, text in device.items())
    return _PIXELS in dataset and same and all(not n or dataset.get(key) == n for key, n in size.items())


def has_embedded_overlays(dataset: Dataset) -> bool:
    """Whether overlays are stored in unused bits of the pixels (retired, PS3.5 8.1.2)."""
    groups = (tag.group for tag in dataset.keys() if tag.group >> 8 == 0x60 and not tag.group & 1)  # noqa: SIM118
    return _PIXELS in dataset and any(_is_embedded(dataset, group) for group in set(groups))


def _is_embedded(dataset: Dataset, group: int) -> bool:
    def number(element: int, default: int) -> int:
        tag = group << 16 | element
        value = dataset[tag].value if tag in dataset else None
        return value if isinstance(value, int) else default

    return group << 16 | 0x3000 not in dataset or number(0x0100, 1) != 1 or number(0x0102, 0) != 0


def mask_pixels(dataset: Dataset, rule: BurnedInRule | None, clear_bits: bool) -> None:
    """Blank the rule's rectangles and clear unused bits, in place; the pixels become Explicit VR Little Endian.

    Raises
    ------
    ValueError, AttributeError, RuntimeError, NotImplementedError
        If the pixels cannot be decoded, their codestreams contradict the header, or their layout is not supported.
    """
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        correct(dataset)
        dataset.decompress(generate_instance_uid=False)
        if len(dataset.PixelData) - _native_bytes(dataset) not in (0, 1):
            raise ValueError("decoded pixels of another size than the header says")
    pixels = _native(dataset)
    if rule:
        for left, top, right, bottom in rule.rectangles:
            pixels[:, :, top : bottom + 1, left : right + 1] = _blank(dataset)
        dataset.ImageType = ["DERIVED", *list(dataset.get("ImageType") or ["", "SECONDARY"])[1:]]
        dataset.DerivationDescription = "Rectangles blanked"
    if clear_bits:
        _clear_unused_bits(dataset, pixels)
    dataset.PixelData = _stored(dataset, pixels)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian


def _native_bytes(dataset: Dataset) -> int:
    frames = int(dataset.get("NumberOfFrames") or 1)
    return int(frames * dataset.SamplesPerPixel * dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8)


def _native(dataset: Dataset) -> NDArray[Any]:
    """Return a copy of uncompressed pixels as (frame, sample, row, column)."""
    bits, samples = dataset.BitsAllocated, dataset.SamplesPerPixel
    if bits not in (8, 16, 32) or dataset.PhotometricInterpretation.endswith(("_422", "_420")):
        raise NotImplementedError("this layout of pixels")
    frames, rows, columns = int(dataset.get("NumberOfFrames") or 1), dataset.Rows, dataset.Columns
    is_big, content = dataset.file_meta.TransferSyntaxUID.is_little_endian is False, dataset.PixelData
    if is_big and bits == 8 and dataset["PixelData"].VR == "OW":  # two pixels in a word, the second one first
        content = np.frombuffer(content, ">u2").astype("<u2").tobytes()
    order = ">" if is_big and bits > 8 else "<"
    flat = np.frombuffer(content, f"{order}u{bits // 8}", frames * samples * rows * columns).copy()
    if samples > 1 and not dataset.get("PlanarConfiguration", 0):
        return np.moveaxis(flat.reshape(frames, rows, columns, samples), 3, 1)
    return flat.reshape(frames, samples, rows, columns)


def _stored(dataset: Dataset, pixels: NDArray[Any]) -> bytes:
    by_pixel = dataset.SamplesPerPixel > 1 and not dataset.get("PlanarConfiguration", 0)
    ordered = np.moveaxis(pixels, 1, 3) if by_pixel else pixels
    content = ordered.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return content + b"\0" * (len(content) % 2)


def _blank(dataset: Dataset) -> Any:
    if dataset.PhotometricInterpretation == "YBR_FULL":
        middle = 1 << (dataset.BitsStored - 1)
        return np.array([0, middle, middle]).reshape(1, 3, 1, 1)
    return 0


def _clear_unused_bits(dataset: Dataset, pixels: NDArray[Any]) -> None:
    low = dataset.HighBit + 1 - dataset.BitsStored
    pixels &= pixels.dtype.type(((1 << dataset.BitsStored) - 1) << low)
