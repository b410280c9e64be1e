"""Frames: one picture each, from a single-frame file or from one item of a multi-frame file (PS3.3 C.7.6.16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from eci_annotate.dicom.images.element_values import REMEDY, has_same_bytes, numbers, numbers_of, one_integer, value_of
from eci_annotate.dicom.images.tolerances import unit_of
from eci_annotate.dicom.multiframe.nm_slices import places_of_slices
from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import DamagedFile, MissingGeometry
from eci_annotate.imaging.geometry import Floats, unit

# other names of an element in functional groups, and of the same fact in older files
ALSO = {
    "EchoTime": ("EffectiveEchoTime",),
    "TemporalPositionIdentifier": ("TemporalPositionIndex",),
    "AcquisitionTime": ("FrameAcquisitionDateTime", "FrameReferenceDateTime"),
    "TriggerTime": ("NominalCardiacTriggerDelayTime",),
    "InversionTime": ("InversionTimes",),
    "AcquisitionNumber": ("FrameAcquisitionNumber",),
    "ImageType": ("FrameType",),
}
OF_THE_FILE = {
    "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "SamplesPerPixel", "PhotometricInterpretation", "Modality", "PixelPaddingValue", "PixelPaddingRangeLimit",
}  # fmt: skip
STANDARD_ONLY = {
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing", "SliceThickness",
    "NominalScannedPixelSpacing", "SpacingBetweenSlices", "PixelAspectRatio", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "WindowCenter", "WindowWidth", "VOILUTFunction", "PixelPaddingValue", "PixelPaddingRangeLimit",
}  # fmt: skip
SCALING = {"RescaleSlope", "RescaleIntercept", "RescaleType"}  # one macro: a frame has its own, or that of all
REFERENCES = ("Referenced", "Source", "Derivation")
MOST_FRAMES = 100_000
NOT_RIGHT, NOT_RIGHT_MOST = 1e-3, 1e-2  # of the cosine between rows and columns, which should be 0


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture and what its headers say about it.

    Attributes
    ----------
    dataset
        Header of its file.
    number
        Frame number, from 1, in a multi-frame file; 0 if the file is one frame.
    groups
        Elements of its own and of the shared functional groups, by keyword; they count before the file's.
    pixels
        Gives the stored values, shape (rows, columns), or (rows, columns, samples) for colour.
    fill
        Reads the stored values straight into an int16 array, and says so; False if they are not stored like that.
    full
        Gives the whole file: headers alone may leave out long elements.
    """

    dataset: Dataset = field(repr=False)
    number: int
    groups: dict[str, Any] = field(repr=False)
    pixels: Callable[[], np.ndarray[Any, Any]] = field(repr=False)
    fill: Callable[[np.ndarray[Any, Any]], bool] = field(default=lambda out: False, repr=False)
    full: Callable[[], Dataset] = field(default=Dataset, repr=False)
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _arrays: dict[str, Floats | None] = field(default_factory=dict, repr=False)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return an element's value; `default` if it is absent or empty.

        Raises
        ------
        DamagedFile
            If the value is not of the element's type.
        """
        if keyword not in self._known:
            self._known[keyword] = self._find(keyword)
        value = self._known[keyword]
        return default if value is None else value

    def _find(self, keyword: str) -> Any:
        names = (keyword, *ALSO.get(keyword, ()))
        if self.groups:
            for name in names:  # what a frame says of itself counts before what its file says of all frames
                if (value := self.groups.get(name)) not in (None, ""):
                    return value
        return next((value for name in names if (value := value_of(self.dataset, name)) is not None), None)

    def text(self, keyword: str) -> str:
        """Return an element's value as text, empty if it is absent."""
        return str(self.get(keyword, ""))

    def number_of(self, keyword: str) -> float | None:
        """Return the first number of an element; None if it is absent.

        Raises
        ------
        DamagedFile
            If it is no finite number.
        """
        found = self._numbers(keyword)
        return None if found is None else float(found[0])

    def _numbers(self, keyword: str) -> Floats | None:
        if keyword not in self._arrays:
            self._arrays[keyword] = self._find_numbers(keyword)
        return self._arrays[keyword]

    def _find_numbers(self, keyword: str) -> Floats | None:
        if self.groups:
            value = self.get(keyword)
            return None if value is None else numbers(value, keyword)
        names = (keyword, *ALSO.get(keyword, ()))
        return next((found for name in names if (found := numbers_of(self.dataset, name)) is not None), None)

    def whole(self, keyword: str, default: int = 0) -> int:
        """Return an element's value as an integer."""
        value = self.get(keyword)
        return default if value is None else one_integer(value, keyword)

    def vector(self, keyword: str, size: int) -> Floats:
        """Return an element of `size` numbers.

        Raises
        ------
        MissingGeometry
            If it is absent or has another number of values.
        """
        found = self._numbers(keyword)
        if found is None:
            raise MissingGeometry(f"{keyword} is missing, and is never guessed.", REMEDY)
        if found.size != size:
            raise MissingGeometry(f"{keyword} has {found.size} values in place of {size}.", REMEDY)
        return found

    @property
    def sop_uid(self) -> str:
        """SOP Instance UID of its file."""
        return self.text("SOPInstanceUID")

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return self.text("SeriesInstanceUID")

    @property
    def modality(self) -> str:
        """Modality, for instance CT."""
        return self.text("Modality")

    @property
    def image_types(self) -> list[str]:
        """Values of ImageType, in capitals."""
        value = self.get("ImageType")
        values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
        return [str(each).strip().upper() for each in values]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.whole("Rows"), self.whole("Columns")

    @property
    def frame_uid(self) -> str:
        """Frame of Reference UID; one of the series' own where the files name none."""
        return self.text("FrameOfReferenceUID") or private_frame_uid(self.series_uid)

    @property
    def position_lps(self) -> Floats:
        """ImagePositionPatient: centre of the first voxel, shape (3,)."""
        return self.vector("ImagePositionPatient", 3)

    @property
    def axes_lps(self) -> tuple[Floats, Floats, Floats]:
        """Unit vectors (normal, down a column, along a row) = directions of k, j, i."""
        return axes(self.vector("ImageOrientationPatient", 6), unit_of(self.get("ImageOrientationPatient")))


def same_in_all(frames: Sequence[Frame], keyword: str) -> bool:
    """Whether an element has the same bytes in the files of all frames, or is in none; False if that is not certain."""
    if any(frame.groups for frame in frames):
        return False
    return all(has_same_bytes([frame.dataset for frame in frames], name) for name in (keyword, *ALSO.get(keyword, ())))


def private_frame_uid(series_uid: str) -> str:
    """Return the frame of reference of a series that names none; no other series shares it."""
    return uid_from("frame of reference of one series", series_uid)


def axes(cosines: Floats, digit: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Return the directions of k, j, i for the six values of ImageOrientationPatient.

    Parameters
    ----------
    cosines
        The values.
    digit
        One unit of the last decimal that they were written with.

    Raises
    ------
    MissingGeometry
        If they are no pair of orthogonal unit vectors, as far as their digits tell.
    """
    along_i, along_j = cosines[:3], cosines[3:]
    proper = abs(np.linalg.norm(along_i) - 1) < 1e-2 and abs(np.linalg.norm(along_j) - 1) < 1e-2
    if not proper or abs(along_i @ along_j) > min(NOT_RIGHT + 2 * digit, NOT_RIGHT_MOST):
        raise MissingGeometry("ImageOrientationPatient is no pair of unit vectors.", "Ask the sender to correct it.")
    along_i = unit(along_i)
    along_j = unit(along_j - along_i * (along_j @ along_i))
    return np.cross(along_i, along_j), along_j, along_i


def frames_of(
    dataset: Dataset,
    pixels: Callable[[int], np.ndarray[Any, Any]],
    fill: Callable[[np.ndarray[Any, Any]], bool] = lambda out: False,
    full: Callable[[], Dataset] = Dataset,
) -> list[Frame]:
    """Return the frames of a file in file order.

    Parameters
    ----------
    dataset
        Header of the file.
    pixels
        Gives the stored values of frame n, counted from 0.
    fill
        Reads those of a single frame straight into an int16 array; False if it cannot.
    full
        Gives the whole file.

    Raises
    ------
    DamagedFile
        If the functional groups do not fit the number of frames.
    """
    whole = Frame(dataset, 0, {}, lambda: pixels(0), fill, full)
    count = whole.whole("NumberOfFrames", 1)
    per_frame = value_of(dataset, "PerFrameFunctionalGroupsSequence")
    if count <= 1 and not per_frame:
        return [whole]
    if not 1 <= count <= MOST_FRAMES or (per_frame and len(per_frame) != count):
        raise DamagedFile("The number of frames of an image does not fit its headers.", REMEDY)
    private, shared = _flat(next(iter(value_of(dataset, "SharedFunctionalGroupsSequence") or ()), None))
    places = [] if per_frame else places_of_slices(dataset, count)
    found = []
    for n in range(count):
        own_private, own = _flat(per_frame[n] if per_frame else None)
        own = places[n] if places else own
        common = shared if SCALING.isdisjoint(own) else {key: shared[key] for key in shared.keys() - SCALING}
        found.append(Frame(dataset, n + 1, private | own_private | common | own, _later(pixels, n), full=full))
    return found


def _later(pixels: Callable[[int], np.ndarray[Any, Any]], n: int) -> Callable[[], np.ndarray[Any, Any]]:
    return lambda: pixels(n)


def _flat(group: Dataset | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the elements of the private and of the standard macros of a functional group, by keyword.

    Private macros count last, and say nothing about place and values: what they repeat need not be of this frame.
    """
    if group is None:
        return {}, {}
    try:
        standard = [element for element in group if not element.tag.is_private]
        private = [element for element in group if element.tag.is_private]
        kept = {key: value for key, value in _elements(private, 0) if key not in STANDARD_ONLY}
        return kept, dict(_elements(standard, 0))
    except Exception as error:  # pydicom raises many kinds for malformed values
        raise DamagedFile("A functional group of an image cannot be read.", REMEDY) from error


def _elements(elements: Iterable[Any], depth: int) -> Iterator[tuple[str, Any]]:
    for element in elements:
        if element.VR == "SQ":
            if depth < 2 and element.value and not element.keyword.startswith(REFERENCES):
                yield from _elements(element.value[0], depth + 1)
        elif element.VR == "UI" or element.keyword in OF_THE_FILE:
            continue  # of other objects that the group names, not of this frame
        elif element.keyword and element.value not in (None, ""):
            yield element.keyword, element.value
        elif element.tag.is_private:
            yield f"{int(element.tag):08X}", element.value
