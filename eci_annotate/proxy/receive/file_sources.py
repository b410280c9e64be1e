"""Images from files: a folder, single files, a ZIP, a DICOMDIR, and folders that are watched. Names are never kept."""

from __future__ import annotations

import logging
import os
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydicom import dcmread

from eci_annotate.deid.deidentify import quiet
from eci_annotate.deid.folder_run import is_dicom
from eci_annotate.errors import DamagedFile, EciError, NoImages, NotDicom, Overloaded
from eci_annotate.proxy.spool import Spool

Progress = Callable[[str, int, int], None]
MOST_MEMBERS, SETTLED_S = 200_000, 5.0
_UNZIPPABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)
log = logging.getLogger("eci_proxy")


def take_paths(spool: Spool, sources: Iterable[Path], tell: Progress) -> Counter[str]:
    """Take files, folders, ZIPs and DICOMDIRs; returns how many were received, and refused and why.

    Raises
    ------
    NoImages
        Nothing was DICOM.
    """
    counts: Counter[str] = Counter()
    files = [path for source in sources for path in files_of_source(source)]
    for number, path in enumerate(files, 1):
        if zipfile.is_zipfile(path) and not is_dicom(path):
            counts.update(take_zip(spool, path))
        else:
            counts[_taken(spool, path)] += 1
        tell("Receiving", number, len(files))
    if not counts["received"]:
        raise NoImages("There is no DICOM file here.", "Give a folder, a ZIP or a DICOMDIR with DICOM files.")
    return counts


def files_of_source(source: Path) -> Iterator[Path]:
    """Yield the files of a folder, those that a DICOMDIR lists, or the file itself."""
    if source.name.upper() == "DICOMDIR" and source.is_file():
        yield from listed_files(source)
    elif source.is_dir():
        for folder, folders, names in os.walk(source):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if name.upper() != "DICOMDIR")
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
        path = base.joinpath(*([name] if isinstance(name, str) else name)).resolve()
        if base not in path.parents:
            raise DamagedFile("The DICOMDIR lists a file outside its folder.", "Give its folder instead.")
        yield path


def take_zip(spool: Spool, path: Path) -> Counter[str]:
    """Take the members of a ZIP, each as a stream; a damaged one ends the ZIP, what came before stays.

    Raises
    ------
    Overloaded
        It has too many members.
    """
    counts: Counter[str] = Counter()
    try:
        with zipfile.ZipFile(path) as packed:
            members = [each for each in packed.infolist() if not each.is_dir()]
            if len(members) > MOST_MEMBERS:
                raise Overloaded("A ZIP has too many files.", f"Divide it: at most {MOST_MEMBERS}.")
            for each in members:
                with packed.open(each) as stream:
                    counts[_reason(lambda stream=stream: spool.take(stream))] += 1  # type: ignore[misc]
    except _UNZIPPABLE:
        counts["damaged ZIP, or one with a password"] += 1
    return counts


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
    return "received"


class WatchedFolder:
    """A folder whose files are taken once they no longer change, and then deleted there.

    Parameters
    ----------
    folder
        The folder; its subfolders too.
    settled_s
        How long a file must be unchanged.
    """

    def __init__(self, folder: Path, settled_s: float = SETTLED_S) -> None:
        self._folder, self._settled = folder, settled_s
        self._refused: set[tuple[Path, int]] = set()

    def step(self, spool: Spool) -> int:
        """Take what has settled; returns how many files. What is refused stays there, and is not tried again."""
        done = 0
        for path in files_of_source(self._folder) if self._folder.is_dir() else ():
            try:
                status = path.stat()
                if time.time() - status.st_mtime < self._settled or (path, status.st_mtime_ns) in self._refused:
                    continue
                counts = take_paths(spool, [path], lambda *_: None)
                if set(counts) == {"received"}:
                    path.unlink()
                    done += counts["received"]
                    continue
            except NoImages:
                pass
            except (EciError, OSError) as error:
                log.error("watched folder", extra={"kind": type(error).__name__})
                return done
            self._refused.add((path, status.st_mtime_ns))
            log.warning("a file of a watched folder was refused")
        return done
