"""`root/<subject>/<StudyUID>/<SeriesUID>/<SOPUID>.dcm`, written atomically; headers in a self-repairing index.

The files are authoritative: an index entry is valid only while its file's size and time are unchanged.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from eci_annotate.archive.protocol import Instance, Series, Study
from eci_annotate.dicom.images.headers import Found, scan
from eci_annotate.errors import Conflict, NotDicom, NotFound, Refused, Tampered
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, parse, to_json

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_MOST_LOADED = 64
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class FolderArchive:
    """Archive in a folder of DICOM files.

    Parameters
    ----------
    root
        The folder; created if absent.
    index
        Folder for the header index, which may be deleted at any time.
    """

    def __init__(self, root: Path, index: Path) -> None:
        self._root = root
        self._index = index
        self._loaded: OrderedDict[Path, tuple[list[int], dict[str, Any]]] = OrderedDict()

    def studies(self, subject: str) -> list[Study]:
        """Return the subject's studies, oldest first."""
        found = self._headers(subject)
        uids = sorted({each.study_uid for each in found}, key=lambda uid: _study_key(uid, found))
        return [_study([each for each in found if each.study_uid == uid]) for uid in uids]

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """Return the instances of a series, by instance number."""
        chosen = [each for each in self._headers(subject) if each.series_uid == series_uid]
        if not chosen:
            raise NotFound("There is no such series.", "See studies() for those there are.")
        chosen.sort(key=lambda each: (each.instance_number or 0, each.sop_uid))
        return [Instance(e.study_uid, e.series_uid, e.sop_uid, Path(e.path)) for e in chosen]

    def content(self, subject: str, series_uid: str, sop_uid: str) -> bytes:
        """Return the file of one instance."""
        pattern = f"*/{_uid(series_uid)}/{_uid(sop_uid)}.dcm"
        for path in self._folder(subject).glob(pattern):
            return path.read_bytes()
        raise NotFound("There is no such instance.", "Restore it from a backup.")

    def store(self, subject: str, contents: Iterable[bytes | Path], *, replace: bool = False) -> list[Instance]:
        """Store DICOM files for the subject; see `Archive.store`."""
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=self._root) as place:
            paths = [_put(Path(place), number, each) for number, each in enumerate(contents)]
            return [self._keep(subject, found, path, replace) for found, path in zip(scan(paths), paths, strict=True)]

    def remove(self, subject: str) -> None:
        """Remove all files of a subject, and its header index."""
        shutil.rmtree(self._folder(subject), ignore_errors=True)
        (self._index / f"{subject}.json").unlink(missing_ok=True)
        self._loaded.pop(self._index / f"{subject}.json", None)

    def _keep(self, subject: str, found: Found, path: Path, replace: bool) -> Instance:
        study, series, sop = (_uid(uid) for uid in (found.study_uid, found.series_uid, found.sop_uid))
        target = self._folder(subject) / study / series / f"{sop}.dcm"
        content = path.read_bytes()
        if target.exists() and not replace and target.read_bytes() != content:
            raise Conflict("Another file has this SOP Instance UID already.", "Import only one of the two.")
        if not (target.exists() and target.read_bytes() == content):
            write_atomic(target, content)
        return Instance(study, series, sop, target)

    def _folder(self, subject: str) -> Path:
        if not _SUBJECT.fullmatch(subject):
            raise Refused("A pseudonym has a character that is not allowed.", "Use letters, digits, '_' and '-'.")
        return self._root / subject

    def _headers(self, subject: str) -> list[Found]:
        folder = self._folder(subject)
        paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.glob("*/*/*.dcm"))}
        marks = {name: _mark(path) for name, path in paths.items()}
        loaded = self._load(subject)
        known = {name: row for name, row in loaded.items() if row.get("mark") == marks.get(name)}
        fresh = [path for name, path in paths.items() if name not in known]
        for found in scan(fresh) if fresh else ():
            name = Path(found.path).relative_to(folder).as_posix()
            known[name] = {"mark": marks[name], "found": {**to_json(found), "path": name}}
        if fresh or known.keys() != loaded.keys():
            write_atomic(self._index / f"{subject}.json", canonical(known))
        return [_found(row["found"], folder) for row in known.values()]

    def _load(self, subject: str) -> dict[str, Any]:
        """Return the subject's index; recently used ones are cached parsed, as long as their file is unchanged."""
        path = self._index / f"{subject}.json"
        try:
            mark = _mark(path)
            kept = self._loaded.get(path)
            if kept is not None and kept[0] == mark:
                return kept[1]
            rows = parse(path.read_bytes(), "The header index")
        except (FileNotFoundError, Tampered):
            return {}
        names = {field.name for field in fields(Found)}
        whole = {name: row for name, row in rows.items() if set(row["found"]) == names}
        self._loaded[path] = mark, whole
        while len(self._loaded) > _MOST_LOADED:
            self._loaded.popitem(last=False)
        return whole


def _put(place: Path, number: int, content: bytes | Path) -> Path:
    path = place / f"{number:06d}.dcm"
    if isinstance(content, Path):
        shutil.copyfile(content, path)
    else:
        path.write_bytes(content)
    return path


def _uid(uid: str) -> str:
    if not _UID.fullmatch(uid):
        raise NotDicom("A UID of the file is no UID.", "Ask the sender for a correct file.")
    return uid


def _mark(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _found(row: dict[str, Any], folder: Path) -> Found:
    return Found(**{**row, "path": folder / row["path"]})


def _study_key(uid: str, found: Sequence[Found]) -> tuple[str, str]:
    return min(each.study_date or "" for each in found if each.study_uid == uid), uid


def _study(found: Sequence[Found]) -> Study:
    first = found[0]
    series = tuple(sorted(_series(found), key=lambda each: (each.number, each.series_uid)))
    return Study(first.study_uid, first.study_date or "", first.study_description or "", series)


def _series(found: Sequence[Found]) -> Iterator[Series]:
    for uid in dict.fromkeys(each.series_uid for each in found):
        own = sorted((each for each in found if each.series_uid == uid), key=attrgetter("sop_uid"))
        first = own[0]
        number, description = int(first.series_number or 0), first.series_description or ""
        header = {**first.header, "series_uid": uid, "slices": len(own)}
        yield Series(first.study_uid, uid, first.modality, number, description, len(own), header)
