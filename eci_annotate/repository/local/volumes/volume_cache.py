"""Local images: a series is decoded once and kept as a memory-mapped array beside its grid, inside the repository.

A kept volume counts only while the list, sizes and times of its files are what they were when it was made. Files are
compared with their seals, and kept values with their digest, when a process opens them first.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.archive.protocol import Archive, Instance, Study
from eci_annotate.dicom.annotation_objects import READ_OBJECTS
from eci_annotate.dicom.images.files import Opener
from eci_annotate.dicom.images.series import decode_files, load_files
from eci_annotate.errors import Conflict, NotFound, Tampered
from eci_annotate.imaging.volume import (
    DIMS,
    colours_kji,
    grid_of,
    instance_uids_of,
    is_colour,
    series_uid_of,
    values_kji,
)
from eci_annotate.imaging.volume_record import packed_bits, volume_from_kept
from eci_annotate.repository.local.volumes.image_seals import (
    InstanceSeal,
    SealedImages,
    check_files,
    check_list,
    instance_seal,
)
from eci_annotate.repository.local.volumes.stack_index import StackIndex, instances_mark
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, parse, to_json

Permit = Callable[[str, str, str], None]
_MOST_CHECKED = 20_000
_DECODING = BoundedSemaphore(2)  # a series takes several times its memory while it is decoded


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
    """

    def __init__(self, volumes: VolumeCache, permit: Permit, is_signed: Callable[[str, str, str, bytes], bool]) -> None:
        self._volumes = volumes
        self._permit, self._is_signed = permit, is_signed

    def studies(self, project: str, subject: str) -> list[Study]:
        """The subject's studies, with derived series (structure sets, reports) among them."""
        self._permit(project, subject, "studies")
        return self._volumes.stacks.studies(subject)

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """A series as a volume; the second time without decoding."""
        self._permit(project, subject, f"series {series_uid}")
        return self._volumes.read(subject, series_uid)

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
    """

    def __init__(self, archive: Archive, folder: Path, key: bytes, sealed: Callable[[str], SealedImages]) -> None:
        self.archive, self.sealed = archive, sealed
        self.stacks = StackIndex(archive, folder.with_name("stacks"), key, sealed)
        self._folder, self._key = folder, key
        self._checked: dict[tuple[str, str], str] = {}
        self._compared: dict[Path, tuple[str, int, int]] = {}

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
        place = self._place(subject, series_uid)
        kept = self._kept(place, mark)
        if kept is not None:
            return volume_from_kept(np.load(kept[1], mmap_mode="r"), kept[0])
        with _DECODING:
            kept = self._kept(place, mark)  # another thread may have decoded it meanwhile
            if kept is not None:
                return volume_from_kept(np.load(kept[1], mmap_mode="r"), kept[0])
            volume = load_files(files_of_instances(self.archive, instances), home.stack_uid)
            self._keep(place, mark, volume)
        return volume

    def keep(self, subject: str, series_uid: str) -> tuple[dict[str, Any], Path]:
        """Return the header of a series as a volume, and the file (npy) with its values; decoded if necessary."""
        series = self.stacks.home(subject, series_uid).series_uid
        mark = self._check(subject, series, self.archive.instances(subject, series))
        place = self._place(subject, series_uid)
        if self._kept(place, mark) is None:
            self.read(subject, series_uid)
        kept = self._kept(place, mark)
        if kept is None:
            raise _changed()
        return kept

    def decode(self, subject: str, series_uid: str) -> dict[str, InstanceSeal]:
        """Return the seal of each instance, from one decoding that is kept as a volume if the series makes one."""
        instances = self.archive.instances(subject, series_uid)
        mark = instances_mark(instances)
        with _DECODING:
            decoded = decode_files(files_of_instances(self.archive, instances))
            self.stacks.keep(subject, series_uid, mark, decoded.stacks)
            for volume in decoded.volumes:
                place = self._place(subject, series_uid_of(volume))
                if self._kept(place, mark) is None:
                    self._keep(place, mark, volume)
        if set(decoded.digests) != {each.sop_uid for each in instances}:
            raise _changed()
        seals = {
            each.sop_uid: instance_seal(self.archive.read(each), decoded.digests[each.sop_uid]) for each in instances
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
            check_files(self.archive, instances, sealed[series_uid])
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
            for path in self._folder.glob(f"{self._place(subject, uid).name}*"):
                path.unlink()
        self.stacks.forget(subject)

    def _place(self, subject: str, series_uid: str) -> Path:
        return self._folder / hashlib.sha256(f"{subject}/{series_uid}".encode()).hexdigest()[:32]

    def _keep(self, place: Path, mark: str, volume: xr.DataArray) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        values = np.ascontiguousarray(colours_kji(volume) if is_colour(volume) else values_kji(volume))
        header = {
            "mark": mark,
            "values": hashlib.sha256(values.data).hexdigest(),
            "dtype": str(values.dtype),
            "grid": to_json(grid_of(volume)),
            "series_uid": series_uid_of(volume),
            "instance_uids": instance_uids_of(volume),
            "name": volume.name,
            "attrs": volume.attrs,
        }
        if "frame_number" in volume.coords:
            header["frame_numbers"] = [int(n) for n in volume.frame_number.values]
        if "overlay" in volume.coords:
            header["overlay"] = packed_bits(volume.overlay.transpose(*DIMS).values)
        header = parse(canonical(to_json(header)), "A volume's header")
        write_atomic(_values_file(place, header), _npy(values))
        write_atomic(place.with_suffix(".json"), canonical({**header, "mac": self._mac(place, header)}))

    def _mac(self, place: Path, header: dict[str, Any]) -> str:
        return hmac.digest(self._key, place.name.encode() + canonical(header), "sha256").hex()

    def _kept(self, place: Path, mark: str) -> tuple[dict[str, Any], Path] | None:
        """Return header and values that were kept for this mark; None unless both are as they were written."""
        try:
            header = parse(place.with_suffix(".json").read_bytes(), "A cached volume's header")
            mac = header.pop("mac")
            if header["mark"] != mark or not hmac.compare_digest(mac, self._mac(place, header)):
                return None
            array = _values_file(place, header)
            return (header, array) if self._is_whole(array, header["values"]) else None
        except (OSError, KeyError, ValueError, TypeError, AttributeError, Tampered):
            return None

    def _is_whole(self, array: Path, values: str) -> bool:
        """Whether a file of values has this digest; computed once for each process, and again if the file changed."""
        status = array.stat()
        known = (values, status.st_size, status.st_mtime_ns)
        if self._compared.get(array) == known:
            return True
        if hashlib.sha256(np.load(array, mmap_mode="r").data).hexdigest() != values:
            return False
        if len(self._compared) >= _MOST_CHECKED:
            self._compared.clear()
        self._compared[array] = known
        return True


def files_of_instances(archive: Archive, instances: Sequence[Instance]) -> list[Path | Opener]:
    """What reads each instance when its turn comes, so that one file at a time is in memory."""
    return [partial(archive.read, each) for each in instances]


def _changed() -> Conflict:
    return Conflict("The images changed while they were read.", "Try again.")


def _values_file(place: Path, header: dict[str, Any]) -> Path:
    return place.with_name(f"{place.name}-{header['values'][:16]}.npy")


def _npy(values: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()
