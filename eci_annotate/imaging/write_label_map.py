"""Write annotations as files that hold no DICOM: NIfTI label maps and 3D Slicer's .seg.nrrd."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import xarray as xr

from eci_annotate.errors import BadSegmentation
from eci_annotate.imaging.annotation import Annotation
from eci_annotate.imaging.label_map import label_map, overlap_of
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import label_table, nifti_file
from eci_annotate.imaging.nrrd import seg_nrrd_file
from eci_annotate.imaging.replace_file import replace_file
from eci_annotate.imaging.volume import grid_of, series_uid_of

NIFTI, NRRD = ".nii.gz", ".seg.nrrd"


def write_label_map(
    annotations: Sequence[Annotation], volume: xr.DataArray, out: str | PathLike[str], *, overlap: str = "refuse"
) -> list[Path]:
    """Write annotations on the grid of a volume as `.nii.gz` (with a `.json` beside it) or `.seg.nrrd`.

    Label value n + 1 is annotation n; 0 is background. Boxes and contours take the voxels whose centre is inside. Of
    equal labels the second gets the name "label (2)", and so on. The same annotations give the same bytes.

    Parameters
    ----------
    annotations
        Boxes, contours and masks, in patient millimetres (LPS).
    volume
        The volume whose grid is taken, usually the one that was annotated.
    out
        File to write. NIfTI: RAS affine; value, name, label, colour and uid of each annotation in the JSON file. NRRD:
        LPS; overlapping annotations are stored in layers. Of a projection neither format states a place in space.
    overlap
        Of NIfTI: `refuse` overlaps, or `priority`: the first annotation of the list keeps the voxel.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    BadSegmentation
        If annotations overlap in a NIfTI file, there are none, or the suffix is another.
    FrameMismatch
        If an annotation is in another frame of reference than the volume.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> bone = eci.Mask.from_volume(ct > 200, label="bone")
    >>> [path.name for path in eci.write_label_map([bone], ct, f"{folder}/bone.nii.gz")]
    ['bone.nii.gz', 'bone.json']
    """
    path, rule = Path(out), overlap_of(overlap)
    if not annotations:
        raise BadSegmentation("No annotations to write.", "Give at least one annotation.")
    for annotation in annotations:
        annotation.grid_for(volume)
    grid, series, unit = grid_of(volume), series_uid_of(volume), unit_of(volume)
    if path.name.endswith(NRRD):
        return [replace_file(path, seg_nrrd_file(annotations, grid, series_uid=series, unit=unit))]
    if not path.name.endswith(NIFTI):
        raise BadSegmentation("The suffix of the file is unknown.", f"Name it {NIFTI} or {NRRD}.")
    labels = label_map(annotations, grid, rule, series_uid=series)
    content = nifti_file(labels, grid, unit)
    table = label_table(annotations, labels, rule, series, grid.frame_of_reference_uid, unit)
    beside = path.with_name(path.name.removesuffix(NIFTI) + ".json")
    return [replace_file(path, content), replace_file(beside, table)]
