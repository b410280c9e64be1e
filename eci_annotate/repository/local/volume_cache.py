"""Local images: a series is decoded once and kept as a memory-mapped array beside its grid, inside the repository.

A kept volume counts only while the list, sizes and times of its files are what they were when it was made.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.archive.protocol import Archive, Instance, Study
from eci_annotate.dicom.images.files import Opener
from eci_annotate.dicom.images.series import decode_files, load_files
from eci_annotate.errors import Conflict, Tampered
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of, instance_uids_of, series_uid_of, values_kji, volume_from_array
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, parse, to_json

Permit = Callable[[str, str, str], None]
_DECODING = BoundedSemaphore(2)  # a series takes several times its memory while it is decoded


class LocalImages:
    """Images of an embedded repository.

    Parameters
    ----------
    archive
        Where the DICOM files are.
    cache
        Folder for decoded volumes; may be deleted at any time.
    permit
        Called with (project, subject, what) before anything is shown; notes it, or refuses by raising.
    """

    def __init__(self, archive: Archive, cache: Path, permit: Permit) -> None:
        self._archive = archive
        self._cache = cache
        self._permit = permit

    def studies(self, project: str, subject: str) -> list[Study]:
        """The subject's studies, with derived series (structure sets, reports) among them."""
        self._permit(project, subject, "studies")
        return self._archive.studies(subject)

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """A series as a volume; the second time without decoding."""
        self._permit(project, subject, f"series {series_uid}")
        return read_volume(self._archive, self._cache, subject, series_uid)

    def kept(self, project: str, subject: str, series_uid: str, *, noted: bool = True) -> tuple[dict[str, Any], Path]:
        """A volume's header and the file of its values, for who sends them on."""
        self._permit(project, subject, f"series {series_uid}" if noted else "")
        return keep_volume(self._archive, self._cache, subject, series_uid)


def read_volume(archive: Archive, cache: Path, subject: str, series_uid: str) -> xr.DataArray:
    """A series as a volume, from the cache when that is true to the files."""
    instances = archive.instances(subject, series_uid)
    mark = _mark(instances)
    place = _place(cache, subject, series_uid)
    kept = _kept(place, mark)
    if kept is not None:
        return volume_from_kept(np.load(kept[1], mmap_mode="r"), kept[0])
    with _DECODING:
        kept = _kept(place, mark)  # somebody may have decoded it while we waited
        if kept is not None:
            return volume_from_kept(np.load(kept[1], mmap_mode="r"), kept[0])
        volume = load_files(files_of_instances(archive, instances))
        _keep(place, mark, volume)
    return volume


def keep_volume(archive: Archive, cache: Path, subject: str, series_uid: str) -> tuple[dict[str, Any], Path]:
    """The header of a series as a volume, and the file (npy) with its values; decoded now if it is not kept yet."""
    mark, place = _mark(archive.instances(subject, series_uid)), _place(cache, subject, series_uid)
    if _kept(place, mark) is None:
        read_volume(archive, cache, subject, series_uid)
    kept = _kept(place, mark)
    if kept is None:
        raise Conflict("The images changed while they were read.", "Try again.")
    return kept


def decode_series(archive: Archive, cache: Path, subject: str, series_uid: str) -> dict[str, str]:
    """The pixel digest of each instance, from one decoding that is kept as the series' volume where it makes one."""
    instances = archive.instances(subject, series_uid)
    mark, place = _mark(instances), _place(cache, subject, series_uid)
    with _DECODING:
        digests, volume = decode_files(files_of_instances(archive, instances))
        if isinstance(volume, xr.DataArray) and _kept(place, mark) is None:
            _keep(place, mark, volume)
    if set(digests) != {each.sop_uid for each in instances}:
        raise Conflict("The images changed while they were read.", "Try again.")
    return digests


def files_of_instances(archive: Archive, instances: Sequence[Instance]) -> list[Path | Opener]:
    """What reads each instance when its turn comes, so that one file at a time is in memory."""
    return [partial(archive.read, each) for each in instances]


def series_stamp(archive: Archive, subject: str, series_uid: str) -> str:
    """What changes when the list, size or time of a series' files does."""
    return _mark(archive.instances(subject, series_uid))


def _place(cache: Path, subject: str, series_uid: str) -> Path:
    return cache / hashlib.sha256(f"{subject}/{series_uid}".encode()).hexdigest()[:32]


def forget_volumes(archive: Archive, cache: Path, subject: str) -> None:
    """Remove all decoded volumes of a subject."""
    for study in archive.studies(subject):
        for series in study.series:
            place = _place(cache, subject, series.series_uid)
            for path in cache.glob(f"{place.name}*"):
                path.unlink()


def _mark(instances: list[Instance]) -> str:
    rows = [[each.sop_uid, each.stamp] for each in instances]
    return hashlib.sha256(canonical(rows)).hexdigest()


def _keep(place: Path, mark: str, volume: xr.DataArray) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    values = np.ascontiguousarray(values_kji(volume))
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
    array = place.with_name(f"{place.name}-{header['values'][:16]}.npy")  # type: ignore[index]
    if not array.exists():
        write_atomic(array, _npy(values))
    write_atomic(place.with_suffix(".json"), canonical(to_json(header)))


def _npy(values: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _kept(place: Path, mark: str) -> tuple[dict[str, Any], Path] | None:
    try:
        header = parse(place.with_suffix(".json").read_bytes(), "A cached volume's header")
        if header["mark"] != mark:
            return None
        array = place.with_name(f"{place.name}-{header['values'][:16]}.npy")
        np.load(array, mmap_mode="r")
        return header, array
    except (OSError, KeyError, ValueError, TypeError, Tampered):
        return None


def volume_from_kept(values: np.ndarray[Any, Any], header: dict[str, Any]) -> xr.DataArray:
    """The volume of values and the header that was kept with them."""
    names = {field.name for field in fields(Grid) if field.init}
    grid = Grid(**{name: _tuples(value) for name, value in header["grid"].items() if name in names})
    return volume_from_array(
        values,
        grid,
        series_uid=header["series_uid"],
        instance_uids=header["instance_uids"],
        name=header["name"],
        attrs={name: _tuples(value) for name, value in header["attrs"].items()},
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
