"""De-identify a folder: each file alone, by names that follow from pseudonyms; running again gives the same bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.deidentify import Result, action_names, deidentify, identity_of
from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.errors import NoImages

Progress = Callable[[str, int, int], None]
Content = memoryview
_LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


@dataclass
class Mappings:
    """Patient ID and issuer by pseudonym, and new UIDs by old ones: as secret as the images themselves."""

    patients: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    uids: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass
class RunReport:
    """What a run did: numbers, names of elements and causes; no values.

    Attributes
    ----------
    written, ignored
        Files written, and files that are not DICOM.
    causes
        Files set aside, by cause; a file with two causes counts in both.
    actions
        Elements by (action, name).
    """

    written: int = 0
    ignored: int = 0
    set_aside: int = 0
    causes: Counter[Cause] = field(default_factory=Counter)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)


RefusedFiles = list[tuple[Path, tuple[Cause, ...]]]


@dataclass(repr=False)
class FolderRun:
    """One run over a folder.

    Parameters
    ----------
    policy, pseudonymiser
        What is removed, and the site's secret.
    target
        Where files go, as STUDY/SERIES/INSTANCE.dcm; None writes nothing.
    mappings
        Receives old and new patient IDs and UIDs, if given.

    Attributes
    ----------
    refused
        The source files that were set aside, and why; their names may identify patients.
    """

    policy: Policy
    pseudonymiser: Pseudonymiser
    target: Path | None
    mappings: Mappings | None = None
    report: RunReport = field(default_factory=RunReport)
    refused: RefusedFiles = field(default_factory=list)
    _met: dict[str, bytes] = field(default_factory=dict)

    def over(self, source: Path, progress: Progress) -> RunReport:
        """De-identify each DICOM file of a folder, or one file; raises NoImages if there is none."""
        paths = [*files_below(source)]
        for number, path in enumerate(paths, 1):
            self._one(path)
            progress("De-identifying", number, len(paths))
        if self.report.ignored == len(paths):
            raise NoImages("There is no DICOM file here.", "Give a folder with DICOM files.")
        return self.report

    def _one(self, path: Path) -> None:
        if not is_dicom(path):
            if is_readable(path):
                self.report.ignored += 1
            else:
                self._count(path, Result(None, causes=(Cause.UNREADABLE,)))
            return
        uids: dict[str, str] = {}
        try:
            with quiet():
                dataset = dcmread(path, force=True)
                result = deidentify(dataset, self.policy, self.pseudonymiser, seen_uid=uids.__setitem__)
                content = memoryview(b"") if result.dataset is None else encoded(result.dataset)
        except Exception:  # whatever is wrong with one file costs that file only, and its text may hold values
            self._count(path, Result(None, causes=(Cause.UNREADABLE,)))
            return
        self._count(path, self._stored(dataset, result, content, uids))

    def _stored(self, dataset: Dataset, result: Result, content: Content, uids: dict[str, str]) -> Result:
        if result.dataset is None:
            return result
        name = self._name(dataset, uids)
        if self._is_other(name, content):
            return Result(None, causes=(Cause.DUPLICATE,))
        if self.target is not None:
            _store(self.target / name, content)
        self._remember(dataset, result.dataset, uids)
        return result

    def _is_other(self, name: str, content: Content) -> bool:
        """Whether this run has met the name with other content; without a target, digests stand for files."""
        if self.target is None:
            digest = sha256(content).digest()
            return self._met.setdefault(name, digest) != digest
        if name in self._met:
            return (self.target / name).read_bytes() != content
        self._met[name] = b""
        return False

    def _name(self, dataset: Dataset, uids: dict[str, str]) -> str:
        """A path of pseudonymous UIDs, also where the policy keeps UIDs."""
        old = [said(dataset, level) for level in _LEVELS]
        study, series, instance = (uids.get(uid) or self.pseudonymiser.uid(uid) or "0" for uid in old)
        return f"{study}/{series}/{instance}.dcm"

    def _remember(self, dataset: Dataset, made: Dataset, uids: dict[str, str]) -> None:
        if self.mappings is not None:
            self.mappings.patients[said(made, "PatientID")] = identity_of(dataset)
            self.mappings.uids |= {old: new for old, new in uids.items() if old != new}

    def _count(self, path: Path, result: Result) -> None:
        if result.dataset is None:
            self.refused.append((path, result.causes))
        self.report.written += result.dataset is not None
        self.report.set_aside += result.dataset is None
        self.report.causes.update(result.causes)
        self.report.actions.update(action_names(result.counts) if result.dataset is not None else {})


def files_below(source: Path) -> Iterator[Path]:
    """Yield the regular files of a folder in order, or the one that is given.

    Linked folders, which are not followed, broken links, and folders that cannot be read are among them, so that
    `is_readable` says that nothing was read there. Raises NoImages if the source does not exist.
    """
    if not source.exists():
        raise NoImages("The source does not exist.", "Check the path.")
    if not source.is_dir():
        yield source
        return
    closed: list[Path] = []
    for folder, folders, names in os.walk(source, onerror=lambda error: closed.append(Path(error.filename))):
        folders.sort()
        paths = (Path(folder, name) for name in sorted([*folders, *names]))
        yield from (path for path in paths if path.is_file() or _is_dead_end(path))
    yield from closed


def _is_dead_end(path: Path) -> bool:
    """Whether a path is a link to a folder or to nothing."""
    return path.is_symlink() and (path.is_dir() or not path.exists())


def is_readable(path: Path) -> bool:
    """Whether the content of a file can be read."""
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError:
        return False
    return True


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM: with the prefix (PS3.10 section 7.1), or the bare elements that old archives write."""
    try:
        with path.open("rb") as stream:
            return begins_as_dicom(stream.read(HEAD))
    except OSError:
        return False


def encoded(dataset: Dataset) -> Content:
    """Return a dataset as the content of a file."""
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getbuffer()


def _store(path: Path, content: Content) -> None:
    """Write a file at once: it is complete, or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
