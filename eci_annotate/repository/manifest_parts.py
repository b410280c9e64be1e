"""Where each part of a manifest is kept, and under which file name it is exported.

A part whose kind is not known is refused by name: nothing is left out of an export or a verification silently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from eci_annotate.dicom.annotation_objects import DERIVED
from eci_annotate.errors import Refused
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.trust.seals import Manifest, PartKind, SealedPart


class Keeping(StrEnum):
    """How a part is kept."""

    ARCHIVE = "archive"  # a DICOM file in the archive of its subject
    DOCUMENT = "document"  # a JSON blob, which is exported too
    BLOB = "blob"  # a blob that is of use inside the repository only
    SEAL = "seal"  # no content: it names the seal of another version


KEPT = {
    PartKind.REPORT: Keeping.DOCUMENT,
    PartKind.ANNOTATIONS: Keeping.DOCUMENT,
    PartKind.INSTANCES: Keeping.DOCUMENT,
    PartKind.FIDELITY: Keeping.DOCUMENT,
    PartKind.CHECKS: Keeping.DOCUMENT,
    PartKind.MEASUREMENTS: Keeping.DOCUMENT,
    PartKind.ACTIVE_TIME: Keeping.DOCUMENT,
    PartKind.IMAGES: Keeping.BLOB,
    PartKind.SNAPSHOT: Keeping.BLOB,
    PartKind.JOURNAL: Keeping.BLOB,
    PartKind.PLACES: Keeping.BLOB,
    PartKind.REVIEWED: Keeping.SEAL,
    PartKind.INGEST: Keeping.SEAL,
}

DRAWN_AS: dict[str, str] = {PartKind.JOURNAL: ".json", PartKind.SNAPSHOT: ".npz"}


def keeping_of(role: str) -> Keeping:
    """How parts with that role are kept; Refused for a role that this release does not know."""
    if role in DERIVED:
        return Keeping.ARCHIVE
    for kind, keeping in KEPT.items():
        if kind == role:
            return keeping
    raise Refused(f"The version has a part of an unknown kind, {role!r}.", "Update eci_annotate.")


def is_archived(part: SealedPart) -> bool:
    """Whether the part is a DICOM file in the archive."""
    return part.role in DERIVED


def digital_signature_of(part: SealedPart) -> str:
    """The name of the check of the digital signature inside a part in the archive."""
    return f"digital signature of {part.role.upper()}"


def archived_name(image_series: str, series: str, sop: str) -> str:
    """The name of a part in the archive: the series it refers to, its own series, its instance."""
    return f"{image_series}/{series}/{sop}"


def archived_uids(part: SealedPart) -> tuple[str, str, str]:
    """The UIDs in the name of a part in the archive: the series it refers to, its own series, its instance."""
    image_series, series, sop = part.name.split("/")
    return image_series, series, sop


def exported_stem(subject: str, signed: VersionSigned) -> str:
    """How the names of a version's files begin."""
    return f"{subject}_{signed.task}_v{signed.version:04d}"


def exported_parts(stem: str, manifest: Manifest, *, journal: bool = False) -> Iterator[tuple[SealedPart, str]]:
    """The parts that an export writes, in the order of the manifest, each with its file name.

    Parameters
    ----------
    stem
        How the file names begin.
    manifest
        Of the version.
    journal
        Also the recorded gestures, and the snapshot of what was drawn.

    Raises
    ------
    Refused
        The manifest has a part of an unknown kind.
    """
    count: Counter[str] = Counter()
    for part in manifest.parts:
        match keeping_of(part.role):
            case Keeping.ARCHIVE:
                count[part.role] += 1
                yield part, f"{stem}_{part.role}_{count[part.role]}{DERIVED[part.role].suffix}"
            case Keeping.DOCUMENT:
                yield part, f"{stem}_{part.role}.json"
            case Keeping.BLOB if journal and part.role in DRAWN_AS:
                yield part, f"{stem}_{part.role}{DRAWN_AS[part.role]}"
            case Keeping.BLOB | Keeping.SEAL:
                continue


def is_named_like_a_part(name: str) -> bool:
    """Whether a file name is one that `exported_parts` gives to a part of some version."""
    archived = [rf"{role}_\d+{re.escape(kind.suffix)}" for role, kind in DERIVED.items()]
    documents = [rf"{kind}\.json" for kind, keeping in KEPT.items() if keeping == Keeping.DOCUMENT]
    drawn = [f"{role}{re.escape(suffix)}" for role, suffix in DRAWN_AS.items()]
    return re.search(rf"_v\d{{4,}}_({'|'.join(archived + documents + drawn)})$", name) is not None
