"""Memory for the values of a series, touched beside the reading of headers: the first write to a page is what takes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.dicom.frame_bytes import frame_bytes, plain_type
from eci_annotate.dicom.images.element_values import number_in

_PAGE = 2048  # int16 values in 4 KiB
LEAST_BYTES = 1 << 24  # less is not worth a thread


class Room:
    """An int16 array of the size that a series probably needs; another one where it needs another size."""

    def __init__(self) -> None:
        self._array: NDArray[np.int16] | None = None
        self._thread: Thread | None = None

    def expect(self, first: Dataset, paths: Sequence[Any]) -> None:
        """Begin to touch the memory for files like the first; never for more bytes than the files have."""
        kind = plain_type(first)
        if self._thread is not None or kind is None or kind.itemsize != 2 or number_in(first, "NumberOfFrames", 1) > 1:
            return
        size = frame_bytes(first) * len(paths)
        with suppress(OSError, MemoryError):  # who reads the file, or needs the memory, says what is wrong
            if LEAST_BYTES <= size <= sum(path.stat().st_size for path in paths if isinstance(path, Path)):
                self._array = np.empty((len(paths), number_in(first, "Rows"), number_in(first, "Columns")), np.int16)
                self._thread = Thread(target=_touch, args=(self._array,), daemon=True)
                self._thread.start()

    def take(self, shape: tuple[int, ...]) -> NDArray[np.int16]:
        """Return an array of this shape, once; its values are undefined."""
        array, self._array = self._array, None
        if self._thread is not None:
            self._thread.join()
        if array is not None and array.shape == shape:
            return array
        del array  # before another one is made
        return np.empty(shape, np.int16)


def _touch(array: NDArray[np.int16]) -> None:
    array.reshape(-1)[::_PAGE] = 0
