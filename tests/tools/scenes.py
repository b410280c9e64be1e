"""A small volume, planes to draw in, and random gestures on it."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import (
    Accept,
    Add,
    Alter,
    ChooseTool,
    Delete,
    Redo,
    Select,
    SetOption,
    Show,
    Undo,
)
from eci_annotate.tools.gestures import Cancel, Drag, Plane, Press, Release
from eci_annotate.tools.protocol import SEEDS
from eci_annotate.tools.registry import TOOLS
from eci_annotate.tools.suggestion import MaskPart, Suggestion
from tests.grids import FRAME, SERIES, rotation

SHAPE = (8, 20, 24)
GRID = Grid.from_arrays((-5.0, 7.0, 11.0), rotation((0.2, -0.3, 0.4)).T[::-1], (2.5, 1.1, 0.9), SHAPE, FRAME)


def _values() -> np.ndarray:
    k, j, i = np.indices(SHAPE)
    blob = ((k - 4) * 2.5) ** 2 + ((j - 9) * 1.1) ** 2 + ((i - 10) * 0.9) ** 2 < 36
    noise = np.random.default_rng(5).normal(0, 10, SHAPE)
    return np.round(np.where(blob, 110, 60) + noise).astype(np.int16)


VOLUME = volume_from_array(_values(), GRID, series_uid=SERIES)
AXES = {"axial": (0, 2, 1), "sagittal": (2, 1, 0), "coronal": (1, 2, 0)}


def plane(name: str) -> Plane:
    """One of the three planes of the grid."""
    normal, right, down = AXES[name]
    return Plane(name, GRID.origin_lps, GRID.directions[right], GRID.directions[down], GRID.spacing_mm[normal])


def at(k: float, j: float, i: float) -> tuple[float, float, float]:
    """Patient position of an image index."""
    x, y, z = GRID.reference_from_image([k, j, i])
    return float(x), float(y), float(z)


def easel(tool: str = "smartpaint", **options: object) -> Easel:
    """An easel with one annotation of a tool, called lesion 1."""
    made = Easel(lambda uid: VOLUME)
    made.do(Show(SERIES))
    made.do(Add("a", tool, "lesion 1", (255, 0, 0), SERIES))
    for name, value in {"radius_mm": 4.0, "window": (0.0, 150.0), **options}.items():
        made.do(SetOption(name, value))
    return made


def suggested(uid: str, k: int) -> Accept:
    """The acceptance of a small mask, which also empties the seeds."""
    voxels = np.zeros((2, 5, 6), bool)
    voxels[:, 1:4, 2:] = True
    part = MaskPart(uid, (slice(k, k + 2), slice(3, 8), slice(7, 13)), voxels)
    seeds = f"{SEEDS}{SERIES}"
    return acceptance(Suggestion("growcut/1", "GrowCut result", SERIES, (part,), clears=(seeds,)), SHAPE)


POINTS = st.builds(at, st.floats(-2, 9), st.floats(-3, 22), st.floats(-3, 26))
PLANES = st.sampled_from(sorted(AXES)).map(plane)
MODIFIERS = st.frozensets(st.sampled_from(["alt", "shift"]), max_size=1)
GESTURES = st.one_of(
    st.builds(Press, POINTS, PLANES, st.floats(0.5, 4), st.sampled_from([0, 0, 0, 2]), MODIFIERS),
    st.builds(Drag, st.lists(POINTS, min_size=1, max_size=4).map(tuple), PLANES, MODIFIERS),
    st.builds(Drag, st.lists(POINTS, min_size=1, max_size=4).map(tuple), PLANES, MODIFIERS),
    st.builds(Release, POINTS, PLANES),
    st.just(Cancel()),
)
OPTIONS = st.one_of(
    st.builds(SetOption, st.just("radius_mm"), st.floats(1, 6)),
    st.builds(SetOption, st.just("erase"), st.booleans()),
    st.builds(SetOption, st.just("dimension"), st.sampled_from([2, 3])),
    st.builds(SetOption, st.just("rule"), st.sampled_from(["classic", "barrier"])),
    st.builds(SetOption, st.just("flow"), st.floats(0.05, 1)),
    st.builds(SetOption, st.just("pen"), st.sampled_from(["free", "polygon", "nudge", "cut"])),
    st.builds(SetOption, st.sampled_from(["zone", "lock", "in_window", "pressure"]), st.booleans()),
)
ARRANGEMENTS = st.one_of(
    st.builds(Select, st.sampled_from(["a", "b", "c", None])),
    st.builds(Alter, st.sampled_from(["a", "b"]), st.sampled_from(["x", None]), st.just(None), st.booleans()),
    st.builds(Delete, st.sampled_from(["a", "b"])),
    st.builds(ChooseTool, st.sampled_from(list(TOOLS))),
    st.builds(
        Add,
        st.sampled_from(["b", "c"]),
        st.sampled_from(list(TOOLS)),
        st.just("b"),
        st.just((0, 255, 0)),
        st.just(SERIES),
        st.booleans(),
    ),
    st.builds(suggested, st.sampled_from(["a", "b", "c"]), st.integers(0, 4)),
    st.just(Undo()),
    st.just(Redo()),
)
ENTRIES = st.lists(st.one_of(GESTURES, GESTURES, GESTURES, GESTURES, OPTIONS, ARRANGEMENTS), max_size=40)
