"""Find and open DICOM files; unreadable files raise specific errors without patient values."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset, config, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom, lacks_prefix
from eci_annotate.deid.quiet import quiet
from eci_annotate.dicom.media import files_listed, is_archive, is_dicomdir, openers_of
from eci_annotate.dicom.stored.plain_header import plain_header
from eci_annotate.errors import DamagedFile, EciError, NoImages, NoPrefix, NotDicom

# pydicom's warnings quote the offending values, which may identify a patient
config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # it logs the same texts

Content = bytes | BinaryIO  # a stream is closed by who reads it
Opener = Callable[[], Content]
Source = str | PathLike[str] | Sequence[str | PathLike[str] | Opener]


def which(path: Path | Opener, number: int | None = None) -> str:
    """Name a file in a message by its number: any name may tell of a person, even one of digits."""
    return "A file" if number is None else f"File {number + 1}"


def has_magic(path: Path) -> bool:
    """Whether a file has the DICOM prefix (PS3.10 section 7.1), or begins with DICOM elements."""
    with path.open("rb") as stream:
        return begins_as_dicom(stream.read(HEAD))


def read(
    path: Path | Opener,
    *,
    pixels: bool = True,
    number: int | None = None,
    tags: Sequence[str] | None = None,
    defer: int | None = None,
) -> Dataset:
    """Read one file, or what gives the content of one.

    Parameters
    ----------
    path
        File to read.
    pixels
        Also read the pixel data.
    number
        Number by which messages name the file in place of its name.
    tags
        Keywords of the elements to read; None for all.
    defer
        Elements of more bytes than this are read when they are used; of a file only.

    Raises
    ------
    NotDicom
        If it is not a DICOM file.
    DamagedFile
        If it ends too early or cannot be parsed.
    """
    try:
        return _read(path, pixels, tags, defer)
    except InvalidDicomError as error:
        if _lacks_prefix(path):
            what = f"{which(path, number)} is DICOM without the prefix of DICOM files."
            raise NoPrefix(what, "Convert it, for instance with dcmconv of DCMTK.") from error
        raise NotDicom(f"{which(path, number)} is not DICOM.", "Give DICOM files only.") from error
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoImages(f"{which(path, number)} does not exist.", "Check the path.") from error
    except EciError:
        raise
    except Exception as error:
        raise DamagedFile(
            f"{which(path, number)} is damaged or truncated.", "Copy it again from its archive."
        ) from error


def _lacks_prefix(path: Path | Opener) -> bool:
    with path.open("rb") if isinstance(path, Path) else stream_of(path()) as stream:
        return lacks_prefix(stream.read(HEAD))


def _read(path: Path | Opener, pixels: bool, tags: Sequence[str] | None, defer: int | None) -> Dataset:
    if not isinstance(path, Path):
        with stream_of(path()) as stream:
            return _parsed(stream, pixels, tags, None)
    return _parsed(path, pixels, tags, defer)


@contextmanager
def stream_of(content: Content) -> Iterator[BinaryIO]:
    """Give content as a stream."""
    if isinstance(content, bytes):
        yield BytesIO(content)
    else:
        with closing(content):
            yield content


def _parsed(source: Path | BinaryIO, pixels: bool, tags: Sequence[str] | None, kept: int | None) -> Dataset:
    only = [tag_of(tag) for tag in tags] if tags else None
    if kept is not None and pixels and only is None and isinstance(source, Path):
        usual = plain_header(source, kept)
        if usual is not None:
            return usual
    with quiet():
        dataset = dcmread(source, stop_before_pixels=not pixels, specific_tags=only, defer_size=kept)
        if kept is not None and str(dataset.file_meta.get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
            dataset = dcmread(source, stop_before_pixels=not pixels, specific_tags=only)  # offsets would be wrong
    return dataset


@lru_cache
def tag_of(keyword: str) -> BaseTag:
    """Return the tag of an element."""
    return Tag(keyword)


def _worth_reading(path: Path) -> bool:
    """Whether a file in a folder has a DICOM suffix or prefix; other files are ignored."""
    if path.name.upper() == "DICOMDIR" or path.name.startswith("."):
        return False
    return path.suffix.lower() in {".dcm", ".dicom", ".ima"} or has_magic(path)


def files_of(source: Source) -> list[Path | Opener]:
    """List the DICOM files of a folder (with its subfolders), one file, a ZIP archive, a DICOMDIR, or a list of these.

    Raises
    ------
    NoImages
        If there are none.
    NotDicom
        If a single file, or one in a list, is not DICOM.
    BadMedia
        If an archive or a DICOMDIR cannot be read safely.
    """
    given = [source] if isinstance(source, (str, PathLike)) else source
    paths = [each if callable(each) else Path(each) for each in given]
    found: list[Path | Opener] = []
    for path in paths:
        if isinstance(path, Path) and path.is_dir():
            found.extend(p for p in sorted(path.rglob("*")) if p.is_file() and _worth_reading(p))
        elif isinstance(path, Path) and is_dicomdir(path):
            found.extend(files_listed(path))
        elif isinstance(path, Path) and is_archive(path):
            found.extend(openers_of(path))
        else:
            found.append(path)
    if not found:
        raise NoImages("There is no DICOM file here.", "Give a folder that holds one series, or a list of its files.")
    return found


def count_of(things: Iterable[object]) -> int:
    """Return the number of distinct values."""
    return len(set(things))
