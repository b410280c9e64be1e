"""What a tool suggests: masks or contours that a person sees first, and accepts or discards."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.blocks import Block
from eci_annotate.tools.protocol import Object


@dataclass(frozen=True, eq=False)
class MaskPart:
    """The suggested mask of one painted annotation.

    Attributes
    ----------
    uid
        The annotation.
    where, voxels
        Block of the grid, and its voxels (bool); outside the block the annotation stays as it is.
    """

    uid: str
    where: Block
    voxels: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Suggestion:
    """A result that waits for a decision.

    Attributes
    ----------
    source
        Tool or model, and its version, as in ``growcut/1``.
    name
        Name of the undo item that accepting makes.
    series_uid
        Series whose grid the masks have.
    parts, objects
        Masks of painted annotations; other annotations as they would be.
    clears
        Fields of the series that accepting empties, such as seeds.
    adds
        Header of the annotation that accepting adds for the first part; None: all exist.
    choices
        Smaller results of which one can be accepted instead, with their titles.
    note
        Sentence for the user; empty if there is nothing to say.
    """

    source: str
    name: str
    series_uid: str
    parts: tuple[MaskPart, ...] = field(default_factory=tuple)
    objects: tuple[Object, ...] = ()
    clears: tuple[str, ...] = ()
    adds: Annotation | None = None
    choices: tuple[tuple[str, MaskPart | Object], ...] = ()
    note: str = ""
