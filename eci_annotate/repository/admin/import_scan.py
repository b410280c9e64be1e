"""The headers of files that are to be imported, one file at a time, so that a bad one costs only itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.dicom.images.headers import Found
from eci_annotate.errors import UNREADABLE, BadImages, DamagedFile, NoPrefix, NotDicom, UnsupportedImages
from eci_annotate.repository.admin.import_plan import HoldReason

Progress = Callable[[str, int, int], None]
NOT_DICOM = "no DICOM file"
_REASONS: dict[type[Exception], str] = {
    NotDicom: NOT_DICOM,
    NoPrefix: "DICOM without prefix: convert it, for instance with dcmconv",
    UnsupportedImages: "too large",
}
ODD = (NotImplementedError, AssertionError, OverflowError, *UNREADABLE)


def scan_each(
    paths: Sequence[Path], reader: FileReader, skipped: Counter[str], damaged: dict[Path, str], tell: Progress
) -> Iterator[Found]:
    """Read the headers of files; those that cannot be read are counted in `skipped` or added to `damaged`."""
    for number, path in enumerate(paths, 1):
        try:
            found = reader.header(path, bounded=True)
        except (DamagedFile, *ODD):
            damaged[path] = HoldReason.DAMAGED
        except (BadImages, OSError) as error:  # OSError: no permission, a linked folder, gone meanwhile
            skipped[_REASONS.get(type(error), "not readable")] += 1
        else:
            if found.study_uid and found.series_uid and found.sop_uid:
                yield found
            else:
                skipped["without UIDs"] += 1
        tell("Reading headers", number, len(paths))


def files_below(folder: Path) -> Iterator[Path]:
    """Return the files of a folder and its subfolders, or the file itself; linked folders, which are not followed."""
    if folder.is_file():
        yield folder
        return
    for path in folder.rglob("*"):
        if (path.is_file() or path.is_symlink()) and not path.name.startswith("."):
            yield path
