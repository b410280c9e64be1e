"""What identifies the patient of an object, read from its elements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

from eci_annotate.deid.patient.recurrence import SHORTEST_NUMBER, SHORTEST_PHONE, WORDS, Recurrence, digits_of
from eci_annotate.deid.quarantine import names_nobody
from eci_annotate.deid.walk import part_of

_NAMES = (
    "PatientName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "RequestingPhysician",
)
_NUMBERS = ("PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID", "PatientTelephoneNumbers")
_ITEMS = ("OtherPatientIDsSequence", "RequestAttributesSequence", "ReferencedPatientSequence")
_PHRASES = ("PatientAddress", "InstitutionName", "InstitutionAddress")
_ITEM_TAGS = tuple(map(Tag, _ITEMS))
_VALUE_TAGS = tuple(map(Tag, ("SpecificCharacterSet", *_NAMES, *_NUMBERS, *_PHRASES, "PatientBirthDate")))
_MOST_PATIENTS = 256
_BY_VALUES: dict[
    tuple[object, ...] | None, Recurrence | None
] = {}  # of recent patients; their images follow each other


def recurrence_of(dataset: Dataset, institution: bool = True) -> Recurrence | None:
    """Return what identifies the patient in this object, its institution included if wanted; None if nothing does."""
    key = _key(dataset, institution)
    if key in _BY_VALUES:
        return _BY_VALUES[key]
    found = _identified(part_of(dataset, dataset.keys()), institution)  # leaves elements raw, whoever came before
    if key is not None:
        while len(_BY_VALUES) >= _MOST_PATIENTS:
            _BY_VALUES.pop(next(iter(_BY_VALUES)), None)
        _BY_VALUES[key] = found
    return found


def _key(dataset: Dataset, institution: bool) -> tuple[object, ...] | None:
    """Return the values that identify the patient, as they stand in the file; None where items have some, too."""
    if any(tag in dataset for tag in _ITEM_TAGS):
        return None
    elements = [dataset.get_item(tag) for tag in _VALUE_TAGS if tag in dataset]
    is_plain = all(isinstance(each.value, (bytes, str)) for each in elements)
    return (institution, *((each.tag, each.VR, each.value) for each in elements)) if is_plain else None


def _identified(dataset: Dataset, institution: bool) -> Recurrence | None:
    wanted = (*_NUMBERS, *_PHRASES, "PatientBirthDate") if institution else (*_NUMBERS, _PHRASES[0], "PatientBirthDate")
    sources = [dataset, *_items(dataset)]
    names = tuple(filter(_names_somebody, (_text(each, keyword) for each in sources for keyword in _NAMES)))
    every = {keyword: [part for each in sources for part in _parts_of(each, keyword)] for keyword in wanted}
    every["StudyID"] = [part for part in every["StudyID"] if digits_of(part)]  # others are words such as BRAIN
    numbers = tuple(part for keyword in _NUMBERS for part in every[keyword] if _is_number(part))
    phones = tuple(part for part in every["PatientTelephoneNumbers"] if len(digits_of(part)) >= SHORTEST_PHONE)
    phrases = tuple(part for keyword in _PHRASES for part in every.get(keyword, ()) if len(WORDS.findall(part)) > 1)
    births = tuple(part for part in every["PatientBirthDate"] if len(part) == 8 and part.isdigit())
    if not (names or numbers or phones or phrases or births):
        return None
    return _recurrence(names, numbers, phones, phrases, births)


def _items(dataset: Dataset) -> Iterator[Dataset]:
    """Items that state other names and numbers of the patient."""
    for keyword in _ITEMS:
        value = dataset[keyword].value if keyword in dataset else None
        yield from value if isinstance(value, Sequence) else ()


@lru_cache(maxsize=256)
def _recurrence(*identifying: tuple[str, ...]) -> Recurrence:
    return Recurrence(*identifying)


def _names_somebody(name: str) -> bool:
    """Whether a person name has a word that is no placeholder: codes such as UNKNOWN tell nothing of a patient."""
    return any(not names_nobody(word) for word in WORDS.findall(name))


def _is_number(part: str) -> bool:
    return len(part) >= SHORTEST_NUMBER and not names_nobody(part)


def _parts_of(dataset: Dataset, keyword: str) -> list[str]:
    return [part.strip() for part in _text(dataset, keyword).split("\\") if part.strip()]


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(map(str, value)) if hasattr(value, "append") else str(value)
