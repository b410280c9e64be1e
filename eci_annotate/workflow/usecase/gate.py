"""The gate at signing: lesions of the form and annotations must match by label, in the slots where they must be drawn.

All mismatches are reported together, so that they can be corrected in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import Gate

Row = Mapping[str, Any]


def check_gate(gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row], hanging: Hanging) -> None:
    """Refuse mismatches between form and annotations.

    Parameters
    ----------
    gate
        The use case's rule for this task.
    answers
        Answers of the form, already checked against it.
    annotations
        Rows with ``label``, ``kind`` and ``series``.
    hanging
        Which series fills which slot.

    Raises
    ------
    Refused
        Names each lesion without an annotation, and each annotation without a lesion.
    """
    missing = unmatched(gate, answers, annotations, hanging)
    if missing:
        remedy = "Draw what is missing under the lesion's label, or correct the form; then sign."
        raise Refused(f"Form and annotations do not match: {'; '.join(missing)}.", remedy)


def unmatched(gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row], hanging: Hanging) -> list[str]:
    """Return the mismatches that `check_gate` would report."""
    return [*_missing(gate, answers, annotations, hanging), *_orphans(gate, answers, annotations)]


def _labels(gate: Gate, answers: Mapping[str, Any]) -> list[str]:
    return [str(each.get(gate.label, "")) for each in answers.get(gate.lesions, ())]


def _missing(gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row], hanging: Hanging) -> Iterator[str]:
    slots = [each for each in hanging.placed if each.slot in gate.slots]
    labels = _labels(gate, answers)
    for label in dict.fromkeys(labels):
        drawn = [row for row in annotations if row["label"] == label and _is_kind(gate, row)]
        if labels.count(label) > 1:
            yield f"two lesions are named {label!r}"
        if not drawn:
            yield f"{label!r} has no {' or '.join(gate.kinds) or 'annotation'}"
            continue
        for slot in slots:
            if not any(row["series"] == slot.series_uid for row in drawn):
                yield f"{label!r} is not drawn in {slot.title!r}"


def _is_kind(gate: Gate, row: Row) -> bool:
    return not gate.kinds or row["kind"] in gate.kinds


def _orphans(gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row]) -> Iterator[str]:
    known = {*_labels(gate, answers), *gate.beside}
    for label in dict.fromkeys(str(row["label"]) for row in annotations):
        if label not in known:
            yield f"the annotation {label!r} is not a lesion of the form" if label else "an annotation has no label"
