"""Which subjects train, validate and test: by a digest of seed and pseudonym, the same on any machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from enum import StrEnum

from eci_annotate.errors import BadRequest

Shares = tuple[float, float, float]


class DatasetPart(StrEnum):
    """The parts of a training set."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


def shares_of(text: str) -> Shares:
    """Return the shares in a text like ``0.8/0.1/0.1``: training, validation, test; BadRequest for any other."""
    try:
        training, validation, test = (float(each) for each in text.split("/"))
    except ValueError:
        training = validation = test = -1.0
    if not min(training, validation, test) >= 0 or abs(training + validation + test - 1) > 1e-6:
        raise BadRequest("The split is not three shares with the sum 1.", "Write it like 0.8/0.1/0.1.")
    return training, validation, test


def split_subjects(
    strata: Mapping[str, tuple[str, ...]], shares: Shares, seed: int, kept: Mapping[str, DatasetPart] | None = None
) -> dict[str, DatasetPart]:
    """Return the part of each subject.

    Subjects are ordered by stratum, and within it by a digest of seed and pseudonym. Each one goes to the part that is
    furthest below its share, so that the shares hold in each stratum as far as its size allows.

    Parameters
    ----------
    strata
        The classes of each subject, by pseudonym.
    shares
        Of training, validation and test.
    seed
        Another seed gives another split.
    kept
        Subjects that stay in a part; the others make up what lacks.
    """
    split = {subject: part for subject, part in (kept or {}).items() if subject in strata}
    order = sorted(strata.keys() - split.keys(), key=lambda subject: (strata[subject], _digest(subject, seed)))
    counts = {part: list(split.values()).count(part) for part in DatasetPart}
    for number, subject in enumerate(order, len(split) + 1):
        lacks = {part: share * number - counts[part] for part, share in zip(DatasetPart, shares, strict=True) if share}
        part = max(lacks, key=lambda each: round(lacks[each], 9))
        split[subject], counts[part] = part, counts[part] + 1
    return split


def _digest(subject: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{subject}".encode()).hexdigest()


def joined(studies: Mapping[str, Set[str]]) -> dict[str, str]:
    """Return one name for all pseudonyms of a person: those whose studies are the same, also by way of a third one.

    Parameters
    ----------
    studies
        The UIDs of the studies of each pseudonym.
    """
    names = {pseudonym: pseudonym for pseudonym in sorted(studies)}
    owner: dict[str, str] = {}
    for pseudonym in names:
        for study in sorted(studies[pseudonym]):
            old, new = names[owner.setdefault(study, pseudonym)], names[pseudonym]
            if old != new:
                names.update({each: min(old, new) for each, name in names.items() if name in (old, new)})
    return names
