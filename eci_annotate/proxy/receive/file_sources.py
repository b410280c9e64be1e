"""Images from files: a folder, single files, a ZIP, a DICOMDIR. Names are never kept."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from pydicom import dcmread

from eci_annotate.deid.folder_run import is_dicom
from eci_annotate.deid.quiet import quiet
from eci_annotate.errors import DamagedFile, NoImages, NotDicom, Overloaded
from eci_annotate.proxy.spool import Spool

Progress = Callable[[str, int, int], None]
MOST_MEMBERS = 200_000
RECEIVED, DAMAGED, NESTED = "received", "damaged ZIP, or one with a password", "ZIP inside a ZIP: unpack it"
_ZIP = b"PK\x03\x04"
_UNZIPPABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)


def take_paths(spool: Spool, sources: Iterable[Path], tell: Progress) -> Counter[str]:
    """Take files, folders, ZIPs and DICOMDIRs; returns how many were received, and refused and why.

    Raises
    ------
    NoImages
        Nothing was received; it says why.
    """
    counts: Counter[str] = Counter()
    files = [path for source in sources for path in files_of_source(source)]
    for number, path in enumerate(files, 1):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            counts["not a regular file, or a linked folder"] += 1
        elif zipfile.is_zipfile(path) and not is_dicom(path):
            counts.update(take_zip(spool, path))
        else:
            counts[_taken(spool, path)] += 1
        tell("Receiving", number, len(files))
    if not counts[RECEIVED]:
        raise _nothing(+counts)
    return counts


def _nothing(counts: Counter[str]) -> NoImages:
    if set(counts) <= {"not DICOM"}:
        return NoImages("There is no DICOM file here.", "Give a folder, a ZIP or a DICOMDIR with DICOM files.")
    why = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
    return NoImages(f"No file was received: {why}.", "Correct that, and send them again.")


def files_of_source(source: Path) -> Iterator[Path]:
    """Yield the files of a folder, those that a DICOMDIR lists, or the file itself."""
    if _is_directory(source.name) and source.is_file():
        yield from listed_files(source)
    elif source.is_dir():
        for folder, folders, names in os.walk(source):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if not _is_directory(name))
            yield from (Path(folder, name) for name in folders if Path(folder, name).is_symlink())  # not followed
    else:
        yield source


def listed_files(dicomdir: Path) -> Iterator[Path]:
    """Yield the files that a DICOMDIR lists; none outside its folder.

    Raises
    ------
    DamagedFile
        It cannot be read, or lists a file outside its folder.
    """
    base = dicomdir.resolve().parent
    try:
        with quiet():
            records = dcmread(dicomdir).DirectoryRecordSequence
            names = [each.ReferencedFileID for each in records if "ReferencedFileID" in each]
    except Exception:  # its text may hold values
        raise DamagedFile("The DICOMDIR cannot be read.", "Give its folder instead.") from None
    for name in names:
        path = _in_any_case(base, [name] if isinstance(name, str) else name).resolve()
        if base not in path.parents:
            raise DamagedFile("The DICOMDIR lists a file outside its folder.", "Give its folder instead.")
        yield path


def _is_directory(name: str) -> bool:
    return name.upper() == "DICOMDIR"


def _in_any_case(base: Path, names: Iterable[str]) -> Path:
    """A file that a DICOMDIR lists: media are often copied with names in lower case."""
    path = base
    for name in names:
        step = path / name
        if not step.exists() and path.is_dir():
            step = next((each for each in path.iterdir() if each.name.upper() == name.upper()), step)
        path = step
    return path


def take_zip(spool: Spool, path: Path) -> Counter[str]:
    """Take the members of a ZIP, each as a stream; a damaged one costs only itself.

    Raises
    ------
    Overloaded
        It has too many members.
    """
    counts: Counter[str] = Counter()
    try:
        with zipfile.ZipFile(path) as packed:
            members = [each for each in packed.infolist() if not each.is_dir()]
            members = [each for each in members if not _is_directory(each.filename.rpartition("/")[2])]
            if len(members) > MOST_MEMBERS:
                raise Overloaded("A ZIP has too many files.", f"Divide it: at most {MOST_MEMBERS}.")
            counts.update(_member(spool, packed, each) for each in members)
    except _UNZIPPABLE:
        counts[DAMAGED] += 1
    return counts


def _member(spool: Spool, packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    try:
        with cast("BinaryIO", packed.open(member)) as stream:
            if stream.peek(len(_ZIP)).startswith(_ZIP):  # type: ignore[attr-defined]
                return NESTED
            return _reason(lambda: spool.take(stream))
    except _UNZIPPABLE:
        return DAMAGED


def _taken(spool: Spool, path: Path) -> str:
    def take() -> str:
        with path.open("rb") as stream:
            return spool.take(stream)

    return _reason(take)


def _reason(take: Callable[[], str]) -> str:
    """Do it; returns `received`, or why not."""
    try:
        take()
    except NotDicom:
        return "not DICOM"
    except Overloaded as error:
        if "disk" in error.what:
            raise
        return "too large"
    except OSError as error:
        return f"not readable ({type(error).__name__})"
    return RECEIVED
