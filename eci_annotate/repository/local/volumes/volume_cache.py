"""Local images: a series is decoded once and kept as a memory-mapped array beside its grid, inside the repository.

A kept volume counts only while the list, sizes and times of its files are what they were when it was made. Files are
compared with their seals, and kept values with their digest, when a process opens them first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import xarray as xr

from eci_annotate.archive.protocol import Archive, Instance, Study
from eci_annotate.decoder.file_reader import FileReader
from eci_annotate.dicom.annotation_objects import READ_OBJECTS
from eci_annotate.dicom.images.files import Opener
from eci_annotate.errors import Conflict, NotFound, Tampered
from eci_annotate.repository.assistants.ask_assistant import ask_assistant, assistant_names
from eci_annotate.repository.assistants.protocol import Prompt, Proposed
from eci_annotate.repository.local.volumes.image_seals import (
    InstanceSeal,
    SealedImages,
    check_files,
    check_list,
)
from eci_annotate.repository.local.volumes.stack_index import StackIndex, instances_mark
from eci_annotate.repository.local.volumes.volume_files import VolumeFiles
from eci_annotate.workflow.codec import digest

Permit = Callable[[str, str, str], None]
_MOST_CHECKED = 20_000
# a series takes several times its memory while it is decoded; what is taken in does not keep readers waiting
_VIEWED, _TAKEN_IN = BoundedSemaphore(2), BoundedSemaphore(1)


class LocalImages:
    """Images of an embedded repository.

    Parameters
    ----------
    volumes
        The decoded series, and the archive behind them.
    permit
        Called with (project, subject, what) before anything is shown; notes it, or refuses by raising.
    is_signed
        Whether a file of a subject (project, subject, series, content) was made by a signature: it is read with its
        version only.
    unseen
        Series of a subject (project, subject) that signatures made whose versions the actor may not read.
    root
        Folder of the repository, where its model servers are listed.
    """

    def __init__(
        self,
        volumes: VolumeCache,
        permit: Permit,
        is_signed: Callable[[str, str, str, bytes], bool],
        unseen: Callable[[str, str], Set[str]],
        root: Path,
    ) -> None:
        self._volumes, self._unseen, self._root = volumes, unseen, root
        self._permit, self._is_signed = permit, is_signed

    def studies(self, project: str, subject: str) -> list[Study]:
        """The subject's studies, with derived series (structure sets, reports) that the actor may read among them."""
        self._permit(project, subject, "studies")
        unseen = self._unseen(project, subject)
        found = self._volumes.stacks.studies(subject)
        return [replace(each, series=tuple(s for s in each.series if s.series_uid not in unseen)) for each in found]

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """A series as a volume; the second time without decoding."""
        self._permit(project, subject, f"series {series_uid}")
        return self._volumes.read(subject, series_uid)

    def assistants(self, project: str, subject: str) -> list[str]:
        """The names of the model servers of the project."""
        self._permit(project, subject, "")
        return assistant_names(self._root, project)

    def propose(
        self, project: str, subject: str, series_uid: str, assistant: str, prompts: tuple[Prompt, ...]
    ) -> Proposed:
        """Ask a model server; that the series went there is noted before it is read."""

        def volume() -> xr.DataArray:
            self._permit(project, subject, f"series {series_uid} for {assistant}")
            return self._volumes.read(subject, series_uid)

        self._permit(project, subject, "")
        key = f"{subject}/{series_uid}/{self._volumes.stamp(subject, series_uid)}"
        return ask_assistant(self._root, project, assistant, key, prompts, volume)

    def objects(self, project: str, subject: str, series_uid: str) -> list[bytes]:
        """The files of a registration, structure set or segmentation that came with the study."""
        self._permit(project, subject, f"series {series_uid}")
        contents = self._volumes.objects(subject, series_uid)
        if any(self._is_signed(project, subject, series_uid, each) for each in contents):
            raise NotFound("Object not found, or you do not have access to it.", "Open the signed version instead.")
        return contents

    def kept(self, project: str, subject: str, series_uid: str, *, noted: bool = True) -> tuple[dict[str, Any], Path]:
        """A volume's header and the file of its values, for a transfer."""
        self._permit(project, subject, f"series {series_uid}" if noted else "")
        return self._volumes.keep(subject, series_uid)


class VolumeCache:
    """Decoded series of an archive, each compared with its seal when a process opens it first.

    Parameters
    ----------
    archive
        Where the DICOM files are.
    folder
        Folder for decoded volumes; may be deleted at any time.
    key
        Authenticates what is kept in the folder.
    sealed
        Gives the sealed images of a subject.
    reader
        Reads and decodes files.
    """

    def __init__(
        self,
        archive: Archive,
        folder: Path,
        key: bytes,
        sealed: Callable[[str], SealedImages],
        reader: FileReader,
    ) -> None:
        self.archive, self.sealed, self.reader = archive, sealed, reader
        self.stacks = StackIndex(archive, folder.with_name("stacks"), key, sealed, reader)
        self._files = VolumeFiles(folder, key)
        self._checked: dict[tuple[str, str], str] = {}

    def read(self, subject: str, series_uid: str) -> xr.DataArray:
        """Return a series, or one stack of a series, as a volume, from the cache if that matches the files.

        Raises
        ------
        Tampered
            The files are not those that were sealed.
        """
        home = self.stacks.home(subject, series_uid)
        instances = self.archive.instances(subject, home.series_uid)
        mark = self._check(subject, home.series_uid, instances)
        volume = self._files.volume(subject, series_uid, mark)
        if volume is not None:
            return volume
        with _VIEWED:
            volume = self._files.volume(subject, series_uid, mark)  # another thread may have decoded it meanwhile
            if volume is None:
                files = files_of_instances(self.archive, instances)
                self.reader.volume(files, home.stack_uid, partial(self._files.keep, subject, mark))
                volume = self._files.volume(subject, series_uid, mark)
        if volume is None:
            raise _changed()
        return volume

    def keep(self, subject: str, series_uid: str) -> tuple[dict[str, Any], Path]:
        """Return the header of a series as a volume, and the file (npy) with its values; decoded if necessary."""
        series = self.stacks.home(subject, series_uid).series_uid
        mark = self._check(subject, series, self.archive.instances(subject, series))
        if self._files.kept(subject, series_uid, mark) is None:
            self.read(subject, series_uid)
        kept = self._files.kept(subject, series_uid, mark)
        if kept is None:
            raise _changed()
        return kept

    def decode(self, subject: str, series_uid: str) -> dict[str, InstanceSeal]:
        """Return the seal of each instance, from one decoding that is kept as a volume if the series makes one."""
        instances = self.archive.instances(subject, series_uid)
        mark = instances_mark(instances)
        with _TAKEN_IN:
            files = files_of_instances(self.archive, instances)
            decoded = self.reader.decode(files, partial(self._files.keep, subject, mark))
            self.stacks.keep(subject, series_uid, mark, decoded.stacks)
        if set(decoded.pixels) != {each.sop_uid for each in instances}:
            raise _changed()
        seals = {
            uid: InstanceSeal(decoded.pixels[uid], digest(self.archive.read(each)), decoded.headers[uid])
            for uid, each in ((each.sop_uid, each) for each in instances)
        }
        if self.stamp(subject, series_uid) != mark:
            raise _changed()
        return seals

    def check(self, subject: str, series_uid: str) -> None:
        """Compare the files of a series with their seals now, whatever this process knows; raises Tampered."""
        series = self.stacks.home(subject, series_uid).series_uid
        self._checked.pop((subject, series), None)
        self._check(subject, series, self.archive.instances(subject, series))

    def check_all(self, subject: str) -> None:
        """Compare the files of all sealed series that this process did not compare yet; raises Tampered."""
        for uid in self.sealed(subject):
            self._check(subject, uid, self.archive.instances(subject, uid))

    def _check(self, subject: str, series_uid: str, instances: list[Instance]) -> str:
        """Return the mark of the instances, compared with their seals once for each process."""
        mark = instances_mark(instances)
        if self._checked.get((subject, series_uid)) != mark and (sealed := self.sealed(subject)):
            if series_uid not in sealed:
                raise Tampered("This series was not sealed with its subject.", "Import its files again.")
            check_list(instances, sealed[series_uid])
            check_files(self.archive, instances, sealed[series_uid], self.reader)
            if len(self._checked) >= _MOST_CHECKED:
                self._checked.clear()
            self._checked[subject, series_uid] = mark
        return mark

    def stamp(self, subject: str, series_uid: str) -> str:
        """Return what changes when the list, size or time of a series' files does."""
        return instances_mark(self.instances(subject, series_uid))

    def instances(self, subject: str, series_uid: str) -> list[Instance]:
        """Return the instances of a series, or of the series that a stack belongs to."""
        return self.archive.instances(subject, self.stacks.home(subject, series_uid).series_uid)

    def objects(self, subject: str, series_uid: str) -> list[bytes]:
        """Return the files of a registration, structure set or segmentation; NotFound for any other series."""
        series = (each for study in self.archive.studies(subject) for each in study.series)
        if not any(each.series_uid == series_uid and each.modality in READ_OBJECTS for each in series):
            raise NotFound(
                "Object not found, or you do not have access to it.", "Choose one that came with the images."
            )
        return [self.archive.read(each) for each in self.archive.instances(subject, series_uid)]

    def forget(self, subject: str) -> None:
        """Remove all decoded volumes of a subject."""
        uids = [s.series_uid for list_ in (self.archive, self.stacks) for t in list_.studies(subject) for s in t.series]
        for uid in dict.fromkeys(uids):
            self._files.forget(subject, uid)
        self.stacks.forget(subject)


def files_of_instances(archive: Archive, instances: Sequence[Instance]) -> list[Path | Opener]:
    """What reads each instance when its turn comes, so that one file at a time is in memory."""
    return [partial(archive.read, each) for each in instances]


def _changed() -> Conflict:
    return Conflict("The images changed while they were read.", "Try again.")
