"""De-identify a folder: each file alone, by names that follow from pseudonyms; running again gives the same bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.deidentify import action_names, deidentify, identity_of
from eci_annotate.deid.first_bytes import HEAD, begins_as_dicom
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.quarantine import Cause, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.errors import NoImages

Progress = Callable[[str, int, int], None]
Content = memoryview
PART = ".part"  # of a file that waits for its name
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


@dataclass(frozen=True, repr=False)
class TreatedFile:
    """What became of one source file: nothing, causes, or a file that waits for its name.

    Attributes
    ----------
    is_ignored
        It is not DICOM.
    causes
        Why it is set aside.
    name
        Its path below the target, of pseudonymous UIDs.
    part
        The file that is to get that name; None if nothing is written.
    digest
        SHA-256 of the content, if nothing is written.
    patient
        New patient ID, and the old one with its issuer.
    uids, actions
        New UIDs by old ones; how many elements were treated in which way.
    """

    is_ignored: bool = False
    causes: tuple[Cause, ...] = ()
    name: str = ""
    part: Path | None = None
    digest: bytes = b""
    patient: tuple[str, tuple[str, str]] = ("", ("", ""))
    uids: dict[str, str] = field(default_factory=dict)
    actions: dict[tuple[str, str], int] = field(default_factory=dict)


RefusedFiles = list[tuple[Path, tuple[Cause, ...]]]
TreatedFiles = Generator[TreatedFile, None, None]
Treat = Callable[[Sequence[Path], Policy, Path | None], TreatedFiles]


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
    treat
        Treats files elsewhere, in their order (`parallel.file_processes.FileProcesses`); by default this process does.

    Attributes
    ----------
    refused
        The source files that were set aside, and why; their names may identify patients.
    """

    policy: Policy
    pseudonymiser: Pseudonymiser
    target: Path | None
    mappings: Mappings | None = None
    treat: Treat | None = None
    report: RunReport = field(default_factory=RunReport)
    refused: RefusedFiles = field(default_factory=list)
    _met: dict[str, bytes] = field(default_factory=dict)

    def over(self, source: Path, progress: Progress) -> RunReport:
        """De-identify each DICOM file of a folder, or one file; raises NoImages if there is none."""
        paths = [*files_below(source)]
        treat = self.treat or partial(treat_files, self.pseudonymiser)
        treated = treat(paths, self.policy, self.target)
        with self._without_parts(), closing(treated):
            for number, (path, each) in enumerate(zip(paths, treated, strict=True), 1):
                self._take(path, each)
                progress("De-identifying", number, len(paths))
        if self.report.ignored == len(paths):
            raise NoImages("There is no DICOM file here.", "Give a folder with DICOM files.")
        return self.report

    @contextmanager
    def _without_parts(self) -> Iterator[None]:
        """If the run is ended, remove what has no name yet."""
        try:
            yield
        except BaseException:
            for part in self.target.glob(f"*/*/*{PART}") if self.target else ():
                part.unlink(missing_ok=True)
            raise

    def _take(self, path: Path, each: TreatedFile) -> None:
        """Give a file its name, and count it."""
        causes = each.causes
        if each.is_ignored:
            self.report.ignored += 1
            return
        if not causes and self._is_other(each):
            causes = (Cause.DUPLICATE,)
            if each.part is not None:
                each.part.unlink()
        if causes:
            self.refused.append((path, causes))
            self.report.set_aside += 1
            self.report.causes.update(causes)
            return
        if each.part is not None and self.target is not None:
            each.part.replace(self.target / each.name)
        self.report.written += 1
        self.report.actions.update(each.actions)
        if self.mappings is not None:
            self.mappings.patients[each.patient[0]] = each.patient[1]
            self.mappings.uids |= {old: new for old, new in each.uids.items() if old != new}

    def _is_other(self, each: TreatedFile) -> bool:
        """Whether this run has met the name with other content; without a target, digests stand for files."""
        if each.name not in self._met or each.part is None or self.target is None:
            return self._met.setdefault(each.name, each.digest) != each.digest
        return (self.target / each.name).read_bytes() != each.part.read_bytes()


def treat_files(
    pseudonymiser: Pseudonymiser, paths: Sequence[Path], policy: Policy, target: Path | None
) -> TreatedFiles:
    """De-identify files in this process, one after the other."""
    for number, path in enumerate(paths):
        yield treat_file(path, policy, pseudonymiser, target, number)


def treat_file(
    path: Path, policy: Policy, pseudonymiser: Pseudonymiser, target: Path | None, number: int
) -> TreatedFile:
    """De-identify one file; the result waits next to its place, under a name with the file's `number` in the run."""
    if not is_dicom(path):
        return TreatedFile(is_ignored=True) if is_readable(path) else TreatedFile(causes=(Cause.UNREADABLE,))
    uids: dict[str, str] = {}
    try:
        with quiet():
            dataset = dcmread(path, force=True)
            result = deidentify(dataset, policy, pseudonymiser, seen_uid=uids.__setitem__)
            content = memoryview(b"") if result.dataset is None else encoded(result.dataset)
    except Exception:  # whatever is wrong with one file costs that file only, and its text may hold values
        return TreatedFile(causes=(Cause.UNREADABLE,))
    if result.dataset is None:
        return TreatedFile(causes=result.causes)
    name = _name(dataset, uids, pseudonymiser)
    return TreatedFile(
        name=name,
        part=_written(target / f"{name}.{number}{PART}", content) if target else None,
        digest=b"" if target else sha256(content).digest(),
        patient=(said(result.dataset, "PatientID"), identity_of(dataset)),
        uids=uids,
        actions=action_names(result.counts),
    )


def _name(dataset: Dataset, uids: dict[str, str], pseudonymiser: Pseudonymiser) -> str:
    """A path of pseudonymous UIDs, also where the policy keeps UIDs."""
    old = [said(dataset, level) for level in _LEVELS]
    study, series, instance = (uids.get(uid) or pseudonymiser.uid(uid) or "0" for uid in old)
    return f"{study}/{series}/{instance}.dcm"


def _written(path: Path, content: Content) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


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
