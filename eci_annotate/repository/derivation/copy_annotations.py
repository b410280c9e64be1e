"""A drawing copied onto another series, and in words what was copied and what was lost."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from eci_annotate.dicom.read_registration import read_registration
from eci_annotate.errors import EciError
from eci_annotate.imaging.annotations import Annotation, Box
from eci_annotate.imaging.registration.map_onto import map_onto
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.task import Task
from eci_annotate.workflow.usecase.hanging import Hanging
from eci_annotate.workflow.usecase.pipeline import CopyRule


@dataclass(frozen=True)
class CopiedDrawing:
    """Annotations for the target series, and a sentence on each that was copied otherwise than whole."""

    annotations: tuple[Annotation, ...]
    remarks: tuple[str, ...]


def copied_drawing(task: Task, source: Signed, rule: CopyRule, layer: bytes | None) -> CopiedDrawing:
    """Copy a signed drawing as a rule says.

    Parameters
    ----------
    task
        The derived task.
    source
        The version to copy.
    rule
        Which slots, and which registration.
    layer
        Content of the data layer that the rule names; None when the subject has none.
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
    volume = task.volume(target)
    frame = grid_of(volume).frame_of_reference_uid
    for each in drawn:
        try:
            registration = _registration(rule, layer, each, frame)
            if isinstance(each, Box):
                moved = registration.apply(each) if registration else each
                made.append(replace(moved, series_uid=target, frame_uid=frame))
                continue
            mapped = map_onto(each, volume, registration)
            if not mapped.mask.voxels.any():
                remarks.append(f"{each.label} was not copied: it covers no voxel of the series by half.")
                continue
            made.append(replace(mapped.mask, label=each.label, colour=each.colour, series_uid=target))
            if mapped.outside_mm3 > 0:
                remarks.append(f"{each.label}: {mapped.outside_mm3 / 1000:.1f} ml lie outside the series.")
        except EciError as error:
            remarks.append(f"{each.label} was not copied: {error.what}")
    return CopiedDrawing(tuple(made), tuple(remarks))


def _target(hanging: Hanging, rule: CopyRule) -> str:
    series = {each.series_uid for each in hanging.placed if each.slot in rule.source}
    placed = {each.slot: each.series_uid for each in reversed(hanging.placed) if each.series_uid not in series}
    return next((placed[slot] for slot in rule.target if slot in placed), "")


def _registration(rule: CopyRule, layer: bytes | None, annotation: Annotation, frame: str) -> Registration | None:
    """Read the registration of a data layer; None where both series are in one frame of reference anyhow."""
    if layer is None or annotation.frame_uid == frame:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("registration.dcm" if layer[128:132] == b"DICM" else "registration.tfm")
        path.write_bytes(layer)
        return read_registration(
            path, source_uid=annotation.frame_uid, fixed_uid=frame, moving_uid=annotation.frame_uid
        )


def in_words(source: Signed, rule: CopyRule, remarks: Iterable[str], registration: str) -> str:
    """Return the meaning of the signature: which version was copied, by which registration, and what to know of it."""
    by = f", with the registration {registration[:12]}" if registration else ""
    return " ".join([f"Copied by the service from version {source.version} of {source.task}{by}.", *remarks])
