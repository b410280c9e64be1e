"""What a layout of files is: it takes samples one by one, and closes with the files that list them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.volume import filled, values_kji
from eci_annotate.repository.datasets.dataset_case import Sample
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan

NamedFiles = Iterator[tuple[str, bytes]]
Rows = Sequence[dict[str, Any]]


class DatasetFormat(StrEnum):
    """The layouts in which a training set is written."""

    NNUNET = "nnunet"
    MONAI = "monai"
    COCO = "coco"
    BIDS = "bids"


class DatasetLayout(Protocol):
    """The files of one layout, as relative path and content."""

    def add(self, sample: Sample) -> NamedFiles:
        """Yield the files of one sample."""

    def listed(self, sample: Sample) -> Any:
        """Return, as plain values, what the files about all samples say of this one beside its row."""

    def close(self, rows: Rows, listed: Sequence[Any]) -> NamedFiles:
        """Yield the files about all samples, given the row of each and what is listed of it."""


def finite_values(sample: Sample) -> NDArray[Any]:
    """Return the values (k, j, i) of an image for trainers, which take no NaN: padding has the lowest measured one."""
    values = values_kji(sample.image)
    return values if np.isfinite(values).all() else filled(values).astype(values.dtype)


def json_bytes(document: Any) -> bytes:
    """Return a document as JSON whose keys are sorted."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def title_of(plan: DatasetPlan) -> str:
    """Return a name for the whole: the projects."""
    return "_".join(plan.projects)


def modality_of(rows: Rows) -> str:
    """Return the modality of the samples, as in ``CT``; several joined by ``+``."""
    return "+".join(sorted({str(row["modality"]) for row in rows})) or "unknown"
