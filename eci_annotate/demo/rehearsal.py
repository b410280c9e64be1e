"""A rehearsal: a phantom subject is imported, annotated with simulated pointer gestures, and signed.

It shows what signed work looks like in a new repository, and tests the workflow on a machine without a browser.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eci_annotate.dicom.phantom import LESIONS, PhantomLesion, phantom_lesions, write_phantom
from eci_annotate.errors import NotFound
from eci_annotate.imaging.annotation import Holes
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.imaging.contours import rings_of_mask
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.admin.import_dicom import Imported, import_folders
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed, Task
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, Entry, SetOption, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release

COLOURS = ((230, 75, 53), (77, 187, 213), (0, 160, 135))
ANSWERS: dict[str, Any] = {
    "image_quality": "good",
    "lesions": [
        {"label": "lesion 1", "segment": "VI", "size_mm": 32, "classification": "metastasis", "confidence": 5},
        {"label": "lesion 2", "segment": "V", "size_mm": 24, "classification": "metastasis", "confidence": 4},
        {"label": "lesion 3", "segment": "VII", "size_mm": 28, "classification": "haemangioma", "confidence": 3},
    ],
    "comment": "Synthetic phantom, annotated by recorded gestures.",
}


def acquired_plane(grid: Grid, slice_k: int = 0) -> Plane:
    """Return the plane of one acquired slice."""
    down, right = grid.directions[1], grid.directions[2]
    origin = tuple3(grid.reference_from_image([slice_k, 0, 0]))
    return Plane("axial", origin, right, down, grid.spacing_mm[0])


def _stroke(points: list[Vector], plane: Plane) -> Iterator[Entry]:
    yield Press(points[0], plane)
    yield Drag(tuple(points[1:]), plane)
    yield Release(points[-1], plane)


def _painted(lesion: PhantomLesion, grid: Grid) -> Iterator[Entry]:
    """Yield SmartPaint in three dimensions: a small loop in every slice through the lesion."""
    yield SetOption("window", (0.0, 200.0))
    yield SetOption("radius_mm", 9.0)
    voxel = grid.image_from_reference(lesion.centre_mm)
    reach = int(0.55 * lesion.radii_mm[2] / grid.spacing_mm[0])
    for k in range(int(voxel[0]) - reach, int(voxel[0]) + reach + 1):
        plane = acquired_plane(grid, k)
        angle = np.linspace(0, 4 * np.pi, 33)
        radius_mm = 0.5 * lesion.radii_mm[0]
        middle = grid.reference_from_image([k, voxel[1], voxel[2]])
        circle = np.outer(np.cos(angle), plane.right_lps) + np.outer(np.sin(angle), plane.down_lps)
        yield from _stroke([tuple3(p) for p in middle + radius_mm * circle], plane)


def _boxed(lesion: PhantomLesion, grid: Grid) -> Iterator[Entry]:
    """Yield BoundingBox: press at the centre, drag outward."""
    plane = replace(acquired_plane(grid), origin_lps=lesion.centre_mm)
    reach = np.array(lesion.radii_mm) * 1.1
    corner = np.array(lesion.centre_mm) + reach[0] * np.array(plane.right_lps) + reach[1] * np.array(plane.down_lps)
    yield from _stroke([lesion.centre_mm, tuple3(corner)], plane)


def _outlined(number: int, kind: str, grid: Grid) -> Iterator[Entry]:
    """Yield FreeDraw: the outline on each slice."""
    truth = phantom_lesions(kind)[number].voxels_on(grid)
    for k in np.flatnonzero(truth.any((1, 2))):
        for ring in rings_of_mask(truth[k], Holes.XOR_NESTED):
            points: Floats = grid.reference_from_image(np.column_stack([np.full(len(ring), float(k)), ring]))
            yield from _stroke([tuple3(p) for p in points], acquired_plane(grid, int(k)))


def recorded(kind: str, grid: Grid, series_uid: str) -> Iterator[Entry]:
    """Yield all entries to annotate the three lesions of a phantom, one with each tool."""
    yield Show(series_uid)
    tools = ("smartpaint", "box", "freedraw")
    for number, (lesion, tool, colour) in enumerate(zip(LESIONS, tools, COLOURS, strict=True)):
        yield Add(new_uid(), tool, lesion.label, colour, series_uid)
        match tool:
            case "smartpaint":
                yield from _painted(lesion, grid)
            case "box":
                yield from _boxed(lesion, grid)
            case _:
                yield from _outlined(number, kind, grid)


def rehearse(repo: Repository, *, kind: str = "oblique", project: str, site: str = "TEST") -> Signed:
    """Import a phantom, annotate it with recorded gestures, fill in the liver form, and sign.

    Parameters
    ----------
    repo
        An embedded repository; the actor must be allowed to import and to annotate.
    kind
        Kind of phantom.
    project, site
        Project of the subject, and site of its pseudonym.

    Returns
    -------
    Signed
        Version 1 of the task `annotate`.
    """
    imported = take_in(repo, kind, project, site)
    if not imported.subjects:
        raise NotFound("This phantom was imported already.", "Choose another kind.")
    (subject,) = imported.subjects
    meaning = "Recorded gestures on a phantom, checked against its known lesions"
    return perform(repo.start(subject, "annotate", project=project), kind, meaning)


def take_in(repo: Repository, kind: str, project: str, site: str) -> Imported:
    """Write a phantom, and import it into an embedded repository.

    Parameters
    ----------
    repo
        An embedded repository.
    kind
        Kind of phantom.
    project, site
        Project of the subject, and site of its pseudonym.
    """
    if not isinstance(repo.backend, LocalBackend):
        raise NotFound("A rehearsal works in an embedded repository only.", "Open the repository by its folder.")
    with tempfile.TemporaryDirectory() as name:
        write_phantom(Path(name), kind)
        return import_folders(repo.backend, [Path(name)], project=project, site=site)


def perform(task: Task, kind: str, meaning: str) -> Signed:
    """Annotate a phantom with recorded gestures, fill in the liver form, and sign."""
    volume = task.volume()
    task.save([to_line(entry) for entry in recorded(kind, grid_of(volume), series_uid_of(volume))])
    task.answer(ANSWERS)
    return task.sign(meaning)
