"""What a folder holds: its series, from headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.images.image_files import ImageFile, Progress, frames_of_files, image_files
from eci_annotate.dicom.images.requirements import require_picture
from eci_annotate.dicom.images.stacks import require_one_series, stacks_of
from eci_annotate.errors import BadImages

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("modality", "number", "description", "files", "stacks", "size", "remark")


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
        size (slices, rows, columns), and a remark where it is no volume.

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

    by_series: dict[str, list[ImageFile]] = {}
    for image in image_files(source, progress):
        by_series.setdefault(str(image.dataset.get("SeriesInstanceUID", "")), []).append(image)
    rows = {uid: _row(images) for uid, images in by_series.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))
    return table.rename_axis("series_uid").sort_values("number", kind="stable")


def _row(images: Sequence[ImageFile]) -> list[Any]:
    first = images[0].dataset
    number = first.get("SeriesNumber")
    names, size, remark = "", "", ""
    try:
        frames = frames_of_files(images)
        for frame in frames:
            require_picture(frame)
        require_one_series(frames)
        names, size = _stacks(frames)
    except BadImages as error:
        remark = error.what
    return [
        str(first.get("Modality", "")),
        int(number) if number not in (None, "") else 0,
        str(first.get("SeriesDescription", "")),
        len(images),
        names,
        size,
        remark,
    ]


def _stacks(frames: Sequence[Frame]) -> tuple[str, str]:
    stacks = stacks_of(frames)
    sizes = dict.fromkeys(" x ".join(map(str, stack.grid.shape)) for stack in stacks)
    return "; ".join(_titles(stacks)), "; ".join(sizes)


def _titles(stacks: Sequence[Any]) -> Iterator[str]:
    return (stack.title for stack in stacks if stack.title)
