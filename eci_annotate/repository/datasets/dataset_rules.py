"""The choices behind a training set; all of them are printed in its datasheet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from eci_annotate.errors import BadRequest
from eci_annotate.imaging.label_map import Overlap, overlap_of
from eci_annotate.repository.datasets.class_map import ClassMap, class_map_in
from eci_annotate.repository.datasets.earlier_set import EarlierSet, earlier_set_in
from eci_annotate.repository.datasets.subject_split import Shares, shares_of


class EqualLabels(StrEnum):
    """What happens where two annotations of one series have the same label."""

    REFUSE = "refuse"
    KEEP = "keep"  # each is an instance of its class


@dataclass(frozen=True)
class DatasetRules:
    """What goes into a training set, and how it is split.

    Parameters
    ----------
    task
        One task or group of readings only.
    include_pending
        Also versions whose review is not finished.
    shares, seed
        Of the split by subject.
    classes
        From labels to classes.
    overlap, equal_labels
        What happens where annotations of one series overlap, or have the same label.
    licence
        Under which the set may be used, as a text; empty if none is stated.
    earlier
        A training set whose subjects keep their part and whose classes keep their value.
    """

    task: str = ""
    include_pending: bool = False
    shares: Shares = (0.8, 0.1, 0.1)
    seed: int = 0
    classes: ClassMap = field(default_factory=ClassMap)
    overlap: Overlap = Overlap.REFUSE
    equal_labels: EqualLabels = EqualLabels.REFUSE
    licence: str = ""
    earlier: EarlierSet = field(default_factory=EarlierSet)

    def document(self) -> dict[str, Any]:
        """Return the rules as plain values."""
        return {
            "task": self.task or "all",
            "versions": "newest of each reader, not rejected; accepted where the task is reviewed",
            "include_pending": self.include_pending,
            "split": list(self.shares),
            "seed": self.seed,
            "labels": self.classes.table or "the label without its trailing number",
            "overlap": str(self.overlap),
            "equal_labels": str(self.equal_labels),
            **({"keep": self.earlier.digest} if self.earlier.digest else {}),
        }


def rules_of(
    *,
    task: str = "",
    include_pending: bool = False,
    split: str = "0.8/0.1/0.1",
    seed: int = 0,
    labels: Path | str | None = None,
    overlap: str = "refuse",
    equal_labels: str = "refuse",
    licence: str = "",
    keep: Path | str | None = None,
) -> DatasetRules:
    """Return the rules that options name; the parameters are those of `datasets`.

    Raises
    ------
    BadRequest
        An option has a value that it does not know.
    """
    classes = class_map_in(Path(labels) if labels else None)
    shares = shares_of(split)
    overlap_rule, equal = overlap_of(overlap), _equal_labels(equal_labels)
    earlier, named = earlier_set_in(Path(keep) if keep else None), " ".join(licence.split())
    return DatasetRules(task, include_pending, shares, seed, classes, overlap_rule, equal, named, earlier)


def _equal_labels(name: str) -> EqualLabels:
    try:
        return EqualLabels(name)
    except ValueError as error:
        raise BadRequest("The rule for equal labels is unknown.", "Choose 'refuse' or 'keep'.") from error
