"""Files to another DICOM node by C-STORE, as they are: no transfer syntax is converted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pynetdicom import AE

from eci_annotate.dicom.images.files import read
from eci_annotate.errors import BadImages, StoreUnavailable

MOST_CONTEXTS, PATIENCE_S = 128, 60.0
TAKEN = (0x0000, 0xB000, 0xB006, 0xB007)  # the last three with a warning (PS3.4, table B.2-1)


@dataclass(frozen=True)
class DicomNode:
    """A node that takes images: its AE title and address, and the AE title under which they are sent."""

    ae_title: str
    host: str
    port: int
    own_ae_title: str = "ECI"


def send(node: DicomNode, paths: Sequence[Path]) -> int:
    """Send files; returns how many.

    Raises
    ------
    StoreUnavailable
        The node does not answer, or did not take a file; files before it may have been taken.
    """
    kinds = dict.fromkeys(_kind(path) for path in paths)
    if not kinds:
        return 0
    entity = AE(node.own_ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = PATIENCE_S
    for sop_class, syntax in [*kinds][:MOST_CONTEXTS]:
        entity.add_requested_context(sop_class, syntax)
    association = entity.associate(node.host, node.port, ae_title=node.ae_title)
    if not association.is_established:
        raise StoreUnavailable("The DICOM node does not answer, or rejects this sender.", "Check title and address.")
    try:
        return _sent(association, paths)
    finally:
        association.release()


def _sent(association: object, paths: Iterable[Path]) -> int:
    number = 0
    for path in paths:
        try:
            answer = association.send_c_store(path)  # type: ignore[attr-defined]
        except (ValueError, AttributeError, RuntimeError) as error:
            what = f"The DICOM node does not take a file ({type(error).__name__})."
            raise StoreUnavailable(what, "It may not support its kind or transfer syntax.") from None
        if not answer or answer.Status not in TAKEN:
            raise StoreUnavailable("The DICOM node did not take a file.", f"{number} files before it were taken.")
        number += 1
    return number


def _kind(path: Path) -> tuple[str, str]:
    dataset = read(path, pixels=False, tags=("SOPClassUID",))
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if not syntax or "SOPClassUID" not in dataset:
        raise BadImages("A file does not state what it is.", "Send DICOM instances only.")
    return str(dataset.SOPClassUID), syntax
