"""A drawing copied onto another series, and in words what was copied and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation, Box
from eci_annotate.imaging.registration.choose_registration import choose_registration
from eci_annotate.imaging.registration.map_onto import map_onto
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.task import Task
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import CopyRule

CLOSE_VOXELS = 1e-3


@dataclass(frozen=True)
class CopiedDrawing:
    """Annotations for the target series, a sentence on each not copied whole, and whether a registration was used."""

    annotations: tuple[Annotation, ...]
    remarks: tuple[str, ...]
    is_registered: bool = False


def copied_drawing(task: Task, source: Signed, rule: CopyRule, registrations: Sequence[Registration]) -> CopiedDrawing:
    """Copy a signed drawing as a rule says.

    Parameters
    ----------
    task
        The derived task.
    source
        The version to copy.
    rule
        Which slots.
    registrations
        Those that may be used where the frames of reference differ.
    """
    hanging = task.hanging()
    target = _target(hanging, rule)
    if not target:
        return CopiedDrawing((), ("No series fits: nothing was copied.",))
    wanted = {each.series_uid for each in hanging.placed if each.slot in rule.source} - {target}
    drawn = [each for each in source.annotations() if each.series_uid in wanted]
    if not drawn:
        return CopiedDrawing((), ("Nothing was drawn there: nothing was copied.",))
    made: list[Annotation] = []
    remarks: list[str] = []
    registered, volume = False, task.volume(target)
    frame = grid_of(volume).frame_of_reference_uid
    for each in drawn:
        own = each.frame_uid
        registration = None if own == frame else choose_registration(registrations, own, frame)
        try:
            copied, remark = _copied(each, volume, registration)
        except EciError as error:
            copied, remark = None, f"{each.label} was not copied: {error.what}"
        registered |= copied is not None and registration is not None
        made += [copied] if copied else []
        remarks += [remark] if remark else []
    return CopiedDrawing(tuple(made), tuple(remarks), registered)


def _target(hanging: Hanging, rule: CopyRule) -> str:
    series = {each.series_uid for each in hanging.placed if each.slot in rule.source}
    placed = {each.slot: each.series_uid for each in reversed(hanging.placed) if each.series_uid not in series}
    return next((placed[slot] for slot in rule.target if slot in placed), "")


def _copied(
    annotation: Annotation, volume: xr.DataArray, registration: Registration | None
) -> tuple[Annotation | None, str]:
    """Return an annotation on a volume, and what to say of it; raises FrameMismatch where it cannot get there."""
    series = series_uid_of(volume)
    if isinstance(annotation, Box):
        if registration is None:
            annotation.grid_for(volume)
        moved = registration.apply(annotation) if registration else annotation
        return _box_on(volume, replace(moved, series_uid=series))
    mapped = map_onto(annotation, volume, registration)
    if not mapped.mask.voxels.any():
        return None, f"{annotation.label} was not copied: it covers no voxel of the series by half."
    lost = f"{annotation.label}: {mapped.outside_mm3 / 1000:.1f} ml lie outside the series."
    mask = replace(mapped.mask, label=annotation.label, colour=annotation.colour, series_uid=series)
    return mask, lost if mapped.outside_mm3 > 0 else ""


def _box_on(volume: xr.DataArray, box: Box) -> tuple[Box | None, str]:
    """Return a box if it is on a volume, and what to say where it is not, or not whole."""
    grid = grid_of(volume)
    index = grid.image_from_reference(box.corners_lps)
    first, last = index.min(0), index.max(0)
    end = np.asarray(grid.shape) - 0.5
    if (last < -0.5).any() or (first > end).any():
        return None, f"{box.label} was not copied: it lies beside the series."
    beyond = (first < -0.5 - CLOSE_VOXELS) | (last > end + CLOSE_VOXELS)
    return box, f"{box.label}: a part of it lies outside the series." if beyond.any() else ""


def in_words(source: Signed, copied: CopiedDrawing, registration: str) -> str:
    """Return the meaning of the signature: which version was copied, by which registration, and what to know of it."""
    by = f", with the registration {registration[:12]}" if copied.is_registered else ""
    return " ".join([f"Copied by the service from version {source.version} of {source.task}{by}.", *copied.remarks])
