"""`root/<subject>/<StudyUID>/<SeriesUID>/<SOPUID>.dcm`, written atomically; headers in a self-repairing index.

The files are authoritative: an index entry is valid only while its file's size and time are unchanged.
"""

from __future__ import annotations

import hmac
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from eci_annotate.archive.file_cipher import FileCipher, NoCipher, is_encrypted, read_file, write_file
from eci_annotate.archive.instance_index import InstanceIndex
from eci_annotate.archive.protocol import Instance, Study
from eci_annotate.archive.series_list import studies_of
from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.dicom.images.headers import HEADERS_FORMAT, Found
from eci_annotate.errors import Conflict, NotDicom, NotFound, Refused, Tampered
from eci_annotate.store.atomic_files import write_atomic, writing
from eci_annotate.store.disk_reserve import require_space
from eci_annotate.workflow.codec import canonical, parse, to_json

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_MOST_LOADED = 64
SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class FolderArchive:
    """Archive in a folder of DICOM files.

    Parameters
    ----------
    root
        The folder; created if absent.
    index
        Folder for the header index, which may be deleted at any time.
    key
        Authenticates the header index; an index that was changed is made again.
    reader
        Reads headers.
    cipher
        Encrypts files; by default they are kept as they are.
    """

    def __init__(
        self,
        root: Path,
        index: Path,
        key: bytes = b"",
        reader: FileReader | None = None,
        cipher: FileCipher | None = None,
    ) -> None:
        self._key, self._reader, self._cipher = key, reader or DirectReader(), cipher or NoCipher()
        self._root = root
        self._index = index
        self._instances = InstanceIndex(index / "instances")
        self._loaded: OrderedDict[Path, tuple[list[int], dict[str, Any]]] = OrderedDict()
        self._rows_of: OrderedDict[str, tuple[dict[str, list[int]], list[tuple[Found, str]]]] = OrderedDict()

    def studies(self, subject: str) -> list[Study]:
        """The subject's studies, oldest first."""
        return studies_of([each for each, _ in self._rows(subject)])

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """The instances of a series, by instance number."""
        chosen = [row for row in self._rows(subject) if row[0].series_uid == series_uid]
        if not chosen:
            raise NotFound("The subject has no such series.", "See studies() for the series there are.")
        chosen.sort(key=lambda row: (row[0].instance_number or 0, row[0].sop_uid))
        return [Instance(subject, e.study_uid, e.series_uid, e.sop_uid, stamp) for e, stamp in chosen]

    def instance(self, subject: str, series_uid: str, sop_uid: str) -> Instance:
        """One instance."""
        for path in self._folder(subject).glob(f"*/{_uid(series_uid)}/{_uid(sop_uid)}.dcm"):
            return _instance(subject, path)
        raise _missing()

    def find(self, sop_uids: Iterable[str]) -> list[Instance]:
        """The instances with these SOP Instance UIDs, of any subject."""
        subjects = (path.name for path in self._root.iterdir() if path.is_dir()) if self._root.exists() else ()
        self._instances.complete((name for name in subjects if SUBJECT.fullmatch(name)), self._listed)
        places = self._instances.places(sop_uids)
        paths = (
            (subject, self._folder(subject) / study / series / f"{sop}.dcm")
            for sop, known in places.items()
            for subject, study, series in known
        )
        return [_instance(subject, path) for subject, path in paths if path.exists()]

    def _listed(self, subject: str) -> Iterator[tuple[str, str, str]]:
        for path in self._folder(subject).glob("*/*/*.dcm"):
            yield _uids(path)

    def read(self, instance: Instance) -> bytes:
        """The file of an instance."""
        names = (instance.study_uid, instance.series_uid, instance.sop_uid)
        study, series, sop = (_uid(uid) for uid in names)
        try:
            path = self._folder(instance.subject) / study / series / f"{sop}.dcm"
            return read_file(self._cipher, instance.subject, path)
        except FileNotFoundError:
            raise _missing() from None

    def store(self, subject: str, contents: Iterable[bytes | Path | Found], *, replace: bool = False) -> list[Instance]:
        """Keep DICOM files under the subject; see `Archive.store`."""
        self._folder(subject)
        with writing():
            self._root.mkdir(parents=True, exist_ok=True)
        incoming = [(scanned(self._reader, each), each) for each in contents]
        with writing():
            return self._stored(subject, incoming, replace)

    def _stored(
        self, subject: str, incoming: Sequence[tuple[Found, bytes | Path | Found]], replace: bool
    ) -> list[Instance]:
        require_space(self._root, sum(_size(each) for _, each in incoming))
        self._instances.add(subject, [(found.study_uid, found.series_uid, found.sop_uid) for found, _ in incoming])
        rows = dict(self._keep(subject, found, _content(each), replace) for found, each in incoming)
        index = self._load(subject)
        self._write(subject, {**index, **rows})
        return [_instance(subject, self._folder(subject) / name) for name in rows]

    def discard(self, instance: Instance) -> None:
        """Remove one instance, and the folders of its series and study if nothing else is in them."""
        names = (instance.study_uid, instance.series_uid, instance.sop_uid)
        study, series, sop = (_uid(uid) for uid in names)
        path = self._folder(instance.subject) / study / series / f"{sop}.dcm"
        path.unlink(missing_ok=True)
        with suppress(OSError):  # they hold other instances
            path.parent.rmdir()
            path.parent.parent.rmdir()
        self._instances.clear()

    def remove(self, subject: str) -> None:
        """Remove all files of a subject, and what the indexes say of it."""
        shutil.rmtree(self._folder(subject), ignore_errors=True)
        self._instances.clear()
        (self._index / f"{subject}.json").unlink(missing_ok=True)
        self._loaded.pop(self._index / f"{subject}.json", None)
        self._rows_of.pop(subject, None)
        self._cipher.forget(subject)

    def _keep(self, subject: str, found: Found, content: bytes, replace: bool) -> tuple[str, dict[str, Any]]:
        """Write one file where it belongs; its name, and its row of the header index."""
        study, series, sop = (_uid(uid) for uid in (found.study_uid, found.series_uid, found.sop_uid))
        name = f"{study}/{series}/{sop}.dcm"
        target = self._folder(subject) / name
        kept = read_file(self._cipher, subject, target) if target.exists() else None
        if kept is not None and kept != content and not replace:
            raise Conflict(
                "Another file with this SOP Instance UID exists already.", "Import only one of the two files."
            )
        if kept != content:
            write_file(self._cipher, subject, target, content)
        return name, {"mark": _mark(target), "found": {**to_json(found), "path": name}}

    def _folder(self, subject: str) -> Path:
        if not SUBJECT.fullmatch(subject):
            raise Refused("A pseudonym has a character that is not allowed.", "Use letters, digits, '_' and '-'.")
        return self._root / subject

    def _rows(self, subject: str) -> list[tuple[Found, str]]:
        folder = self._folder(subject)
        marks = dict(_files(folder))
        kept = self._rows_of.get(subject)
        if kept is None or kept[0] != marks:
            known = self._known(subject, folder, marks)
            kept = marks, [(_found(row["found"], folder), _stamp(row["mark"])) for row in known.values()]
            self._rows_of[subject] = kept
            while len(self._rows_of) > _MOST_LOADED:
                self._rows_of.popitem(last=False)
        return list(kept[1])

    def _known(self, subject: str, folder: Path, marks: dict[str, list[int]]) -> dict[str, Any]:
        """Return the rows of the header index for these files; headers of changed and new files are read."""
        loaded = self._load(subject)
        known = {name: row for name, row in loaded.items() if row.get("mark") == marks.get(name)}
        fresh = {name: folder / name for name in marks if name not in known}
        for name, path in fresh.items():
            found = self._reader.header(self._source(subject, path))
            known[name] = {"mark": marks[name], "found": {**to_json(found), "path": name}}
        if fresh:
            self._instances.add(subject, map(_uids, fresh.values()))
        if fresh or known.keys() != loaded.keys():
            self._write(subject, known)
        return known

    def _source(self, subject: str, path: Path) -> Path | Callable[[], bytes]:
        """Return what reads a file: its path, unless it is encrypted."""
        return partial(read_file, self._cipher, subject, path) if is_encrypted(path) else path

    def _write(self, subject: str, rows: dict[str, Any]) -> None:
        rows = parse(canonical(rows), "The header index")
        content = {"mac": self._mac(subject, rows), "rows": rows}
        write_atomic(self._index / f"{subject}.json", canonical(content))

    def _mac(self, subject: str, rows: Any) -> str:
        return hmac.digest(self._key, HEADERS_FORMAT + f" {subject}\n".encode() + canonical(rows), "sha256").hex()

    def _load(self, subject: str) -> dict[str, Any]:
        """Return the subject's index; recently used ones are cached parsed, as long as their file is unchanged."""
        path = self._index / f"{subject}.json"
        try:
            mark = _mark(path)
            kept = self._loaded.get(path)
            if kept is not None and kept[0] == mark:
                return kept[1]
            stored = parse(path.read_bytes(), "The header index")
            rows = stored["rows"]
            if not hmac.compare_digest(stored["mac"], self._mac(subject, rows)):
                return {}
        except (FileNotFoundError, Tampered, KeyError, TypeError):
            return {}
        names = {field.name for field in fields(Found)}
        whole = {name: row for name, row in rows.items() if set(row["found"]) == names}
        self._loaded[path] = mark, whole
        while len(self._loaded) > _MOST_LOADED:
            self._loaded.popitem(last=False)
        return whole


def scanned(reader: FileReader, content: bytes | Path | Found) -> Found:
    """Return the header of a file, of its bytes, or as it was scanned."""
    if isinstance(content, Found):
        return content
    return reader.header(content if isinstance(content, Path) else lambda: content)


def _content(content: bytes | Path | Found) -> bytes:
    match content:
        case Found():
            return content.path.read_bytes()
        case Path():
            return content.read_bytes()
    return content


def _size(content: bytes | Path | Found) -> int:
    path = content.path if isinstance(content, Found) else content
    return path.stat().st_size if isinstance(path, Path) else len(path)


def _uids(path: Path) -> tuple[str, str, str]:
    """Study, series and SOP instance UID of a file, by its place."""
    return path.parts[-3], path.parts[-2], path.stem


def _instance(subject: str, path: Path) -> Instance:
    return Instance(subject, *_uids(path), _stamp(_mark(path)))


def _missing() -> NotFound:
    return NotFound("Instance not found.", "Restore it from a backup.")


def _stamp(mark: Sequence[int]) -> str:
    return ".".join(map(str, mark))


def _uid(uid: str) -> str:
    if not _UID.fullmatch(uid):
        raise NotDicom("A UID of the file is no UID.", "Ask the sender for a correct file.")
    return uid


def _mark(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _files(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """Yield the name, below a subject's folder, and the mark of each of its files, in order."""
    for study in _entries(folder):
        for series in _entries(study):
            for file in _entries(series):
                if file.name.endswith(".dcm"):
                    status = file.stat()
                    yield f"{study.name}/{series.name}/{file.name}", [status.st_size, status.st_mtime_ns]


def _entries(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """Return the content of a folder by name; empty if it is none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _found(row: dict[str, Any], folder: Path) -> Found:
    return Found(**{**row, "path": folder / row["path"]})
