"""Reads files in this process: for a person's own files, and inside each worker."""

from __future__ import annotations

from collections.abc import Sequence

from eci_annotate.decoder.file_reader import DecodedSeries, File, FileDigests, Keep, PatientClaim, PixelRule
from eci_annotate.decoder.identity_check import identity_of
from eci_annotate.decoder.volume_content import content_of
from eci_annotate.deid.policy import Policy
from eci_annotate.deid.residue import residue_of_file
from eci_annotate.dicom.header_digest import digest_of_header
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.images.headers import SALT, Found, scan
from eci_annotate.dicom.images.pixels import digest_of_0_1, pixels_digest
from eci_annotate.dicom.images.series import damage_of, decode_files, load_files
from eci_annotate.dicom.images.study import StackHeader, stack_headers
from eci_annotate.dicom.inflation import require_bounded, require_matrix
from eci_annotate.errors import BadImages


class DirectReader:
    """See `FileReader`.

    Parameters
    ----------
    salt
        Makes the digests of patients comparable: those of one import need the same.
    """

    def __init__(self, salt: bytes = SALT) -> None:
        self._salt = salt

    def header(self, file: File, *, bounded: bool = False) -> Found:
        """See `FileReader`."""
        if bounded:
            require_bounded(file)
        (found,) = scan([file], salt=self._salt)
        if bounded:
            frames = int(str(found.header.get("NumberOfFrames", 1)).partition(".")[0])
            require_matrix(found.rows, found.columns, frames)
        return found

    def identity(self, file: File) -> PatientClaim:
        """See `FileReader`."""
        return PatientClaim(*identity_of(file))

    def residue(self, file: File, policy: Policy) -> tuple[str, str, str, tuple[str, ...]]:
        """See `FileReader`."""
        return residue_of_file(file, policy)

    def digests(self, file: File, rule: PixelRule) -> FileDigests:
        """See `FileReader`."""
        dataset = read(file)
        header = digest_of_header(dataset)  # first: it is about elements as they were read
        match rule:
            case PixelRule.NONE:
                return FileDigests(header)
            case PixelRule.CURRENT:
                return FileDigests(header, pixels_digest(dataset))
            case PixelRule.RELEASE_0_1:
                return FileDigests(header, digest_of_0_1(dataset))

    def damage(self, file: File) -> BadImages | None:
        """See `FileReader`."""
        return damage_of(file)

    def stacks(self, files: Sequence[File]) -> list[StackHeader]:
        """See `FileReader`."""
        return stack_headers(list(files))

    def decode(self, files: Sequence[File], keep: Keep) -> DecodedSeries:
        """See `FileReader`."""
        decoded = decode_files(files)
        for volume in decoded.volumes:
            keep(content_of(volume))
        return DecodedSeries(decoded.digests, decoded.headers, decoded.stacks)

    def volume(self, files: Sequence[File], stack_uid: str, keep: Keep) -> None:
        """See `FileReader`."""
        keep(content_of(load_files(files, stack_uid)))
