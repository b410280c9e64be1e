"""The interface through which everything above reads DICOM files that strangers made: plain values come back.

Two readers: `DirectReader` in this process, for a person's own files, and `WorkerReader` for a process that holds keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from eci_annotate.deid.policy import Policy
from eci_annotate.dicom.images.files import Opener
from eci_annotate.dicom.images.headers import Found
from eci_annotate.dicom.images.study import StackHeader
from eci_annotate.errors import BadImages

File = Path | Opener


@dataclass(frozen=True)
class PatientClaim:
    """What a file says of its patient: the patient ID, and why it may identify a person (empty: nothing was found)."""

    patient: str = field(repr=False)
    risk: str = ""


class PixelRule(StrEnum):
    """Which digest of the pixels is wanted: none, that of this release, or that of release 0.1."""

    NONE = "none"
    CURRENT = "current"
    RELEASE_0_1 = "0.1"


@dataclass(frozen=True)
class FileDigests:
    """Digests of a file's header and, if wanted, of its decoded pixels."""

    header: str
    pixels: str = ""


@dataclass(frozen=True)
class DecodedSeries:
    """The files of one series: digests of pixels and header by SOP Instance UID; its stacks, if it can be shown."""

    pixels: dict[str, str]
    headers: dict[str, str]
    stacks: list[StackHeader]


@dataclass(frozen=True, eq=False)
class VolumeContent:
    """A volume on its way to the disk.

    Attributes
    ----------
    header
        What `volume_from_kept` needs beside the values, as plain JSON values.
    dtype, shape
        Type and shape of the values, in C order.
    blocks
        The bytes of the values; they can be taken once.
    """

    header: dict[str, Any]
    dtype: str
    shape: tuple[int, ...]
    blocks: Iterable[memoryview] = field(repr=False)


Keep = Callable[[VolumeContent], None]


class FileReader(Protocol):
    """Reads DICOM files. Whatever is wrong with a file is a `BadImages`, and concerns nothing else."""

    def header(self, file: File, *, bounded: bool = False) -> Found:
        """Return the header of a file; with `bounded`, UnsupportedImages if it becomes too large in memory."""

    def identity(self, file: File) -> PatientClaim:
        """Return what a file says of its patient."""

    def residue(self, file: File, policy: Policy) -> tuple[str, str, str, tuple[str, ...]]:
        """Return patient ID, series and instance UID, and the names of what still identifies; see `residue_of_file`."""

    def digests(self, file: File, rule: PixelRule) -> FileDigests:
        """Return the digests of a file."""

    def damage(self, file: File) -> BadImages | None:
        """Decode a file; return why it cannot be, None if it can or is no image."""

    def stacks(self, files: Sequence[File]) -> list[StackHeader]:
        """Return the stacks of one series, from headers."""

    def decode(self, files: Sequence[File], keep: Keep) -> DecodedSeries:
        """Decode each file of a series once, and hand each of its volumes to `keep`."""

    def volume(self, files: Sequence[File], stack_uid: str, keep: Keep) -> None:
        """Decode a series, or one stack of it, and hand it to `keep`."""


def has_pixels_of(reader: FileReader, file: File, sealed: str) -> bool:
    """Whether a file has the pixels with this digest, as this release or release 0.1 made it."""
    return any(reader.digests(file, rule).pixels == sealed for rule in (PixelRule.CURRENT, PixelRule.RELEASE_0_1))
