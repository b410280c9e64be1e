"""Files of ZIP archives and of DICOMDIRs (PS3.10 section 8, PS3.3 annex F), within limits."""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom import Dataset, dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom
from eci_annotate.errors import BadMedia

MOST_FILES = 50_000
MOST_BYTES = 8 << 30  # of all files of an archive, inflated
MOST_RATIO = 500  # inflated by compressed bytes of one file; images reach about 20
MOST_LIST_BYTES = 64 << 20  # of a DICOMDIR: about a kilobyte for each file
SMALL = 1 << 20  # files below this may be of any ratio
DICOMDIR = "DICOMDIR"
NAME = re.compile(r"[A-Z0-9_]{1,16}(\.[A-Z0-9_]{1,16})?", re.IGNORECASE)
_UNPACK = "Unpack it with a program that you trust, look at its files, and give the folder."


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive."""
    return path.is_file() and path.suffix.lower() != ".dcm" and zipfile.is_zipfile(path)


def is_dicomdir(path: Path) -> bool:
    """Whether a file is a DICOMDIR."""
    return path.is_file() and path.name.upper() == DICOMDIR


def openers_of(path: Path) -> list[partial[bytes]]:
    """Return what reads each DICOM file of an archive, in the order of their names; nothing is written.

    Raises
    ------
    BadMedia
        If the archive is damaged or encrypted, leaves its folder, or exceeds the limits.
    """
    with _opened(path) as archive:
        names = [each.filename for each in sorted(_members(archive), key=lambda each: each.filename)]
        return [partial(_content, path, name) for name in names if _has_magic(archive, name)]


@contextmanager
def unpacked(places: Iterable[Path]) -> Iterator[list[Path]]:
    """Give folders and files; archives as private folders while the context lasts, DICOMDIRs as their files."""
    found: list[Path] = []
    with TemporaryDirectory(prefix="eci-import-") as folder:
        for number, place in enumerate(places):
            if is_archive(place):
                found.append(_unpack(place, Path(folder) / str(number)))
            elif is_dicomdir(place):
                found += files_listed(place)
            else:
                found.append(place)
        yield found


def files_listed(dicomdir: Path) -> list[Path]:
    """Return the files that a DICOMDIR lists, in its order.

    Raises
    ------
    BadMedia
        If it cannot be read, lists files outside its folder, or lists files that are missing.
    """
    try:
        _check_list(dicomdir)
        records = list(dcmread(dicomdir, specific_tags=["DirectoryRecordSequence"]).DirectoryRecordSequence)
        named = [_parts(record) for record in records if record.get("ReferencedFileID")]
    except BadMedia:
        raise
    except Exception as error:  # pydicom raises many kinds for malformed files
        raise BadMedia("The DICOMDIR cannot be read.", "Give the folder that it is in.") from error
    root = dicomdir.parent.resolve()
    paths = [_inside(root, parts) for parts in dict.fromkeys(named)]
    missing = sum(not path.is_file() for path in paths)
    if missing:
        raise BadMedia(
            f"{missing} of {len(paths)} files that the DICOMDIR lists are missing.",
            "Copy the whole medium, or give the folder to take what is there.",
        )
    return paths


def _check_list(dicomdir: Path) -> None:
    """Refuse a DICOMDIR that could need much memory: PS3.10 section 8.6 allows no deflated one."""
    deflated = read_file_meta_info(dicomdir).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    if deflated or dicomdir.stat().st_size > MOST_LIST_BYTES:
        raise BadMedia("The DICOMDIR is compressed, or too large.", "Give the folder that it is in.")


def _parts(record: Dataset) -> tuple[str, ...]:
    value = record.ReferencedFileID
    return (value,) if isinstance(value, str) else tuple(str(part) for part in value)


def _inside(root: Path, parts: tuple[str, ...]) -> Path:
    if not all(NAME.fullmatch(part) for part in parts):
        raise BadMedia("The DICOMDIR lists a file that is not in its folder.", "Give the folder that it is in.")
    path = root.joinpath(*parts)
    if not path.exists():  # media are often copied with names in lower case
        path = root.joinpath(*(part.lower() for part in parts))
    if not path.resolve().is_relative_to(root):
        raise BadMedia("The DICOMDIR lists a file that is not in its folder.", "Give the folder that it is in.")
    return path


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise BadMedia("The archive is damaged, or packed in an unknown way.", "Copy it again.") from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive; refuse what no archive of images needs."""
    members = [each for each in archive.infolist() if not each.is_dir()]
    if len(members) > MOST_FILES:
        raise BadMedia(f"The archive holds more than {MOST_FILES} files.", _UNPACK)
    if sum(each.file_size for each in members) > MOST_BYTES:
        raise BadMedia(f"The archive becomes larger than {MOST_BYTES >> 30} GiB.", _UNPACK)
    for each in members:
        parts = each.filename.replace("\\", "/").split("/")
        if ".." in parts or parts[0] == "" or ":" in parts[0]:
            raise BadMedia("The archive names a file outside its folder.", _UNPACK)
        if each.flag_bits & 1:
            raise BadMedia("The archive is encrypted.", "Unpack it, and give the folder.")
        if each.file_size > SMALL and each.file_size > MOST_RATIO * max(each.compress_size, 1):
            raise BadMedia("A file of the archive becomes too large.", _UNPACK)
    ends = sorted((each.header_offset, each.header_offset + each.compress_size) for each in members)
    if any(later < end for (_, end), (later, _) in pairwise(ends)):
        raise BadMedia("Files of the archive overlap.", _UNPACK)
    if len({each.filename for each in members}) < len(members):
        raise BadMedia("The archive holds two files of one name.", _UNPACK)
    return members


def _has_magic(archive: zipfile.ZipFile, name: str) -> bool:
    base = name.replace("\\", "/").rpartition("/")[2]
    if base.upper() == DICOMDIR or base.startswith("."):
        return False
    with archive.open(name) as stream:
        return begins_as_dicom(stream.read(HEAD))


def _content(path: Path, name: str) -> bytes:
    with _opened(path) as archive:
        return archive.read(name)


def _unpack(path: Path, folder: Path) -> Path:
    """Write the files of an archive into a folder, under numbers in place of their names."""
    folder.mkdir(mode=0o700)
    with _opened(path) as archive:
        for number, each in enumerate(_members(archive)):
            if each.filename.replace("\\", "/").rpartition("/")[2].upper() == DICOMDIR:
                continue
            with archive.open(each) as stream, (folder / f"{number:06d}").open("xb") as out:
                shutil.copyfileobj(stream, out, 1 << 20)
    return folder
