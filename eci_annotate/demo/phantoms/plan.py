"""``phantom.yaml`` of a use case: which series a synthetic patient has, and where each belongs."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from eci_annotate.demo.phantoms.anatomy import ANATOMIES, LESION, Anatomy, Triple
from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.definition_file import read_definition
from eci_annotate.workflow.usecase.json_schema import validator_of
from eci_annotate.workflow.usecase.usecase import forms_folder

FILE = "phantom.yaml"
MAMMOGRAM = "mammogram"
MOST_VOXELS = 20_000_000
_OWN_GROUPS = (0x0002, 0x0010, 0x0028, 0x7FE0)  # file meta, patient, pixels
_OWN_KINDS = ("UI", "SQ", "OB", "OW", "OF", "OD", "OL", "OV", "UN", "OB or OW")
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
    for place, what in _problems(content):
        raise BadUseCase(f"{FILE}, {place}: {what}.", "Correct it there.")
    lesions = tuple(Lesion(**_tupled(each)) for each in content.get("lesions", ()))
    series = tuple(SeriesPlan(**_tupled(each)) for each in content["series"])
    return PhantomPlan(path.resolve().parent.name, ANATOMIES[content["anatomy"]], lesions, series)


def _tupled(each: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()}


def _problems(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield place and problem of what the schema allows, and no patient can be made of."""
    anatomy = ANATOMIES[content["anatomy"]]
    organs = {*(organ.name for organ in anatomy.organs), LESION}
    for number, series in enumerate(content["series"]):
        place = f"series/{number}"
        if (series["modality"] == "MG") != (content["anatomy"] == MAMMOGRAM):
            yield f"{place}/modality", f"{series['modality']} shows no {content['anatomy']}"
        for name in sorted(set(series.get("values", ())) - organs):
            yield f"{place}/values", f"there is no {name!r}, but {', '.join(sorted(organs))}"
        if prod(series.get("shape", anatomy.shape)) > MOST_VOXELS:
            yield f"{place}/shape", f"it has more than {MOST_VOXELS:,} voxels"
        for keyword, value in series.get("elements", {}).items():
            if problem := _element_problem(keyword, value):
                yield f"{place}/elements/{keyword}", problem


def _element_problem(keyword: str, value: Any) -> str:
    tag = tag_for_keyword(keyword)
    if tag is None:
        return "DICOM has no such keyword"
    vr, group = dictionary_VR(tag), tag >> 16
    if group in _OWN_GROUPS or vr in _OWN_KINDS:
        return "the synthetic patient sets this itself"
    file, dataset = DicomBytesIO(), Dataset()
    file.is_little_endian, file.is_implicit_VR = True, True
    try:
        dataset.add(DataElement(tag, vr, value, validation_mode=RAISE))
        write_dataset(file, dataset)
    except (ValueError, TypeError, AttributeError, OverflowError, struct.error):
        return f"{value!r} is no value of this element ({vr})"
    return ""


@cache
def _schema() -> Any:
    text = (forms_folder() / "schema" / "phantom.schema.json").read_text(encoding="utf-8")
    return validator_of(json.loads(text))


def _check(content: Any) -> None:
    errors = sorted(_schema().iter_errors(content), key=lambda error: [*map(str, error.path)])
    if errors:
        place = "/".join(map(str, errors[0].absolute_path)) or "the whole file"
        raise BadUseCase(f"{FILE}, {place}: {errors[0].message}.", "See forms/schema/phantom.schema.json.")
