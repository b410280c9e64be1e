"""Which files of an import are one patient, and which need a person's decision first. Identity is never guessed.

Pure: it sees headers, in which patients are salted digests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from eci_annotate.dicom.annotation_objects import NO_IMAGES
from eci_annotate.dicom.images.headers import Found

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class HoldReason(StrEnum):
    """Why files are held back, as the end of a sentence that begins with "It"."""

    DAMAGED = "is damaged, or its pixels cannot be decoded"
    NO_IMAGE = "holds neither images nor annotations"
    BAD_UID = "has a malformed UID"
    NO_PATIENT = "names no patient"
    MIXED_SERIES = "belongs to a series whose images name different patients"
    MIXED_STUDY = "belongs to a series whose images are in several studies"
    MIXED_PATIENT = "has a patient ID under which other names, birth dates or sexes are known too"
    NOBODY = "has a patient ID that stands for nobody, such as UNKNOWN, and so have images of other studies"
    NO_IMAGES = "belongs to a patient without images"
    WITHDRAWN = "belongs to a subject whose consent was withdrawn"


@dataclass
class Plan:
    """Patients, each with its files, and the files that are held back."""

    patients: list[list[Found]] = field(default_factory=list)
    held: dict[Path, HoldReason] = field(default_factory=dict)

    def hold(self, files: Iterable[Found], reason: HoldReason) -> None:
        """Hold files back, unless they are already for another reason."""
        for each in files:
            self.held.setdefault(each.path, reason)


def plan(found: Sequence[Found], *, decided: bool = False) -> Plan:
    """Group files by patient.

    Parameters
    ----------
    found
        Headers of all files.
    decided
        A person released them: nobody is merged then; files without a patient, or of one that stands for nobody, are
        grouped by study, files of one patient ID by name, birth date and sex, and a series stays whole.
    """
    made = Plan()
    made.hold((each for each in found if not _has_uids(each)), HoldReason.BAD_UID)
    made.hold((each for each in found if each.modality not in NO_IMAGES and not each.rows), HoldReason.NO_IMAGE)
    usable = [each for each in found if each.path not in made.held]
    if decided:
        made.patients = _of_whole_series(usable)
        return made
    made.hold((each for each in usable if not each.patient_key), HoldReason.NO_PATIENT)
    for series in _groups(usable, lambda each: (each.study_uid, each.series_uid)):
        if len({(each.patient_key, each.issuer_key) for each in series}) > 1:
            made.hold(series, HoldReason.MIXED_SERIES)
    for series in _groups(usable, lambda each: each.series_uid):
        if 1 < len({each.study_uid for each in series}) < len(series):  # some programs make a study of each image
            made.hold(series, HoldReason.MIXED_STUDY)
    for patient in _groups((each for each in usable if each.path not in made.held), lambda each: each.patient_key):
        reason = _doubt(patient)
        if reason is None:
            made.patients.append(patient)
        else:
            made.hold(patient, reason)
    return made


def without_images(patient: Sequence[Found]) -> bool:
    """Whether a patient has derived objects only."""
    return all(each.modality in NO_IMAGES for each in patient)


def _has_uids(each: Found) -> bool:
    uids = (each.study_uid, each.series_uid, each.sop_uid)
    return all(len(uid) <= 64 and _UID.fullmatch(uid) for uid in uids)


def _doubt(patient: Sequence[Found]) -> HoldReason | None:
    facts = ({each.issuer_key for each in patient}, *({each.person[n] for each in patient} for n in range(3)))
    if any(len(values - {""}) > 1 for values in facts):
        return HoldReason.MIXED_PATIENT
    several = len({each.study_uid for each in patient}) > 1
    return HoldReason.NOBODY if several and any(each.names_nobody for each in patient) else None


def _of_whole_series(found: Sequence[Found]) -> list[list[Found]]:
    first: dict[str, Hashable] = {}
    for each in found:
        named = each.patient_key and not each.names_nobody
        identity = (each.patient_key, each.issuer_key, each.person) if named else each.study_uid
        first.setdefault(each.series_uid, identity)
    return _groups(found, lambda each: first[each.series_uid])


def _groups(found: Iterable[Found], key: Callable[[Found], Hashable]) -> list[list[Found]]:
    groups: dict[Hashable, list[Found]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return list(groups.values())
