"""Text in pixels, found by the program tesseract where a site has it: a help for people, no proof that there is none.

Pictures go through pipes, so that nothing of a patient is written; what was read is not kept.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from eci_annotate.deid.pixel_data.decoder_input import frames_to_show
from eci_annotate.deid.quiet import quiet
from eci_annotate.proxy.inflation_limit import MOST_BYTES, pixel_bytes
from eci_annotate.proxy.picture import encode_png

PROGRAM, PATIENCE_S, LEAST_CONFIDENCE = "tesseract", 60.0, 60.0
MOST_FRAMES, WIDEST = 3, 2400
_WORD = re.compile(r"[^\W_]{3,}")


def can_search() -> bool:
    """Whether the program is installed."""
    return shutil.which(PROGRAM) is not None


def may_show_text(dataset: Dataset) -> bool:
    """Whether the program finds a word in the pixels, or cannot look; of many frames three are searched."""
    if "Rows" not in dataset:
        return False
    try:
        with quiet():
            if pixel_bytes(dataset) > MOST_BYTES:
                return True
            pictures = [*_pictures(dataset)]
        return any(_has_word(encode_png(picture)) for picture in pictures)
    except Exception:  # decoders raise what they like; what could not be searched may show text
        return True


def _pictures(dataset: Dataset) -> Iterator[NDArray[np.uint8]]:
    """Yield frames as the program reads them best: stretched, and as large as its letters need."""
    frames = int(dataset.get("NumberOfFrames") or 1)
    for shown in frames_to_show(dataset, sorted({0, frames // 2, frames - 1})):
        frame = shown.astype(np.float32)
        grey = frame.mean(axis=2) if frame.ndim == 3 else frame
        low, high = float(grey.min()), float(grey.max())
        stretched = ((grey - low) * (255.0 / max(high - low, 1.0))).astype(np.uint8)
        times = max(1, min(3, WIDEST // max(stretched.shape)))
        yield np.ascontiguousarray(stretched.repeat(times, 0).repeat(times, 1))


def _has_word(picture: bytes) -> bool:
    words = [PROGRAM, "stdin", "stdout", "--psm", "11", "tsv"]
    env = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(words, input=picture, capture_output=True, timeout=PATIENCE_S, check=True, env=env)
    rows = (line.split("\t") for line in done.stdout.decode("utf-8", "replace").splitlines()[1:])
    return any(len(row) == 12 and float(row[10]) >= LEAST_CONFIDENCE and _WORD.search(row[11]) for row in rows)
