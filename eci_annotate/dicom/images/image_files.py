"""The images of a set of files as frames: headers first, pixels when they are needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from eci_annotate.dicom.frame_bytes import (
    AGAIN,
    PLAIN,
    encoded_frames,
    frame_bytes,
    is_full,
    pixel_bytes,
    plain_type,
    without_unused_bits,
)
from eci_annotate.dicom.images.colour import coloured, is_colour
from eci_annotate.dicom.images.dicom_frames import Frame, frames_of
from eci_annotate.dicom.images.element_values import number_in, value_of
from eci_annotate.dicom.images.files import Opener, Source, files_of, read, which
from eci_annotate.dicom.images.pixels import has_pixels, pixel_elements, stored_values
from eci_annotate.dicom.stored.room import Room
from eci_annotate.errors import DamagedFile, EciError, NoImages

Progress = Callable[[int, int], None]
DEFERRED_BYTES = 4096
PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF  # length of an encapsulated element
UNCOMPRESSED = PLAIN | {"1.2.840.10008.1.2.2"}
NO_IMAGE_CLASSES = ("SEGMENTATION", "DOSE", "SURFACE")


class ImageFile:
    """One file that holds an image."""

    def __init__(self, dataset: Dataset, path: Path | Opener, number: int) -> None:
        self.dataset, self.path, self.number = dataset, path, number
        self._whole: Dataset | None = None

    @property
    def frames(self) -> list[Frame]:
        """Its frames, in file order."""
        self._require_room()
        pixels = coloured(self.dataset, self.stored) if is_colour(self.dataset) else self.stored
        return frames_of(self.dataset, pixels, self.fill, self._decode)

    @property
    def stored_frames(self) -> list[Frame]:
        """Its frames with their stored values: labels are no colours, also where a palette shows them."""
        self._require_room()
        return frames_of(self.dataset, self.stored, self.fill, self._decode)

    def _require_room(self) -> None:
        """Refuse a file with too few bytes for its frames, or with pixels beyond them; zeros are padding."""
        size = self._pixel_bytes(self.dataset._dict.get(PIXEL_DATA))
        if size is None:
            return
        plain, count = str(self._syntax) in UNCOMPRESSED, self._frame_count
        wanted = pixel_bytes(self.dataset, count) if plain else count
        if size < wanted:
            raise DamagedFile(f"{which(self.path, self.number)} has fewer pixels than it says.", AGAIN)
        if plain and size - wanted > 1 and (size - wanted >= wanted // count or any(self._full().PixelData[wanted:])):
            raise self._has_more()

    @property
    def _frame_count(self) -> int:
        return max(number_in(self.dataset, "NumberOfFrames", 1), 1)

    def _has_more(self) -> DamagedFile:
        return DamagedFile(f"{which(self.path, self.number)} has more pixels than it says.", AGAIN)

    def _pixel_bytes(self, raw: Any) -> int | None:
        if raw is None:
            return None
        if isinstance(raw, RawDataElement) and raw.value is None:
            if raw.length != UNDEFINED:
                return int(raw.length)
            return self.path.stat().st_size if isinstance(self.path, Path) else None
        return len(raw.value) if raw.value is not None else 0

    @property
    def _syntax(self) -> Any:
        return value_of(self.dataset.file_meta, "TransferSyntaxUID") or ""

    def stored(self, frame: int) -> NDArray[Any]:
        """Return the stored values of frame n, counted from 0."""
        straight = self._straight(frame)
        return stored_values(self._decode(), frame) if straight is None else straight

    def _decode(self) -> Dataset:
        """Return the whole file, read once."""
        if self._whole is None:
            self._whole = self._full()
        return self._whole

    def _full(self) -> Dataset:
        whole = self.dataset if not self._is_deferred else read(self.path, number=self.number)
        if str(self._syntax) not in UNCOMPRESSED and encoded_frames(whole) > self._frame_count:
            raise self._has_more()
        return whole

    @property
    def _is_deferred(self) -> bool:
        raw = self.dataset._dict.get(PIXEL_DATA)
        return isinstance(raw, RawDataElement) and raw.value is None

    def fill(self, out: NDArray[Any]) -> bool:
        """Read uncompressed 16-bit signed pixels straight into an array; False if they are not stored like that."""
        raw = self.dataset._dict.get(PIXEL_DATA)
        if not self._is_deferred or not isinstance(self.path, Path) or raw.length < out.nbytes:
            return False
        if plain_type(self.dataset) != np.dtype("<i2") or not is_full(self.dataset, 16) or not out.flags.c_contiguous:
            return False
        if sys.byteorder != "little" or raw.length == UNDEFINED:
            return False
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(raw.value_tell)
            if stream.readinto(out.data.cast("B")) != out.nbytes:
                raise DamagedFile(f"{which(self.path, self.number)} is truncated.", AGAIN)
        return True

    def _straight(self, frame: int) -> NDArray[Any] | None:
        """Read uncompressed pixels from their place in the file, without a copy in between."""
        raw, kind = self.dataset._dict.get(PIXEL_DATA), plain_type(self.dataset)
        if not isinstance(raw, RawDataElement) or raw.value is not None or kind is None:
            return None
        if not isinstance(self.path, Path) or raw.length == UNDEFINED:
            return None
        size = frame_bytes(self.dataset)
        if raw.length < size * (frame + 1):
            raise DamagedFile("The pixels of an image end too early.", AGAIN)
        found = np.fromfile(self.path, kind, size // kind.itemsize, offset=raw.value_tell + size * frame)
        if found.nbytes != size:
            raise DamagedFile(f"{which(self.path, self.number)} is truncated.", AGAIN)
        rows, columns = number_in(self.dataset, "Rows"), number_in(self.dataset, "Columns")
        return without_unused_bits(self.dataset, found.reshape(rows, columns))


def image_files(
    source: Source,
    progress: Progress | None = None,
    *,
    series_uid: str = "",
    unread: list[EciError] | None = None,
    room: Room | None = None,
) -> list[ImageFile]:
    """Read the headers of all images; reports, structure sets and the like are passed over.

    With `unread` the faults of single files are added to it, and the others are read; with `room` the memory for their
    pixels is made ready meanwhile.

    Raises
    ------
    NoImages
        If there is none.
    DamagedFile
        If a file that should hold an image holds no pixels, or is truncated.
    """
    paths = files_of(source)
    found = []
    for number, path in enumerate(paths):
        try:
            image = open_image(path, number)
        except EciError as error:
            if unread is None:
                raise
            unread.append(error)
            image = None
        if image is not None and series_uid in ("", str(value_of(image.dataset, "SeriesInstanceUID") or "")):
            found.append(image)
            if room is not None and len(found) == 1:
                room.expect(image.dataset, paths)
        if progress is not None:
            progress(number + 1, len(paths))
    if not found:
        if unread:
            raise unread[0]
        raise NoImages("There are DICOM files, but none holds an image.", "Give the files of an image series.")
    return found


def open_image(path: Path | Opener, number: int = 0) -> ImageFile | None:
    """Read the header of one file; None if it is an object without images of its own."""
    return image_of(read(path, number=number, defer=DEFERRED_BYTES), path, number)


def image_of(dataset: Dataset, path: Path | Opener, number: int = 0) -> ImageFile | None:
    """Return a file that was read as an image; None if it is an object without images of its own."""
    name = which(path, number)
    if not is_image(dataset, name):
        return None
    _require_whole(dataset, path, name)
    if len(pixel_elements(dataset)) > 1:
        raise DamagedFile(f"{name} has pixels of two types: which are meant is never guessed.", AGAIN)
    return ImageFile(dataset, path, number)


def release_pixels(dataset: Dataset) -> None:
    """Forget large values of a file that was read as a whole: they are read again when they are used."""
    if str(dataset.file_meta.get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
        return  # offsets are those of the inflated content
    for tag, raw in dataset._dict.items():
        if isinstance(raw, RawDataElement) and len(raw.value or b"") > DEFERRED_BYTES:
            dataset._dict[tag] = raw._replace(value=None)


def is_image(dataset: Dataset, name: str) -> bool:
    """Whether a file holds an image; refuses what should hold one and does not."""
    modality, sop_class = str(value_of(dataset, "Modality") or ""), _sop_class(dataset)
    if modality == "SEG" or any(word in sop_class.upper() for word in NO_IMAGE_CLASSES):
        return False
    if has_pixels(dataset):
        return True
    if any(keyword not in dataset for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality")):
        raise DamagedFile(f"{name} is truncated, or no complete DICOM object.", AGAIN)
    if "Image Storage" in sop_class or ("Rows" in dataset and "BitsAllocated" in dataset):
        raise DamagedFile(f"{name} has no pixels.", AGAIN)
    return False


def _sop_class(dataset: Dataset) -> str:
    """Return the name of the SOP class; its UID where it has none."""
    uid = value_of(dataset, "SOPClassUID") or value_of(dataset.file_meta, "MediaStorageSOPClassUID") or ""
    return _name_of(str(uid)) if uid else ""


@lru_cache(maxsize=64)
def _name_of(uid: str) -> str:
    return UID(uid).name


def _require_whole(dataset: Dataset, path: Path | Opener, name: str) -> None:
    raw = dataset._dict.get(PIXEL_DATA)
    if not isinstance(raw, RawDataElement) or raw.value is not None or raw.length == UNDEFINED:
        return
    if isinstance(path, Path) and raw.value_tell + raw.length > path.stat().st_size:
        raise DamagedFile(f"{name} is truncated: its pixels end too early.", AGAIN)


def frames_of_files(images: Sequence[ImageFile]) -> list[Frame]:
    """Return the frames of several files.

    Raises
    ------
    DamagedFile
        If a file's header cannot be read.
    """
    found: list[Frame] = []
    for image in images:
        try:
            found += image.frames
        except EciError:
            raise
        except Exception as error:  # pydicom raises many kinds for malformed values
            raise DamagedFile(f"{which(image.path, image.number)} has a header that cannot be read.", AGAIN) from error
    return found
