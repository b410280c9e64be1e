"""An earlier training set, whose subjects keep their part and whose classes keep their value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadRequest, EciError, Refused
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.workflow.codec import digest, parse

LARGEST = 256 << 20


@dataclass(frozen=True)
class EarlierSet:
    """What an earlier datasheet states.

    Parameters
    ----------
    parts
        The part of each pseudonym.
    values
        The value of each class, from 1 without a gap.
    digest
        SHA-256 of the datasheet; empty if there is none.
    """

    parts: Mapping[str, DatasetPart] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    digest: str = ""

    def parts_of(self, strata: Iterable[str], persons: Mapping[str, str]) -> dict[str, DatasetPart]:
        """Return the part of each person who was in the earlier set.

        Parameters
        ----------
        strata
            The persons, each by one pseudonym.
        persons
            That pseudonym by each one of the person; left out where there is no other.

        Raises
        ------
        Refused
            Pseudonyms of one person were in different parts.
        """
        wanted, found = set(strata), dict[str, str]()
        for name in sorted(self.parts):
            person = persons.get(name, name)
            if person not in wanted:
                continue
            first = found.setdefault(person, name)
            if self.parts[first] is not self.parts[name]:
                raise Refused(f"{first} and {name} are one person, but were in different parts.", "Leave out --keep.")
        return {person: self.parts[name] for person, name in found.items()}


def earlier_set_in(path: Path | None) -> EarlierSet:
    """Return what a ``datasheet.json`` states; nothing without a file.

    Raises
    ------
    BadRequest
        The file cannot be read, or is no datasheet.
    """
    if path is None:
        return EarlierSet()
    try:
        content = _content(path)
        document = parse(content, path.name)
        parts = _parts(document["split"])
        values = {str(name): int(value) for name, value in document["classes"].items()}
        if sorted(values.values()) != list(range(1, len(values) + 1)):
            raise ValueError
    except (EciError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadRequest(
            "The earlier datasheet cannot be read.", "Give the datasheet.json of a training set."
        ) from error
    return EarlierSet(parts, values, digest(content))


def _content(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise ValueError
    return path.read_bytes()


def _parts(split: Mapping[str, Any]) -> dict[str, DatasetPart]:
    found = [(str(name), DatasetPart(part)) for part, names in split.items() for name in names]
    if len(dict(found)) < len(found):
        raise ValueError
    return dict(found)
