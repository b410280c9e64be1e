"""What a folder holds: its series, from headers alone."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom import Dataset

from eci_annotate.dicom.images.attributes import b_value
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import one_integer, value_of
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.images.headers import HANGING_TAGS, plain, study_date_of
from eci_annotate.dicom.images.image_files import ImageFile, Progress, frames_of_files, image_files
from eci_annotate.dicom.images.stacks import Stack, require_pictures, stacks_of
from eci_annotate.errors import BadImages, DamagedFile, EciError
from eci_annotate.workflow.series.series_facts import facts_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("modality", "number", "description", "files", "stacks", "size", "remark")


@dataclass(frozen=True)
class StackHeader:
    """One stack of a series: its UID, what sets it apart, its number of frames, and elements for hanging protocols."""

    uid: str
    title: str
    images: int
    header: dict[str, Any]


def stack_headers(source: Source) -> list[StackHeader]:
    """List the stacks of one series; pixels are not decoded.

    Raises
    ------
    BadImages
        If the series cannot be split into stacks.
    """
    return [header_of_stack(stack) for stack in _stacks_of(image_files(source))]


def header_of_stack(stack: Stack) -> StackHeader:
    """Return what lists and hanging protocols need to know of a stack."""
    return StackHeader(stack.uid, stack.title, len(stack.frames), _header(stack.frames[0]))


def is_whole(stacks: Sequence[StackHeader], files: int) -> bool:
    """Whether one stack has all files of its series, and so stands for it."""
    return len(stacks) == 1 and stacks[0].images == files


def hanging_facts(series_uid: str, stack: StackHeader) -> dict[str, Any]:
    """Return what hanging protocols need to know of a stack that is one of several, or only a part, of a series."""
    stands_for = {"series_uid": stack.uid, "slices": stack.images, "stack": stack.title, "stack_of": series_uid}
    return stack.header | stands_for


def _header(frame: Frame) -> dict[str, Any]:
    values = {keyword: frame.get(keyword) for keyword in HANGING_TAGS if keyword != "NumberOfFrames"}
    values["DiffusionBValue"] = b_value(frame)
    return {keyword: plain(value) for keyword, value in values.items() if value is not None} | facts_of(frame.get)


def _stacks_of(images: Sequence[ImageFile]) -> list[Stack]:
    frames = frames_of_files(images)
    require_pictures(frames)
    return stacks_of(frames)


def series_in(source: Source, progress: Progress | None = None) -> pd.DataFrame:
    """List the image series of a folder; pixels are not read.

    Parameters
    ----------
    source, progress
        As for `load_series`.

    Returns
    -------
    DataFrame
        One row per series, by `series_uid`: modality, number, description, number of files, names of its stacks,
        size (slices, rows, columns), and a remark where it is no volume. Files that cannot be read have a last row,
        without a UID: which series they belong to is not known.

    Raises
    ------
    NoImages
        If no file holds an image.
    DamagedFile
        If no file can be read.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> eci.series_in(folder)[["modality", "files", "size"]].values.tolist()
    [['CT', 8, '8 x 40 x 56']]
    """
    import pandas as pd

    unread: list[EciError] = []
    with no_search_for_garbage():
        rows = [(uid, _row(images)) for uid, images in _by_series(source, progress, unread).items()]
    rows.sort(key=lambda row: row[1][COLUMNS.index("number")])
    if unread:
        more = f" {len(unread) - 1} more cannot be read." if len(unread) > 1 else ""
        rows.append(("", ["", 0, "", len(unread), "", "", unread[0].what + more]))
    index = pd.Index([uid for uid, _ in rows], name="series_uid")
    return pd.DataFrame([row for _, row in rows], index, list(COLUMNS))


@contextmanager
def no_search_for_garbage() -> Iterator[None]:
    """Headers of thousands of files are kept, and each search would look at all of them: a third of the time."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()


def folder_headers(source: Source) -> list[tuple[str, dict[str, Any]]]:
    """Return what a hanging protocol needs to know of each stack of a folder, and what to call it; pixels are not read.

    Series that cannot be split into stacks are left out.
    """
    series = _by_series(source).values()
    dates = _study_dates(series)
    newest = max(dates.values(), default="")
    current = {uid for uid, date in dates.items() if date == newest}
    return [row for images in series for row in _hanging_rows(images, _study_of(images) in current)]


def _study_dates(series: Iterable[Sequence[ImageFile]]) -> dict[str, str]:
    """Return the date of each study."""
    found: dict[str, list[str]] = {}
    for images in series:
        stated = [str(image.dataset.get("StudyDate", "") or "") for image in images]
        found.setdefault(_study_of(images), []).extend(stated)
    return {uid: study_date_of(dates) for uid, dates in found.items()}


def _by_series(
    source: Source, progress: Progress | None = None, unread: list[EciError] | None = None
) -> dict[str, list[ImageFile]]:
    found: dict[str, list[ImageFile]] = {}
    for image in image_files(source, progress, unread=unread):
        found.setdefault(str(image.dataset.get("SeriesInstanceUID", "")), []).append(image)
    return found


def _study_of(images: Sequence[ImageFile]) -> str:
    return str(images[0].dataset.get("StudyInstanceUID", ""))


def _hanging_rows(images: Sequence[ImageFile], is_current: bool) -> list[tuple[str, dict[str, Any]]]:
    try:
        stacks = [header_of_stack(stack) for stack in _stacks_of(images)]
    except BadImages:
        return []
    study = "current" if is_current else "prior"
    series = f"Series {_number(images[0].dataset)} {images[0].dataset.get('SeriesDescription', '')}".strip()
    names = [", ".join(filter(None, (series, each.title))) for each in stacks]
    if is_whole(stacks, len(images)):
        facts = [stacks[0].header | {"series_uid": stacks[0].uid, "slices": stacks[0].images}]
    else:
        facts = [hanging_facts(str(images[0].dataset.get("SeriesInstanceUID", "")), each) for each in stacks]
    return [(name, each | {"study": study}) for name, each in zip(names, facts, strict=True)]


def _row(images: Sequence[ImageFile]) -> list[Any]:
    first = images[0].dataset
    names, size, remark = "", "", ""
    try:
        stacks = _stacks_of(images)
        names = "; ".join(stack.title for stack in stacks if stack.title)
        size = "; ".join(dict.fromkeys(" x ".join(map(str, stack.grid.shape)) for stack in stacks))
    except BadImages as error:
        remark = error.what
    return [
        str(first.get("Modality", "")),
        _number(first),
        str(first.get("SeriesDescription", "")),
        len(images),
        names,
        size,
        remark,
    ]


def _number(dataset: Dataset) -> int:
    """Return the series number; 0 if there is none that can be read."""
    try:
        value = value_of(dataset, "SeriesNumber")
        return 0 if value is None else one_integer(value, "SeriesNumber")
    except DamagedFile:
        return 0
