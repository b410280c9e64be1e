"""Which annotation belongs to which stack of the images that were given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eci_annotate.dicom.image_references import ReferencedImages
from eci_annotate.errors import EciError, FrameMismatch
from eci_annotate.imaging.annotation import Annotation


def by_stack(
    annotations: Iterable[Annotation], stacks: dict[str, ReferencedImages], refusal: type[EciError]
) -> dict[str, list[Annotation]]:
    """Group annotations by the stack that they belong to.

    Raises
    ------
    EciError
        The given kind, if there are none, or one belongs to no stack or to several.
    """
    groups: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        groups.setdefault(_home(annotation, stacks, refusal), []).append(annotation)
    if not groups:
        raise refusal("No annotations to write.", "Give at least one annotation.")
    return groups


def _home(annotation: Annotation, series: dict[str, ReferencedImages], refusal: type[EciError]) -> str:
    """Return the stack, among those given, to which an annotation belongs."""
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
        raise refusal(
            "An annotation names no series, and several fit.", "Give its series_uid, or the folder of one series."
        )
    same_frame = [uid for uid, images in series.items() if annotation.frame_uid == images.grid.frame_of_reference_uid]
    if len(series) == 1 and same_frame:
        return same_frame[0]
    raise refusal(
        "An annotation was drawn on a series that was not given.", "Give the folder of the series it was drawn on."
    )


def require_frame(annotations: Sequence[Annotation], frame_uid: str) -> None:
    """Refuse annotations in another frame of reference than the images.

    Raises
    ------
    FrameMismatch
        With the number of the annotation.
    """
    for number, annotation in enumerate(annotations, 1):
        if annotation.frame_uid and annotation.frame_uid != frame_uid:
            raise FrameMismatch(
                f"Annotation {number} is in another frame of reference than these images.",
                "Give the images it was drawn on, or images registered to them.",
            )
