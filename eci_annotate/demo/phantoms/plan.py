"""``phantom.yaml`` of a use case: which series a synthetic patient has, and where each belongs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from eci_annotate.demo.phantoms.anatomy import ANATOMIES, Anatomy, Triple
from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.definition_file import read_definition
from eci_annotate.workflow.usecase.json_schema import validator_of
from eci_annotate.workflow.usecase.usecase import forms_folder

FILE = "phantom.yaml"
BEFORE = "before"


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid in mm from the centre (L, P, H).

    `before`: its radii in the earlier study, as a factor; `side`: in mammograms, of which breast it is.
    """

    label: str
    centre_mm: Triple
    radii_mm: Triple
    before: float = 1.0
    side: str = ""


@dataclass(frozen=True)
class SeriesPlan:
    """One series.

    Parameters
    ----------
    description, modality
        As in its DICOM files.
    slot
        Slot of the hanging protocol where it belongs; empty: none in particular.
    study
        ``now`` or ``before``.
    plane
        ``axial``, ``sagittal``, ``coronal`` or ``oblique``.
    shape, spacing_mm
        Size and spacing of the grid (k, j, i); empty: those of the anatomy.
    values
        Intensities by name of an organ, or of ``lesion``, where they differ from the usual ones.
    side, view
        Of a mammogram.
    elements
        Other DICOM attributes by keyword.
    """

    description: str
    modality: str
    slot: str = ""
    study: str = "now"
    plane: str = "axial"
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    side: str = "L"
    view: str = "CC"
    elements: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PhantomPlan:
    """A synthetic patient: anatomy, lesions and series."""

    name: str
    anatomy: Anatomy
    lesions: tuple[Lesion, ...]
    series: tuple[SeriesPlan, ...]


def read_plan(folder: Path | str) -> PhantomPlan:
    """Read ``phantom.yaml`` of a use case's folder.

    Raises
    ------
    BadUseCase
        It is missing, or its first problem.
    """
    path = Path(folder) / FILE
    if not path.exists():
        raise BadUseCase(f"{FILE} is missing.", "Copy that of a similar use case.")
    content = read_definition(path)
    _check(content)
    lesions = tuple(Lesion(**_tupled(each)) for each in content.get("lesions", ()))
    series = tuple(SeriesPlan(**_tupled(each)) for each in content["series"])
    return PhantomPlan(path.resolve().parent.name, ANATOMIES[content["anatomy"]], lesions, series)


def _tupled(each: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()}


@cache
def _schema() -> Any:
    text = (forms_folder() / "schema" / "phantom.schema.json").read_text(encoding="utf-8")
    return validator_of(json.loads(text))


def _check(content: Any) -> None:
    errors = sorted(_schema().iter_errors(content), key=lambda error: [*map(str, error.path)])
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "the whole file"
        raise BadUseCase(f"{FILE}, {place}: {errors[0].message}.", "See forms/schema/phantom.schema.json.")
