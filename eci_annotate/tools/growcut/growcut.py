"""GrowCut: paint seeds inside and around; the borders between them are suggested, and accepted or discarded.

Seeds are a field of the series, so that undo, the journal and snapshots keep them. Growing is done by `growth_request`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.blocks import Block, block, is_empty
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.gestures import ALT, Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.protocol import (
    NO_OVERLAY,
    SEEDS,
    ArrayEdit,
    Idle,
    Object,
    Options,
    Overlay,
    Paint,
    Scene,
    Step,
)
from eci_annotate.tools.smartpaint.dabs import cone

BACKGROUND = 1  # seed of no annotation
FIRST = 2  # seed of the annotation that was added first
ERASER = 5  # button of a pen's other end


@dataclass(frozen=True)
class Sowing:
    """A stroke of seeds: its brush, what it plants (0: it removes seeds), and where the pen is."""

    radius_mm: float
    flat_axis: int
    seed: int
    at: Vector


def _seed(press: Press, scene: Scene) -> int:
    """Return what a press plants: the active annotation, or background when erasing; with Alt it removes seeds."""
    if ALT in press.modifiers or press.button == ERASER:
        return 0
    return BACKGROUND if scene.options.erase else FIRST + scene.order.index(scene.active or "")


def _centres(start: Vector, path: tuple[Vector, ...], step_mm: float, scene: Scene) -> NDArray[np.int64]:
    """Return the voxels along a path, both ends included, at most `step_mm` apart."""
    points = [np.asarray([start])]
    for a, b in pairwise((start, *path)):
        count = max(int(np.ceil(np.linalg.norm(np.subtract(b, a)) / step_mm)), 1)
        share = np.arange(1, count + 1)[:, None] / count
        points.append(np.asarray(a) * (1 - share) + np.asarray(b) * share)
    voxels = np.unique(scene.grid.voxel_from_reference(np.concatenate(points)), axis=0)
    return np.asarray(voxels[((voxels >= 0) & (voxels < scene.grid.shape)).all(1)])


def covered(
    centres: NDArray[np.int64], brush: NDArray[np.bool_], shape: tuple[int, ...]
) -> tuple[Block, NDArray[np.bool_]]:
    """Return the block that a brush at these voxels covers, and its voxels.

    Parameters
    ----------
    centres
        Voxels (n, 3).
    brush
        Brush by offset from its centre, bool, of odd sizes.
    shape
        Shape of the volume.
    """
    half = np.array(brush.shape) // 2
    low, high = np.maximum(centres.min(0) - half, 0), np.minimum(centres.max(0) + half + 1, shape)
    inside = np.zeros(high - low, np.bool_)
    for centre in centres:
        a, b = np.maximum(centre - half, low), np.minimum(centre + half + 1, high)
        inside[block(a - low, b - low)] |= brush[block(a - centre + half, b - centre + half)]
    return block(low, high), inside


def sown(state: Sowing, path: tuple[Vector, ...], scene: Scene) -> tuple[ArrayEdit, ...]:
    """Return the edit that plants seeds along a path.

    Parameters
    ----------
    state
        The stroke so far; its seeds begin where the pen is.
    path
        Points in patient millimetres.
    scene
        Grid and fields of the series.
    """
    uid = f"{SEEDS}{scene.series_uid}"
    step = max(state.radius_mm / 2, min(scene.grid.spacing_mm))
    centres = _centres(state.at, path, step, scene)
    if not len(centres) or uid not in scene.fields:
        return ()
    brush = cone(state.radius_mm, scene.grid.spacing_mm, 1.0, state.flat_axis) > 0
    where, inside = covered(centres, brush, scene.grid.shape)
    if is_empty(where):
        return ()
    before = scene.fields[uid][where].copy()
    after = np.where(inside, np.uint16(state.seed), before)
    return () if np.array_equal(before, after) else (ArrayEdit(uid, where, before, after),)


class GrowCut:
    """The GrowCut tool."""

    info = ToolInfo(
        ToolName.GROWCUT,
        "GrowCut",
        "leaf",
        "g",
        makes="mask",
        options=("radius_mm", "dimension", "erase"),
        feedback=Feedback.RING,
        keeps=SEEDS,
        help="Paint seeds inside the lesion and, with X, in the background around it. The border between them is "
        "suggested while you paint: Enter accepts it. Alt removes seeds.",
    )
    idle = Idle()

    def needs_smoothing(self, options: Options) -> bool:
        return False

    def create(self, header: Annotation, scene: Scene) -> Object:
        return Paint(**header.header)

    def works_on(self, thing: Object) -> bool:
        return isinstance(thing, Paint)

    def grabs(self, thing: Object, press: Press) -> bool:
        return True

    def handle(self, state: Idle | Sowing, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Paint):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(at=at, plane=plane, button=0 | 5):
                flat_axis = scene.grid.axis_nearest(plane.normal_lps) if scene.options.dimension == 2 else -1
                begun = Sowing(scene.options.radius_mm, flat_axis, _seed(gesture, scene), at)
                return Step(begun, sown(begun, (), scene))
            case Sowing(), Drag(path=path):
                return Step(replace(state, at=path[-1]), sown(state, path, scene))
            case Sowing(), Release():
                return Step(Idle(), name=_name(state.seed, thing))
            case _, Cancel():
                return Step(Idle())
            case _:
                return Step(state)

    def overlay(self, state: Idle | Sowing, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        return NO_OVERLAY


def _name(seed: int, thing: Paint) -> str:
    if seed < FIRST:
        return "GrowCut background seeds" if seed else "removal of GrowCut seeds"
    return f"GrowCut seeds in {thing.label or 'annotation'}"
