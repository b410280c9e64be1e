"""What readers of annotation objects share: a list with notes, access to malformed elements, default colours."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

import pydicom
from pydicom import Dataset

from eci_annotate.dicom.images.completeness import require_whole
from eci_annotate.dicom.images.files import read
from eci_annotate.errors import EciError
from eci_annotate.imaging.annotation import Annotation

PALETTE = ((230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (132, 145, 180), (220, 200, 60))
NOWHERE = "names no frame of reference and no series: check that it belongs to the images that it is shown on."

A = TypeVar("A", bound=Annotation)


class AnnotationSet(list[A], Generic[A]):
    """The annotations of one DICOM object, in file order.

    Attributes
    ----------
    notes
        What could not be read as it stands, one sentence each, without names of structures or patients.
    """

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a sentence, and warn."""
        self.notes.append(text)
        warnings.warn(text, stacklevel=4)


def text_of(item: Dataset, keyword: str) -> str:
    """Return an element as text; empty if it is absent or malformed."""
    try:
        value = item.get(keyword)
    except Exception:  # pydicom raises many kinds for malformed values
        return ""
    return "" if value is None else str(value)


def items_of(item: Dataset, keyword: str, refusal: type[EciError], remedy: str) -> Sequence[Dataset]:
    """Return the items of a sequence; none if it is absent; `refusal` if it is no sequence."""
    try:
        value = item.get(keyword)
    except Exception as error:  # pydicom raises many kinds for malformed values
        raise refusal(f"{keyword} cannot be read.", remedy) from error
    if value is None or value == "":
        return ()
    if not isinstance(value, (list, pydicom.Sequence)) or not all(isinstance(each, Dataset) for each in value):
        raise refusal(f"{keyword} is no sequence.", remedy)
    return list(value)


def content_and_dataset(source: str | PathLike[str] | bytes) -> tuple[bytes, Dataset]:
    """Read a whole file, or its content.

    Raises
    ------
    NotDicom, NoImages, DamagedFile
        If it is not DICOM, does not exist, or is truncated.
    """
    if isinstance(source, bytes):
        content, dataset = source, read(lambda: source)
    else:
        dataset = read(Path(source))
        content = Path(source).read_bytes()
    require_whole(content, dataset)
    return content, dataset
