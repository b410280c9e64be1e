"""Write annotations as DICOM SEG files, one per annotated stack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

from eci_annotate.dicom.image_references import images_of
from eci_annotate.dicom.images.files import Source
from eci_annotate.dicom.seg.segmentation import SegmentationKind, Statement, segmentation_file
from eci_annotate.dicom.seg.source_images import source_images
from eci_annotate.dicom.stack_groups import by_stack, require_frame
from eci_annotate.errors import BadSegmentation
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.label_map import overlap_of
from eci_annotate.imaging.replace_file import replace_file


def write_segmentation(
    annotations: Sequence[Annotation],
    images: Source,
    out: str | PathLike[str],
    *,
    kind: SegmentationKind | str = "binary",
    overlap: str = "refuse",
    when: datetime | None = None,
    **statement: Any,
) -> list[Path]:
    """Write annotations as DICOM SEG on the grid of the annotated images, one file per annotated series or stack.

    Masks keep their voxels. Boxes and contours take the voxels whose centre is inside. Each annotation is a segment of
    its own, also where labels are equal; its uid is the tracking UID. Frames without voxels are left out.
    A picture without a place in space (mammogram, radiograph) is segmented pixel by pixel.

    Parameters
    ----------
    annotations
        Boxes, contours and masks, in patient millimetres (LPS).
    images
        Folder or files of the annotated series; the file becomes part of their study and refers to them.
    out
        File to write; a folder if several stacks are annotated.
    kind
        `binary`: one bit per segment, so that segments may overlap. `labelmap`: one label per voxel (PS3.3 A.91).
    overlap
        Of a label map: `refuse` overlaps, or `priority`: the first annotation of the list keeps the voxel.
    when
        Content date and time; now by default. With it, the same annotations give the same bytes.
    **statement
        `version`, `task`, `signer`.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    BadSegmentation
        If annotations overlap in a label map, belong to no series that was given, or there are none.
    FrameMismatch
        If an annotation is in another frame of reference.
    NotInstalled
        If highdicom is missing: extra `export`.

    References
    ----------
    PS3.3 A.51 and A.91 (objects), C.8.20 (segmentation module).

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> bone = eci.Mask.from_volume(ct > 200, label="bone")
    >>> (path,) = eci.write_segmentation([bone], folder, f"{folder}/seg/bone.dcm")
    >>> path.name
    'bone.dcm'
    """
    if kind not in list(SegmentationKind):
        raise BadSegmentation("The kind of segmentation is unknown.", "Choose 'binary' or 'labelmap'.")
    said = Statement(SegmentationKind(kind), overlap_of(overlap), when, **statement)
    stacks = images_of(images)
    groups = by_stack(annotations, stacks, BadSegmentation)
    target = Path(out)
    if len(groups) > 1 and target.suffix:
        raise BadSegmentation(
            f"{len(groups)} stacks are annotated; one file holds one stack.", "Give a folder as the target."
        )
    written = []
    for number, (uid, mine) in enumerate(groups.items(), 1):
        require_frame(mine, stacks[uid].grid.frame_of_reference_uid)
        content = segmentation_file(mine, source_images(stacks[uid]), said)
        written.append(replace_file(target if target.suffix else target / f"seg_{number}.dcm", content))
    return written
