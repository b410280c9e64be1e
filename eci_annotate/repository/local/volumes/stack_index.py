"""Which stacks each series of a subject has, from headers; kept beside the decoded volumes.

In lists a stack stands as a series of its own: under its own UID, named by what sets it apart. A series of one stack is
listed as it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from eci_annotate.archive.protocol import Archive, Instance, Series, Study
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import HEADERS_FORMAT
from eci_annotate.dicom.images.study import StackHeader, hanging_facts, is_whole
from eci_annotate.errors import BadImages, Tampered
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, parse

Sealed = Mapping[str, Mapping[str, Any]]
_MOST_KNOWN = 5_000


@dataclass(frozen=True)
class Home:
    """Where a volume is: its series, and which stack of it (empty for the only one)."""

    series_uid: str
    stack_uid: str = ""


class StackIndex:
    """The stacks of archived series.

    Parameters
    ----------
    archive
        Where the DICOM files are.
    folder
        Folder for the lists; may be deleted at any time.
    key
        Authenticates what is kept in the folder.
    sealed
        Gives the sealed images of a subject. A series that is not as it was sealed is listed as one.
    reader
        Reads headers.
    """

    def __init__(
        self, archive: Archive, folder: Path, key: bytes, sealed: Callable[[str], Sealed], reader: FileReader
    ) -> None:
        self._reader = reader
        self._archive, self._folder, self._key, self._sealed = archive, folder, key, sealed
        self._known: dict[tuple[str, str], tuple[str, list[StackHeader]]] = {}

    def studies(self, subject: str) -> list[Study]:
        """Return the subject's studies, with a series for each stack."""
        found, sealed = self._archive.studies(subject), self._sealed(subject)
        return [replace(study, series=tuple(self._listed(subject, study.series, sealed))) for study in found]

    def _listed(self, subject: str, series: Sequence[Series], sealed: Sealed) -> Iterator[Series]:
        for each in series:
            stacks = self._of(subject, each, sealed)
            if not stacks or is_whole(stacks, each.instances):
                yield each
                continue
            for stack in stacks:
                name = ", ".join(filter(None, (each.description, stack.title)))
                header = {**each.header, **hanging_facts(each.series_uid, stack)}
                yield replace(each, series_uid=stack.uid, description=name, instances=stack.images, header=header)

    def home(self, subject: str, uid: str) -> Home:
        """Return the series, and the stack, that a UID names."""
        series = [each for study in self._archive.studies(subject) for each in study.series]
        if any(each.series_uid == uid for each in series):
            return Home(uid)
        sealed = self._sealed(subject)
        for each in series:
            if any(stack.uid == uid for stack in self._of(subject, each, sealed)):
                return Home(each.series_uid, uid)
        uids = (each.series_uid for each in series)
        changed = (each for each in uids if not _is_as_sealed(self._archive.instances(subject, each), sealed))
        return Home(next(changed, uid), uid)

    def of(self, subject: str, series: Series) -> list[StackHeader]:
        """Return the stacks of a series; none if it is no images, or cannot be shown."""
        return self._of(subject, series, self._sealed(subject))

    def _of(self, subject: str, series: Series, sealed: Sealed) -> list[StackHeader]:
        if series.modality in NO_IMAGES or (series.instances == 1 and not series.header.get("NumberOfFrames")):
            return []
        instances = self._archive.instances(subject, series.series_uid)
        if not _is_as_sealed(instances, sealed):
            return []
        mark = instances_mark(instances)
        known = self._known.get((subject, series.series_uid))
        if known is None or known[0] != mark:
            kept = self._kept(subject, series.series_uid, mark)
            known = mark, self._read(subject, instances, mark) if kept is None else kept
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[subject, series.series_uid] = known
        return known[1]

    def _read(self, subject: str, instances: Sequence[Instance], mark: str) -> list[StackHeader]:
        try:
            found = self._reader.stacks([partial(self._archive.read, each) for each in instances])
        except BadImages:
            found = []  # who asks for the volume gets the reason
        self.keep(subject, instances[0].series_uid, mark, found)
        return found

    def keep(self, subject: str, series_uid: str, mark: str, found: Sequence[StackHeader]) -> None:
        """Keep the stacks of a series whose files have this mark."""
        rows: dict[str, Any] = {"mark": mark, "stacks": [[s.uid, s.title, s.images, s.header] for s in found]}
        place = self._place(subject, series_uid)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(place, canonical({**rows, "mac": self._mac(place, rows)}))

    def _kept(self, subject: str, series_uid: str, mark: str) -> list[StackHeader] | None:
        place = self._place(subject, series_uid)
        try:
            rows = parse(place.read_bytes(), "A list of stacks")
            mac = rows.pop("mac")
            if rows["mark"] != mark or not hmac.compare_digest(mac, self._mac(place, rows)):
                return None
            return [StackHeader(*row) for row in rows["stacks"]]
        except (OSError, KeyError, ValueError, TypeError, AttributeError, Tampered):
            return None

    def _mac(self, place: Path, rows: dict[str, Any]) -> str:
        return hmac.digest(self._key, HEADERS_FORMAT + place.name.encode() + canonical(rows), "sha256").hex()

    def forget(self, subject: str) -> None:
        """Remove the lists of a subject."""
        for series in (each for study in self._archive.studies(subject) for each in study.series):
            self._place(subject, series.series_uid).unlink(missing_ok=True)
            self._known.pop((subject, series.series_uid), None)

    def _place(self, subject: str, series_uid: str) -> Path:
        name = hashlib.sha256(f"{subject}/{series_uid}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.json"


def _is_as_sealed(instances: Sequence[Instance], sealed: Sealed) -> bool:
    """Tell whether a series consists of the instances that were sealed, if any were."""
    rows = sealed.get(instances[0].series_uid)
    return rows is None or {each.sop_uid for each in instances} == set(rows)


def instances_mark(instances: Sequence[Instance]) -> str:
    """Return what changes when the list of a series' files, or the size or time of one, does."""
    return hashlib.sha256(canonical([[each.sop_uid, each.stamp] for each in instances])).hexdigest()
