"""Put annotations of a model or of another program into a task, where a person corrects and signs them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eci_annotate.archive.protocol import Series, Study, image_series_in
from eci_annotate.dicom.images.element_values import value_of
from eci_annotate.dicom.images.files import read
from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.dicom.seg.read import read_segmentation
from eci_annotate.dicom.sr.read_report import Locate, report_regions
from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask, new_uid
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import grid_of
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.adoption import adoption_of
from eci_annotate.tools.editing.draft_check import is_placed, is_spaced
from eci_annotate.tools.editing.entries import Adopt, Show
from eci_annotate.tools.protocol import FULL, Fields, Object, Paint
from eci_annotate.workflow.usecase.pipeline import TaskKind

if TYPE_CHECKING:
    import xarray as xr

    from eci_annotate.repository.task import Task

_SOURCE = re.compile(r"[^\s/]+/[^\s/]+")
_WITHIN_VOXEL = 0.01


def adopt(task: Task, annotations: Sequence[Annotation], source: str, *, series_uid: str = "") -> list[str]:
    """Add annotations that were made elsewhere to the draft of a task.

    They are recorded in the journal with their source, can be edited like any other, and count only when the task is
    signed. Nothing is added unless all of them can be.

    Parameters
    ----------
    task
        A task that you hold, and that is not shown in a viewer yet.
    annotations
        In patient millimetres (LPS), for instance from `read_rtstruct` or `read_segmentation`.
    source
        Model or program with its version, as in ``nnunet/2.5``.
    series_uid
        Series that they belong to, if they name none of the subject.

    Returns
    -------
    list of str
        UIDs of the added annotations, in their order.

    Raises
    ------
    Refused
        The task is a review or open in a viewer; an annotation belongs to no series of the subject, to several, or to
        another frame of reference; or a mask has another grid than its series, see `map_onto`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> task = repo.start("ECI_KAU_S0001", "annotate")
    >>> bone = eci.Mask.from_volume(task.volume() > 200, label="lesion 1")
    >>> len(eci.adopt(task, [bone], "threshold/1"))
    1
    """
    _require(task, annotations, source)
    found = adoption_pairs(task, annotations, source, series_uid)
    task.save([to_line(entry) for pair in found for entry in pair])
    return [adopted.uid for _, adopted in found]


def adoption_entries(task: Task, annotations: Sequence[Annotation], source: str) -> list[Adopt]:
    """Return the entries by which a viewer adopts annotations; raises what `adopt` raises of them."""
    return [adopted for _, adopted in adoption_pairs(task, annotations, source, "")]


class Imaged(Protocol):
    """A subject's studies and volumes."""

    def studies(self) -> list[Study]:
        """Return its studies."""

    def volume(self, series_uid: str) -> xr.DataArray:
        """Return a series (k, j, i)."""


def adoption_pairs(
    task: Imaged, annotations: Sequence[Annotation], source: str, series_uid: str
) -> list[tuple[Show, Adopt]]:
    """Return for each annotation the entries that adopt it; raises what `adopt` raises of it."""
    rows = [each for study in task.studies() for each in image_series_in(study)]
    grid_on = cache(lambda uid: grid_of(task.volume(uid)))
    found = []
    for number, each in enumerate(annotations, 1):
        uid = _series_for(rows, number, each, series_uid)
        found.append(_entries(number, each, source, uid, grid_on(uid)))
    return found


def _require(task: Task, annotations: Sequence[Annotation], source: str) -> None:
    if not _SOURCE.fullmatch(source):
        raise Refused("The source is no name with a version.", "Give both, as in nnunet/2.5.")
    if not annotations:
        raise Refused("There are no annotations to add.", "Check the file or the model's output.")
    if task.definition.kind == TaskKind.REVIEW:
        raise Refused("A review shows a signed version, which cannot be edited.", "Add them to the task it is about.")
    if task.shown:
        raise Refused("This task is open in a viewer, which would overwrite them.", "Add them before you open it.")


def _entries(number: int, annotation: Annotation, source: str, series: str, grid: Grid) -> tuple[Show, Adopt]:
    if annotation.frame_uid and annotation.frame_uid != grid.frame_of_reference_uid:
        remedy = "Apply a registration to it first (eci.read_registration), or check the series."
        raise Refused(f"Annotation {number} is in another frame of reference than its series.", remedy)
    thing, field = _thing(number, annotation, grid)
    placed = replace(thing, uid=new_uid(), series_uid=series, frame_uid=grid.frame_of_reference_uid)
    return Show(series), adoption_of(placed, field, source)


def _series_for(rows: Sequence[Series], number: int, annotation: Annotation, wanted: str) -> str:
    """Return the series that an annotation belongs to: the one asked for, its own, or the only one of its frame."""
    named = wanted or annotation.series_uid
    if any(each.series_uid == named for each in rows):
        return named
    if wanted:
        raise Refused("The subject has no images of this series.", "Check the UID.")
    frame = annotation.frame_uid
    same = [each.series_uid for each in rows if frame and each.header.get("FrameOfReferenceUID") == frame]
    if len(same) != 1:
        what = f"{len(same)} series" if same else "no series"
        raise Refused(f"Annotation {number} fits {what} of the subject.", "Say which series: series_uid=...")
    return same[0]


def read_annotations(path: Path, locate: Locate = lambda image: None) -> list[Annotation]:
    """Read an RTSTRUCT, DICOM SEG or SR file; raises NotDicom, DamagedFile, Refused and their kinds.

    `locate` gives the volume of an image on whose pixels a report draws.
    """
    modality = str(value_of(read(path, pixels=False), "Modality") or "")
    match modality:
        case "RTSTRUCT":
            return list(read_rtstruct(path))
        case "SEG":
            return list(read_segmentation(path))
        case "SR":
            return list(report_regions(path, locate))
    raise Refused("A file holds no annotations that can be read.", "Give RTSTRUCT, DICOM SEG or SR files.")


def _thing(number: int, annotation: Annotation, grid: Grid) -> tuple[Object, Fields | None]:
    """Return an annotation as the tools edit it, with its field if it is a mask."""
    if isinstance(annotation, Mask):
        paint = Paint(label=annotation.label, colour=annotation.colour)
        return paint, np.where(_voxels(number, annotation, grid), FULL, 0).astype(np.uint16)
    if not isinstance(annotation, (Box, Contours)):
        raise Refused(f"Annotation {number} is of a kind that cannot be edited.", "Give boxes, contours or masks.")
    if isinstance(annotation, Contours) and annotation.lies_across(grid):
        remedy = "Adopt their voxels: eci.Mask.from_volume(contours.mask_on(volume))."
        raise Refused(f"The contours of annotation {number} lie across the slices of their series.", remedy)
    if not annotation.voxels_on(grid).any():
        raise Refused(f"Annotation {number} encloses no voxel of its series.", "Check the series, and its units.")
    if not is_placed(annotation, grid):
        raise Refused(f"A part of annotation {number} lies beside its series.", "Leave out contours beyond its slices.")
    if isinstance(annotation, Contours) and not is_spaced(annotation, grid):
        remedy = "Leave the distance out, or check the file: dataclasses.replace(contours, spacing_mm=None)."
        what = (
            f"The planes of annotation {number} are said to be {annotation.spacing_mm:g} mm apart, which they are not."
        )
        raise Refused(what, remedy)
    return annotation, None


def _voxels(number: int, mask: Mask, grid: Grid) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    offset = grid.image_from_reference(mask.grid.origin_lps)
    if not grid.aligned(mask.grid) or np.abs(offset - np.round(offset)).max() > _WITHIN_VOXEL:
        raise Refused(
            f"Mask {number} has another grid than its series.", "Map it first, which states the loss: map_onto."
        )
    voxels = mask.voxels_on(grid)
    if voxels.sum() != mask.voxels.sum() or not voxels.any():
        raise Refused(f"Mask {number} is empty, or reaches beyond its series.", "Check that it belongs to the series.")
    return voxels
