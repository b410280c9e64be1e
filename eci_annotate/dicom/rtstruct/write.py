"""Write annotations as RTSTRUCT files, one per annotated series."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from eci_annotate.dicom.image_references import images_of
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.rtstruct.dataset import Signing, encode, structure_set_dataset
from eci_annotate.dicom.stack_groups import by_stack
from eci_annotate.errors import BadStructureSet
from eci_annotate.imaging.annotation import Holes
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.replace_file import replace_file


def write_rtstruct(
    annotations: Sequence[Annotation],
    images: Source,
    out: str | PathLike[str],
    *,
    holes: Holes | str = Holes.KEYHOLE,
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
        `keyhole`, `xor_nested` or `closedplanar_xor`.
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
    by_series = by_stack(annotations, series, BadStructureSet)
    target = Path(out)
    if len(by_series) > 1 and target.suffix:
        raise BadStructureSet(
            f"{len(by_series)} series are annotated; one file holds one series.", "Give a folder as the target."
        )
    written = []
    for uid, mine in by_series.items():
        dataset = structure_set_dataset(mine, series[uid], Signing(**signing), holes)
        path = target if target.suffix else target / f"{dataset.SOPInstanceUID}.dcm"
        written.append(replace_file(path, encode(dataset)))
    return written
