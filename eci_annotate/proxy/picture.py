"""A small picture of an object for the preview: the middle frame, stretched to its own range, as PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from eci_annotate.deid.pixel_data.decoder_input import frames_to_show
from eci_annotate.deid.quiet import quiet
from eci_annotate.proxy.inflation_limit import MOST_BYTES, pixel_bytes

LARGEST = 512


def png_of(dataset: Dataset) -> bytes | None:
    """Return the picture; None if the object has none, or it is too large, contradicts itself or cannot be decoded."""
    try:
        with quiet():
            if "Rows" not in dataset or pixel_bytes(dataset) > MOST_BYTES:
                return None
            return encode_png(_shown(dataset))
    except Exception:  # decoders raise what they like
        return None


def _shown(dataset: Dataset) -> NDArray[np.uint8]:
    """Return rows x columns, or rows x columns x 3."""
    (frame,) = frames_to_show(dataset, [int(dataset.get("NumberOfFrames") or 1) // 2])
    step = max(1, -(-max(frame.shape[:2]) // LARGEST))
    frame = frame[::step, ::step]
    if frame.ndim == 3:
        return np.ascontiguousarray(frame)
    low, high = np.percentile(frame, (1, 99.5))
    grey = np.clip((frame.astype(np.float32) - low) * (255.0 / max(float(high - low), 1.0)), 0, 255).astype(np.uint8)
    return 255 - grey if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else grey


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return 8-bit grey (rows x columns) or RGB (rows x columns x 3) pixels as PNG."""
    rows, columns = image.shape[:2]
    lines = np.zeros((rows, 1 + image[0].size), np.uint8)
    lines[:, 1:] = image.reshape(rows, -1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2 if image.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
