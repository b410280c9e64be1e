"""Which measurement of a drawing answers a question: `x-measure` of the form, and the rules for comparing the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class MeasureKind(StrEnum):
    """What can be measured of a drawing."""

    LONG_AXIS = "long_axis"
    SHORT_AXIS = "short_axis"
    VOLUME = "volume"
    DISTANCE = "distance"
    ANGLE = "angle"
    MEAN = "mean"
    SD = "sd"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"


RULERS = (MeasureKind.DISTANCE, MeasureKind.ANGLE)  # measured between points, not of an annotation
VALUES = (MeasureKind.MEAN, MeasureKind.SD, MeasureKind.MINIMUM, MeasureKind.MAXIMUM)  # in the unit of the images
LENGTH_UNITS = {"mm": 1.0, "cm": 10.0}  # mm
VOLUME_UNITS = {"ml": 1e3, "mL": 1e3, "cm3": 1e3, "cm³": 1e3, "mm3": 1.0, "mm³": 1.0}  # mm3
ANGLE_UNITS = {"°": 1.0}
DIGITS = {"mm": 1, "cm": 2, "mm3": 0, "mm³": 0, "°": 0, "HU": 1}  # others: 2
WHOLE_FROM = 10  # values from here on may be rounded to whole units by the reader


@dataclass(frozen=True)
class Measure:
    """Where the value of a question comes from.

    Parameters
    ----------
    kind
        What is measured.
    of
        Label of the drawing or ruler; empty: the label that the same item of the form is linked to.
    slots
        Slots of the hanging protocol in order; measured is the drawing on the first of them that has one. Empty: the
        only drawing of that label.
    when
        Sibling answers for which it applies: allowed values by question; always if empty.
    """

    kind: MeasureKind
    of: str = ""
    slots: tuple[str, ...] = ()
    when: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    def applies(self, siblings: Mapping[str, Any]) -> bool:
        """Whether it applies, given the sibling answers."""
        return all(siblings.get(name) in values for name, values in self.when)

    @property
    def units(self) -> Mapping[str, float] | None:
        """Units that its value can have, as multiples of mm, mm3 or degrees; None: that of the images."""
        match self.kind:
            case MeasureKind.VOLUME:
                return VOLUME_UNITS
            case MeasureKind.ANGLE:
                return ANGLE_UNITS
        return None if self.kind in VALUES else LENGTH_UNITS


def measures_from(written: Any) -> tuple[Measure, ...]:
    """Read `x-measure`: one measure or a list of them, of which the first that applies counts."""
    if not written:
        return ()
    return tuple(_measure(each) for each in (written if isinstance(written, list) else [written]))


def _measure(written: Mapping[str, Any]) -> Measure:
    when = tuple((name, tuple(values)) for name, values in written.get("when", {}).items())
    return Measure(MeasureKind(written["kind"]), written.get("of", ""), tuple(written.get("slots", ())), when)


def rounded(value: float, unit: str) -> float:
    """Return a measured value as it is filled in: 0.1 mm, 0.01 cm, 0.01 ml, 1 mm3, 1°, 0.1 HU."""
    return round(value, DIGITS.get(unit, 2)) + 0.0


def agrees(answer: float, measured: float, unit: str) -> bool:
    """Whether an answer is the measured value, or that value rounded to whole units (from 10 on)."""
    exact = abs(answer - rounded(measured, unit)) < 10.0 ** -DIGITS.get(unit, 2) / 2
    return exact or (abs(measured) >= WHOLE_FROM and answer == round(measured))
