"""Which signal over time a use case asks for: `kinetics` of `usecase.yaml`, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eci_annotate.errors import BadUseCase


@dataclass(frozen=True)
class KineticRule:
    """What a kinetic curve is made of.

    Parameters
    ----------
    over
        Slots of the hanging protocol whose series are the time points, with all stacks of these series.
    mask
        Slots whose annotations have a curve; empty: all.
    before
        Slot of the series before contrast agent; empty if it has none of its own.
    first_is_before
        Where no series is on that slot: the first time point is before contrast agent.
    """

    over: tuple[str, ...]
    mask: tuple[str, ...] = ()
    before: str = ""
    first_is_before: bool = False

    @property
    def slots(self) -> tuple[str, ...]:
        """All slots it names."""
        return (*self.over, *self.mask, *((self.before,) if self.before else ()))


def kinetic_rule_from(written: Mapping[str, Any] | None) -> KineticRule | None:
    """Read `kinetics`; None if the use case has none."""
    if not written:
        return None
    over, mask = tuple(written["over"]), tuple(written.get("mask", ()))
    return KineticRule(over, mask, written.get("before", ""), written.get("first_is_before", False))


def check_kinetics(rule: KineticRule | None, hanging: Mapping[str, Any]) -> None:
    """Refuse slots that the hanging protocol does not have; BadUseCase names the first."""
    known = {slot["name"] for slot in hanging.get("slots", ())}
    for slot in rule.slots if rule else ():
        if slot not in known:
            raise BadUseCase(f"kinetics names the slot {slot!r}, which hanging.yaml does not have.", "Add the slot.")
