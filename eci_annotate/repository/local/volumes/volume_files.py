"""Decoded volumes on the disk: a memory-mapped array beside its header, both authenticated."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from eci_annotate.decoder.file_reader import VolumeContent
from eci_annotate.dicom.images.headers import VALUES_FORMAT
from eci_annotate.errors import Tampered
from eci_annotate.imaging.volume_record import volume_from_kept
from eci_annotate.store.atomic_files import write_atomic, write_blocks
from eci_annotate.store.disk_reserve import require_space
from eci_annotate.workflow.codec import canonical, parse

_MOST_COMPARED = 20_000


class VolumeFiles:
    """Decoded volumes in a folder.

    Parameters
    ----------
    folder
        The folder; may be deleted at any time.
    key
        Authenticates what is kept there.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder, self._key = folder, key
        self._compared: dict[Path, tuple[str, int, int]] = {}

    def volume(self, subject: str, series_uid: str, mark: str) -> xr.DataArray | None:
        """Return the volume that was kept for this mark of its files; None if there is none."""
        kept = self.kept(subject, series_uid, mark)
        return None if kept is None else volume_from_kept(np.load(kept[1], mmap_mode="r"), kept[0])

    def kept(self, subject: str, series_uid: str, mark: str) -> tuple[dict[str, Any], Path] | None:
        """Return header and values that were kept for this mark; None unless both are as they were written."""
        place = self._place(subject, series_uid)
        try:
            header = parse(place.with_suffix(".json").read_bytes(), "A cached volume's header")
            mac = header.pop("mac")
            if header["mark"] != mark or not hmac.compare_digest(mac, self._mac(place, header)):
                return None
            array = _values_file(place, header["values"])
            return (header, array) if self._is_whole(array, header["values"]) else None
        except (OSError, KeyError, ValueError, TypeError, AttributeError, Tampered):
            return None

    def keep(self, subject: str, mark: str, content: VolumeContent) -> None:
        """Keep a volume of a subject, unless it is kept already.

        Raises
        ------
        StoreUnavailable
            The disk is almost full.
        """
        uid = content.header["series_uid"]
        if self.kept(subject, uid, mark) is not None:
            return
        place, values = self._place(subject, uid), hashlib.sha256()
        place.parent.mkdir(parents=True, exist_ok=True)
        require_space(place.parent, prod(content.shape) * np.dtype(content.dtype).itemsize)

        def blocks() -> Iterator[bytes | memoryview]:
            yield _array_header(content)
            for block in content.blocks:
                values.update(block)
                yield block

        write_blocks(place.with_suffix(".npy"), blocks(), lambda: _values_file(place, values.hexdigest()))
        self._note(_values_file(place, values.hexdigest()), values.hexdigest())
        header = {**content.header, "mark": mark, "values": values.hexdigest(), "dtype": str(np.dtype(content.dtype))}
        header = parse(canonical(header), "A volume's header")
        write_atomic(place.with_suffix(".json"), canonical({**header, "mac": self._mac(place, header)}))

    def forget(self, subject: str, series_uid: str) -> None:
        """Remove what is kept of a series or stack."""
        for path in self._folder.glob(f"{self._place(subject, series_uid).name}*"):
            path.unlink()

    def _place(self, subject: str, series_uid: str) -> Path:
        return self._folder / hashlib.sha256(f"{subject}/{series_uid}".encode()).hexdigest()[:32]

    def _mac(self, place: Path, header: dict[str, Any]) -> str:
        return hmac.digest(self._key, VALUES_FORMAT + place.name.encode() + canonical(header), "sha256").hex()

    def _is_whole(self, array: Path, values: str) -> bool:
        """Whether a file of values has this digest; computed once for each process, and again if the file changed."""
        if self._compared.get(array) == _state(array, values):
            return True
        if hashlib.sha256(np.load(array, mmap_mode="r").data).hexdigest() != values:
            return False
        self._note(array, values)
        return True

    def _note(self, array: Path, values: str) -> None:
        if len(self._compared) >= _MOST_COMPARED:
            self._compared.clear()
        self._compared[array] = _state(array, values)


def _state(array: Path, values: str) -> tuple[str, int, int]:
    status = array.stat()
    return values, status.st_size, status.st_mtime_ns


def _values_file(place: Path, values: str) -> Path:
    return place.with_name(f"{place.name}-{values[:16]}.npy")


def _array_header(content: VolumeContent) -> bytes:
    stream = io.BytesIO()
    described = {"descr": content.dtype, "fortran_order": False, "shape": content.shape}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()
