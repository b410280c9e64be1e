"""Find the patient's own data where no table expects them: names and numbers that recur in free texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from pydicom.dataset import Dataset

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
_SHORTEST_NAME, _SHORTEST_NUMBER = 3, 4
_ENCODINGS = ("utf-8", "latin-1", "iso8859_2", "iso8859_5", "gb18030", "shift_jis", "euc_kr", "iso8859_7")
_WORDS = re.compile(r"[^\W\d_]+")
Pattern = re.Pattern[str]


def echo_pattern(dataset: Dataset) -> Pattern | None:
    """Return a pattern of what identifies the patient in this object, bytes read as Latin-1; None if nothing does."""
    return _pattern(tuple(dict.fromkeys(_identifying(dataset))))


@lru_cache(maxsize=256)
def _pattern(identifying: tuple[str, ...]) -> Pattern | None:
    words = {variant for word in identifying for variant in _variants(word)}
    if not words:
        return None
    choices = "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))
    return re.compile(rf"(?<![^\W_])(?:{choices})(?![^\W_])", re.IGNORECASE)


def _identifying(dataset: Dataset) -> Iterator[str]:
    for keyword in _NAMES:
        text = _text(dataset, keyword)
        yield from (word for word in _WORDS.findall(text) if len(word) >= _SHORTEST_NAME or not word.isascii())
    for keyword in _NUMBERS:
        yield from (part for part in _text(dataset, keyword).split("\\") if len(part.strip()) >= _SHORTEST_NUMBER)


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(map(str, value)) if hasattr(value, "append") else str(value)


def _variants(word: str) -> Iterator[str]:
    """A word as characters, and as its bytes in the usual encodings read as Latin-1; bytes know no upper case."""
    yield word
    for encoding, cased in product(_ENCODINGS, (word, word.lower(), word.upper(), word.title())):
        try:
            yield cased.encode(encoding).decode("latin-1")
        except UnicodeEncodeError:
            continue
