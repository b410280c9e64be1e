"""Write annotations as RTSTRUCT files, one per annotated series."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from eci_annotate.dicom.image_references import ReferencedImages, images_of
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.rtstruct.dataset import Signing, encode, structure_set_dataset
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.contours import Holes


def _home(annotation: Annotation, series: dict[str, ReferencedImages]) -> str:
    """Return the series, among those given, to which an annotation belongs."""
    if annotation.series_uid in series:
        return annotation.series_uid
    fitting = [
        uid
        for uid, images in series.items()
        if annotation.frame_uid in ("", images.grid.frame_of_reference_uid) and not annotation.series_uid
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not annotation.series_uid and len(fitting) > 1:
        raise BadStructureSet(
            "An annotation names no series, and several fit.", "Give its series_uid, or the folder of one series."
        )
    same_frame = [uid for uid, images in series.items() if annotation.frame_uid == images.grid.frame_of_reference_uid]
    if len(series) == 1 and same_frame:
        return same_frame[0]
    raise BadStructureSet(
        "An annotation was drawn on a series that was not given.", "Give the folder of the series it was drawn on."
    )


def write_rtstruct(
    annotations: Sequence[Annotation],
    images: Source,
    out: str | PathLike[str],
    *,
    holes: Holes | str = "keyhole",
    **signing: Any,
) -> list[Path]:
    """Write annotations as RTSTRUCT, one file per annotated series.

    Parameters
    ----------
    annotations
        Boxes, contours and masks.
    images
        Folder or files of the annotated series.
    out
        File to write; a folder if several series are annotated.
    holes
        `keyhole`, `nested` or `closedplanar_xor`.
    **signing
        `version`, `task`, `signer`, `when`, `meaning`, `predecessor`, as for `structure_set`.

    Returns
    -------
    list of Path
        The files written.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> bone = eci.Mask.from_volume(ct > 200, label="bone")
    >>> (path,) = eci.write_rtstruct([bone], folder, f"{folder}/rt/bone.dcm")
    >>> path.name
    'bone.dcm'
    """
    series = images_of(images)
    by_series: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_series.setdefault(_home(annotation, series), []).append(annotation)
    if not by_series:
        raise BadStructureSet("No annotations to write.", "Give at least one annotation.")
    target = Path(out)
    if len(by_series) > 1 and target.suffix:
        raise BadStructureSet(
            f"{len(by_series)} series are annotated; one file holds one series.", "Give a folder as the target."
        )
    written = []
    for uid, mine in by_series.items():
        dataset = structure_set_dataset(mine, series[uid], Signing(**signing), holes)
        path = target if target.suffix else target / f"{dataset.SOPInstanceUID}.dcm"
        written.append(_replace(path, encode(dataset)))
    return written


def _replace(path: Path, content: bytes) -> Path:
    """Write a file atomically: it exists completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    Path(name).replace(path)
    return path
