"""The gate at signing: lesions of the form and annotations must match by label, in the slots where they must be drawn.

All mismatches are reported together, so that they can be corrected in one pass; each says where to go for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eci_annotate.errors import Refused
from eci_annotate.workflow.codec import canonical, digest
from eci_annotate.workflow.usecase.hanging import Hanging, Placed
from eci_annotate.workflow.usecase.pipeline import Gate, Need
from eci_annotate.workflow.visible_text import visible_text

Row = Mapping[str, Any]
MOST_WORDS = 200


@dataclass(frozen=True)
class Checks:
    """What the annotator states of the study.

    Parameters
    ----------
    unavailable
        Why a slot cannot be annotated, by slot.
    seen
        On which series each annotation was looked at, by label and series; the value names the shape that was seen,
        so that a box that changed since has to be looked at again.
    """

    unavailable: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return as stored; empty if nothing is stated."""
        kept = {"unavailable": dict(self.unavailable), "seen": {label: dict(on) for label, on in self.seen.items()}}
        return {key: value for key, value in kept.items() if value}

    def of_boxes(self, rows: Iterable[Row]) -> Checks:
        """Return what is still true of these annotations, not of boxes that were changed or deleted since."""
        shapes = {(row["label"], row.get("shape")) for row in rows}
        seen = {
            label: {uid: each for uid, each in on.items() if (label, each) in shapes} for label, on in self.seen.items()
        }
        return Checks(self.unavailable, {label: on for label, on in seen.items() if on})

    @classmethod
    def from_json(cls, stored: Any) -> Checks:
        """Read what `to_json` returned; whatever has another shape is ignored, and then asked again."""
        given = stored if isinstance(stored, Mapping) else {}
        seen = {label: _texts(on) for label, on in _mapping(given.get("seen")).items()}
        return cls(_texts(given.get("unavailable")), {label: on for label, on in seen.items() if on})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> dict[str, str]:
    texts = {key: each.strip()[:MOST_WORDS] for key, each in _mapping(value).items() if isinstance(each, str)}
    return {key: each for key, each in texts.items() if each}


def in_words(checks: Checks, hanging: Hanging) -> list[tuple[str, str]]:
    """Return what is stated as pairs of subject and statement, for people."""
    titles = {each.slot: each.title for each in hanging.choices}
    series = {each.series_uid: each.title for each in hanging.placed}
    stated = [(titles.get(slot, slot), f"not available: {why}") for slot, why in checks.unavailable.items()]
    seen = [(label, ", ".join(series.get(uid, uid) for uid in on)) for label, on in checks.seen.items()]
    return [*stated, *((label, f"checked on {names}") for label, names in seen)]


@dataclass(frozen=True)
class Mismatch:
    """One thing to correct: in words, and the label and series that it is about (empty if none)."""

    text: str
    label: str = ""
    series: str = ""


def shape_of(centre: Iterable[float], size: Iterable[float], axes: Iterable[Iterable[float]]) -> str:
    """Name the shape of a box (patient mm): equal for boxes that are equal to 0.01 mm."""
    rows = [list(centre), list(size), *map(list, axes)]
    return digest(canonical([[round(float(value), 2) + 0.0 for value in row] for row in rows]))[:16]


def check_gate(
    gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row], hanging: Hanging, checks: Checks = Checks()
) -> None:
    """Refuse mismatches between form and annotations.

    Parameters
    ----------
    gate
        The use case's rule for this task.
    answers
        Answers of the form, already checked against it.
    annotations
        Rows with ``label``, ``kind``, ``series`` and, for boxes, ``shape`` (see `shape_of`).
    hanging
        Which series fills which slot.
    checks
        What the annotator states of slots and series.

    Raises
    ------
    Refused
        Names each mismatch.
    """
    missing = mismatches(gate, answers, annotations, hanging, checks)
    if missing:
        remedy = "Draw what is missing under the lesion's label, or correct the form; then sign."
        raise Refused(f"Form and annotations do not match: {'; '.join(each.text for each in missing)}.", remedy)


def mismatches(
    gate: Gate, answers: Mapping[str, Any], annotations: Sequence[Row], hanging: Hanging, checks: Checks = Checks()
) -> list[Mismatch]:
    """Return the mismatches that `check_gate` would report."""
    study = _Study(gate, annotations, hanging, checks)
    lesions: Sequence[Row] = answers.get(gate.lesions, ())
    labels = [str(each.get(gate.label, "")) for each in lesions]
    found = list(study.of_slots())
    found += _alike(labels)
    for label in dict.fromkeys(labels):
        if labels.count(label) > 1:
            found.append(Mismatch(f"two lesions are named {label!r}", label))
        found += study.of_lesion(label)
    found += [fault for lesion in lesions for fault in study.of_answers(lesion)]
    return [*found, *_orphans({*labels, *gate.beside}, annotations)]


@dataclass(frozen=True)
class _Study:
    """The rule, and what there is: annotations, series in slots, statements."""

    gate: Gate
    annotations: Sequence[Row]
    hanging: Hanging
    checks: Checks

    def of_slots(self) -> Iterator[Mismatch]:
        """Slots that no series fills need a reason; slots with a reason hold no annotation."""
        asked = {slot for need in self.gate.needs if self._lacks(need) for slot in need.slots}
        for choice in self.hanging.choices:
            if choice.slot not in self.gate.needed_slots and not self.gate.check_series:
                continue
            placed, reason = self._placed(choice.slot), self.checks.unavailable.get(choice.slot, "")
            if placed is None and not reason and choice.slot in asked:
                yield Mismatch(f"no series fits {choice.title!r}: choose one, or say why it is not available")
            drawn = [row for row in self.annotations if placed is not None and row["series"] == placed.series_uid]
            if reason and drawn:
                label, series = str(drawn[0]["label"]), str(drawn[0]["series"])
                yield Mismatch(
                    f"{choice.title!r} is said to be not available, but {label!r} is drawn on it", label, series
                )

    def of_lesion(self, label: str) -> Iterator[Mismatch]:
        """What a lesion lacks."""
        drawn = [row for row in self.annotations if row["label"] == label]
        counted = [row for row in drawn if not self.gate.kinds or row["kind"] in self.gate.kinds]
        if not counted and not self._is_excused():
            yield Mismatch(f"{label!r} has no {_words(self.gate.kinds)}", label)
            return
        for slot in self.hanging.placed:
            if slot.slot in self.gate.slots and not any(row["series"] == slot.series_uid for row in counted):
                yield Mismatch(f"{label!r} is not drawn in {slot.title!r}", label, slot.series_uid)
        for need in self.gate.needs:
            yield from self._of_need(label, need, drawn)
        if self.gate.check_series:
            yield from self._unseen(label, drawn)

    def of_answers(self, lesion: Row) -> Iterator[Mismatch]:
        """Answers about a lesion that do not agree with where it is drawn."""
        label = str(lesion.get(self.gate.label, ""))
        on = {row["series"] for row in self.annotations if row["label"] == label}
        for rule in self.gate.agrees:
            given = lesion.get(rule.answer)
            for slot in self.hanging.placed:
                right = [value for value, slots in rule.values if slot.slot in slots]
                if slot.series_uid in on and right and given not in (None, *right):
                    what = f"{label!r} is drawn in {slot.title!r}, but its {rule.answer!r} is {given!r}"
                    yield Mismatch(what, label, slot.series_uid)
                    break

    def _is_excused(self) -> bool:
        """Whether each slot that could be drawn on is not available."""
        return bool(self.gate.needs) and all(slot in self.checks.unavailable for slot in self.gate.needed_slots)

    def _lacks(self, need: Need) -> bool:
        """Whether the study has too few series for a need."""
        return sum(self._placed(slot) is not None for slot in need.slots) < (need.at_least or len(need.slots))

    def _placed(self, slot: str) -> Placed | None:
        return next((each for each in self.hanging.placed if each.slot == slot), None)

    def _of_need(self, label: str, need: Need, drawn: Sequence[Row]) -> Iterator[Mismatch]:
        found = [each for each in map(self._placed, need.slots) if each and each.slot not in self.checks.unavailable]
        counts = [(slot, sum(_fits(row, slot, need) for row in drawn)) for slot in found]
        what = _words(need.kinds)
        for slot, count in counts:
            if count > 1:
                yield Mismatch(f"{label!r} has {count} annotations in {slot.title!r}: keep one", label, slot.series_uid)
            if not count and not need.at_least:
                yield Mismatch(f"{label!r} has no {what} in {slot.title!r}", label, slot.series_uid)
        have, wanted = sum(count > 0 for _, count in counts), min(need.at_least, len(counts))
        if have < wanted:
            titles = " or ".join(repr(slot.title) for slot, _ in counts)
            first = next(slot.series_uid for slot, count in counts if not count)
            more = f" ({have} of {wanted})" if wanted > 1 else ""
            yield Mismatch(f"{label!r} has no {what} in {titles}{more}", label, first)

    def _unseen(self, label: str, drawn: Sequence[Row]) -> Iterator[Mismatch]:
        boxes = [row for row in drawn if row["kind"] == "box"]
        if len(boxes) != 1:
            yield Mismatch(f"{label!r} has {len(boxes)} boxes: keep one" if boxes else f"{label!r} has no box", label)
            return
        for slot in series_to_check(self.hanging, self.checks, boxes[0]):
            if self.checks.seen.get(label, {}).get(slot.series_uid) != boxes[0].get("shape", ""):
                yield Mismatch(f"the box of {label!r} is not checked on {slot.title!r}", label, slot.series_uid)


def series_to_check(hanging: Hanging, checks: Checks, box: Row) -> list[Placed]:
    """Return the series on which a box has to be looked at: all in slots but its own and those not available."""
    return [each for each in hanging.placed if each.series_uid != box["series"] and each.slot not in checks.unavailable]


def _fits(row: Row, slot: Placed, need: Need) -> bool:
    return row["series"] == slot.series_uid and (not need.kinds or row["kind"] in need.kinds)


def _words(kinds: Sequence[str]) -> str:
    return " or ".join(kinds) or "annotation"


def _alike(labels: Iterable[str]) -> Iterator[Mismatch]:
    """Labels of lesions that a reader takes for one."""
    first: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        other = first.setdefault(visible_text(label), label)
        if other != label:
            yield Mismatch(f"two lesions are named alike, {other!r} and {label!r}: rename one", label)
        elif not visible_text(label):
            yield Mismatch(f"the label {label!r} has no visible character: rename the lesion", label)


def _orphans(known: set[str], annotations: Sequence[Row]) -> Iterator[Mismatch]:
    for label in dict.fromkeys(str(row["label"]) for row in annotations):
        if label not in known:
            series = next(str(row["series"]) for row in annotations if str(row["label"]) == label)
            text = f"the annotation {label!r} is not a lesion of the form" if label else "an annotation has no label"
            if near := next(
                (each for each in sorted(known) if label and visible_text(each) == visible_text(label)), ""
            ):
                text += f" (it looks like {near!a}, but is spelled {label!a})"
            yield Mismatch(text, label, series)
