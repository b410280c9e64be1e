"""Which elements of an object still identify its patient: for a place that takes in de-identified objects only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from eci_annotate.deid.date_shift import capped_age, is_temporal
from eci_annotate.deid.deidentify import tag_name
from eci_annotate.deid.descriptors import Cleaner, cleaner
from eci_annotate.deid.elements import Element, is_dummy, is_empty, text_of
from eci_annotate.deid.object_types import object_of
from eci_annotate.deid.policy import Dates, Policy
from eci_annotate.deid.private_elements import kept_private
from eci_annotate.deid.pseudonymiser import is_dicom_uid, is_pseudonymous_uid
from eci_annotate.deid.quarantine import is_known_syntax, said
from eci_annotate.deid.quiet import quiet
from eci_annotate.deid.rules import PATIENT_ID, Action, Rules
from eci_annotate.deid.stamps import TEMPORAL

PSEUDONYM = r"[A-Z2-7]{16}"
_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UT"})
_META = {0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013}


def still_identifies(dataset: Dataset, policy: Policy, *, subjects: str = PSEUDONYM) -> list[str]:
    """Return the names of elements that identify the patient, or may do; empty if none does. No values.

    Parameters
    ----------
    dataset
        An object that claims to be de-identified.
    policy
        What may remain in it.
    subjects
        Regular expression of allowed patient IDs; by default those of `Pseudonymiser.patient_id`.
    """
    with quiet():
        inspection = _Inspection(
            Rules(policy, object_of(said(dataset, "SOPClassUID"))),
            cleaner(policy.words),
            re.compile(subjects),
            said(dataset, "LongitudinalTemporalInformationModified") == TEMPORAL[Dates.SHIFT],
        )
        found = [*_unstamped(dataset, inspection.subjects), *_outside(dataset), *inspection.of(dataset)]
        return sorted(set(found))


def residue_of_file(
    path: Path | Callable[[], bytes | BinaryIO], policy: Policy
) -> tuple[str, str, str, tuple[str, ...]]:
    """Return patient ID, series and instance UID of a file, and the names of what still identifies; see above.

    A file that cannot be read has empty UIDs, and ``a file that cannot be read`` as its only name.
    """
    try:
        with quiet():
            dataset = dcmread(path if isinstance(path, Path) else _stream(path()))
            uids = (said(dataset, name) for name in ("PatientID", "SeriesInstanceUID", "SOPInstanceUID"))
            return (*uids, tuple(still_identifies(dataset, policy)))  # type: ignore[return-value]
    except Exception:  # whatever is wrong with it: its text may hold values
        return "", "", "", ("a file that cannot be read",)


def _stream(content: bytes | BinaryIO) -> BinaryIO:
    return BytesIO(content) if isinstance(content, bytes) else content


def _unstamped(dataset: Dataset, subjects: re.Pattern[str]) -> Iterator[str]:
    if said(dataset, "PatientIdentityRemoved").upper() != "YES":
        yield "PatientIdentityRemoved"
    if said(dataset, "BurnedInAnnotation").upper() not in ("", "NO"):
        yield "BurnedInAnnotation"
    if not subjects.fullmatch(said(dataset, "PatientID")):
        yield "PatientID"
    if said(dataset, "PatientName") not in ("", said(dataset, "PatientID")):
        yield "PatientName"


def _outside(dataset: Dataset) -> Iterator[str]:
    if (getattr(dataset, "preamble", None) or b"").strip(b"\0"):
        yield "preamble"
    meta = getattr(dataset, "file_meta", None) or Dataset()
    yield from (tag_name(int(tag)) for tag in meta.keys() if int(tag) not in _META)  # noqa: SIM118
    if not is_known_syntax(dataset):
        yield "TransferSyntaxUID"
    if said(meta, "MediaStorageSOPInstanceUID") not in ("", said(dataset, "SOPInstanceUID")):
        yield "MediaStorageSOPInstanceUID"


@dataclass(frozen=True)
class _Inspection:
    rules: Rules
    clean: Cleaner
    subjects: re.Pattern[str]
    shifted: bool

    def of(self, dataset: Dataset, parent: int = 0) -> Iterator[str]:
        """Yield the names of identifying elements of a dataset, or of an item of the sequence `parent`."""
        for tag, element in list(dataset.items()):
            action = self.rules.action(int(tag), element.VR, parent)
            if action is Action.ITEMS:
                for item in dataset[tag].value or []:
                    yield from self.of(item, int(tag))
            elif not _is_blank(element) and self._identifies(action, element, dataset, parent):
                yield tag_name(int(tag))

    def _identifies(self, action: Action, element: Element, dataset: Dataset, parent: int) -> bool:
        match action:
            case Action.KEEP | Action.ECHO | Action.ITEMS:
                return False
            case Action.REMOVE:
                return True
            case Action.EMPTY | Action.DUMMY:
                return not is_dummy(dataset[element.tag])
            case Action.UID:
                return any(not _is_safe_uid(uid) for uid in text_of(element).split("\\"))
            case Action.DATE | Action.DATETIME:
                return not self.shifted and not is_dummy(dataset[element.tag])
            case Action.TIME:
                return not all(is_temporal(part.strip(" \0")) for part in text_of(element).split("\\") if part.strip())
            case Action.TEXT:
                return self._has_other_words(element)
            case Action.AGE:
                return capped_age(text_of(element)) != text_of(element).strip()
            case Action.PERSON:
                return parent != 0 and int(element.tag) == PATIENT_ID and not self._is_subject(element)
            case Action.PRIVATE:
                return int(element.tag) not in kept_private(dataset, self.rules.policy.private)

    def _has_other_words(self, element: Element) -> bool:
        parts = text_of(element).split("\\")
        return any(self.clean(part) != part.strip() and part.strip() != "REMOVED" for part in parts)

    def _is_subject(self, element: Element) -> bool:
        return bool(self.subjects.fullmatch(text_of(element).strip()))


def _is_blank(element: Element) -> bool:
    """Whether an element has no value, or a text of nothing but blanks and separators."""
    if is_empty(element):
        return True
    return element.VR in _TEXTS and not text_of(element).strip(" \0^=\\")


def _is_safe_uid(uid: str) -> bool:
    uid = uid.strip(" \0")
    return not uid or is_pseudonymous_uid(uid) or is_dicom_uid(uid)
