"""Apply rules to each element of a dataset and its items; gives a new dataset, and counts of what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from eci_annotate.deid.date_shift import capped_age, is_temporal, shifted_date, shifted_datetime
from eci_annotate.deid.descriptors import Cleaner
from eci_annotate.deid.elements import Element, dummy, empty, is_empty, text_of, with_text
from eci_annotate.deid.patient.patient_words import compared
from eci_annotate.deid.patient.recurrence import Recurrence
from eci_annotate.deid.private_elements import kept_private
from eci_annotate.deid.pseudonymiser import Pseudonymiser
from eci_annotate.deid.rules import PATIENT_ID, Action, Rules, representation

Handler = Callable[["Walk", Element, Dataset, int], Element | None]
Seen = Callable[[str, str], None]


@dataclass(repr=False)
class Walk:
    """One object on its way: the rules, the patient's pseudonym and shift, and what was done so far."""

    rules: Rules
    pseudonymiser: Pseudonymiser
    pseudonym: str
    days: int
    clean: Cleaner
    echo: Recurrence | None
    seen_uid: Seen = lambda old, new: None
    counts: Counter[tuple[Action, int]] = field(default_factory=Counter)
    names_patient: bool = False  # something of the patient is where nothing can be changed

    def over(self, source: Dataset, parent: int = 0) -> Dataset:
        """Return what remains of a dataset, or of an item of the sequence `parent`."""
        table, kept, counts = self.rules.table(parent), {}, self.counts
        for tag, element in list(source.items()):
            number = int(tag)  # pydicom's tags compare in Python
            action = table.get((number, element.VR)) or self.rules.action(number, element.VR, parent)
            if action is Action.KEEP:
                kept[tag] = element
                continue
            found = _HANDLERS[action](self, element, source, parent)
            if found is not element:
                counts[action if found is not None else Action.REMOVE, number] += 1
            if found is not None:
                kept[tag] = found
        return _like(source, kept)

    def unechoed(self, text: str) -> str:
        """Return a cleaned text without words that the patient's data contain."""
        return self.echo.without(text) if self.echo else text

    def fallback(self, element: Element, parent: int) -> Element | None:
        """Return what the basic profile makes of an element that an option could not treat."""
        action = self.rules.without_options(int(element.tag), element.VR, parent)
        handler = {Action.REMOVE: _remove, Action.DUMMY: _dummy}.get(action, _empty)
        return handler(self, element, Dataset(), parent)


def _like(source: Dataset, kept: dict[Any, Element]) -> Dataset:
    made = Dataset(kept)
    made.set_original_encoding(*source.original_encoding, source.original_character_set)
    made._parent_encoding = source._parent_encoding
    return made


def part_of(source: Dataset, tags: Collection[int]) -> Dataset:
    """Return some of a dataset's elements, raw where they are raw."""
    return _like(source, {tag: source.get_item(tag) for tag in source.keys() if int(tag) in tags})  # noqa: SIM118


def _vr(element: Element) -> str:
    return representation(int(element.tag), element.VR)


def _remove(walk: Walk, element: Element, source: Dataset, parent: int) -> None:
    return None


def _empty(walk: Walk, element: Element, source: Dataset, parent: int) -> Element:
    return element if is_empty(element) else empty(element, _vr(element))


def _dummy(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    return dummy(element, _vr(element))


def _uid(walk: Walk, element: Element, source: Dataset, parent: int) -> Element:
    text = text_of(element)
    mapped = []
    for uid in text.split("\\"):
        new = walk.pseudonymiser.uid(uid)
        walk.seen_uid(uid, new)
        mapped.append(new)
    changed = "\\".join(mapped)
    return element if changed == text else with_text(element, changed, "UI")


def _date(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    return _moved(walk, element, parent, shifted_date)


def _datetime(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    return _moved(walk, element, parent, shifted_datetime)


def _moved(walk: Walk, element: Element, parent: int, move: Callable[[str, int], str | None]) -> Element | None:
    text = text_of(element)
    if not text.strip():
        return element
    moved = [move(part.strip(" \0"), walk.days) if part.strip(" \0") else "" for part in text.split("\\")]
    found = [part for part in moved if part is not None]
    if len(found) < len(moved):
        return walk.fallback(element, parent)
    return with_text(element, "\\".join(found), _vr(element))


def _time(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    parts = (part.strip(" \0") for part in text_of(element).split("\\"))
    return element if all(is_temporal(part) for part in parts if part) else walk.fallback(element, parent)


def _age(walk: Walk, element: Element, source: Dataset, parent: int) -> Element:
    return with_text(element, capped_age(text_of(element)), "AS")


def _person(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    if parent == 0:
        return with_text(element, walk.pseudonym, _vr(element))
    value = str(source[PATIENT_ID].value or "").strip()
    issuer = str(source.get("IssuerOfPatientID", "") or "")
    return with_text(element, walk.pseudonymiser.patient_id(value, issuer) if value else "", _vr(element))


def _private(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    return element if int(element.tag) in kept_private(source, walk.rules.policy.private) else None


def _items(walk: Walk, element: Element, source: Dataset, parent: int) -> Element:
    items = source[element.tag].value
    if isinstance(items, (bytes, str)) or items is None:  # not a sequence after all
        return empty(element, "SQ")
    return DataElement(element.tag, "SQ", Sequence([walk.over(item, int(element.tag)) for item in items]))


def _clean(walk: Walk, element: Element, source: Dataset, parent: int) -> Element | None:
    if is_empty(element):
        return element
    parsed = source[element.tag]
    cleaned = [walk.clean(walk.unechoed(walk.clean(part))) for part in text_of(parsed).split("\\")]
    text = "\\".join(part for part in cleaned if part)
    return with_text(element, text, _vr(element)) if text else walk.fallback(element, parent)


def _echo(walk: Walk, element: Element, source: Dataset, parent: int) -> Element:
    if walk.echo is None:
        return element
    found = compared(element, _vr(element), walk.echo)
    walk.names_patient = walk.names_patient or found is None
    return element if found is None else found


_HANDLERS: Mapping[Action, Handler] = {
    Action.REMOVE: _remove,
    Action.EMPTY: _empty,
    Action.DUMMY: _dummy,
    Action.UID: _uid,
    Action.DATE: _date,
    Action.DATETIME: _datetime,
    Action.TIME: _time,
    Action.TEXT: _clean,
    Action.AGE: _age,
    Action.PERSON: _person,
    Action.PRIVATE: _private,
    Action.ITEMS: _items,
    Action.ECHO: _echo,
}
