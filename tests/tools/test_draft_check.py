"""What may be signed of a drawing, whatever wrote its journal: what is on its images, drawn with tools of the task."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from eci_annotate.errors import BadAnnotation, BadJournal, Refused
from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.volume import grid_of
from eci_annotate.tools import replay, save, to_line
from eci_annotate.tools.editing.adoption import adoption_of
from eci_annotate.tools.editing.draft_check import require_offered, require_placed
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Accept, Add, Adopt, Alter, Delete, Entry, Select, SetOption, Show
from eci_annotate.tools.editing.npz import Shelf, object_out
from eci_annotate.tools.editing.snapshot import load
from eci_annotate.tools.gestures import Drag, Press, Release
from eci_annotate.tools.protocol import Distance, Object, Paint
from tests.grids import FRAME, SERIES
from tests.tools.scenes import SHAPE, VOLUME, at, plane, suggested
from tests.tools.test_adopting import drawn

WHERE: dict[str, Any] = {"label": "lesion 1", "uid": "a", "series_uid": SERIES, "frame_uid": FRAME}

VOLUME_MM = grid_of(VOLUME).slice_mm


def ring(k: float, j: float = 8, i: float = 9) -> np.ndarray:
    """A square of six voxels in slice k."""
    return np.array([at(k, j + y, i + x) for y, x in ((-3, -3), (-3, 3), (3, 3), (3, -3))])


def adopting(thing: Object, field: np.ndarray | None = None) -> list[Entry]:
    return [Show(SERIES), adoption_of(thing, field, "model/1")]


def replayed(entries: list[Entry]) -> Easel:
    return replay(lambda uid: VOLUME, None, map(to_line, entries))


@pytest.mark.parametrize(
    "thing",
    [
        Box(at(4, 9, 9), (3, 3, 3), **WHERE),
        Box(at(0, 0, 0), (9, 9, 9), **WHERE),
        Contours((ring(0), ring(7)), **WHERE),
        Contours((ring(4, 0, 0),), **WHERE),
        Contours((ring(4, j=-2),), **WHERE),
        Box(at(4, 9, -2), (9, 9, 9), **WHERE),
        Distance(points_lps=(at(4, 4, 4), at(4, 4, 40)), **WHERE),
        Contours((ring(4), ring(6)), VOLUME_MM, **WHERE),
        Contours((ring(4), ring(6)), 2 * VOLUME_MM, **WHERE),
        Contours((ring(4),), 5.0, **WHERE),
    ],
)
def test_what_is_on_its_images_may_be_signed(thing: Object) -> None:
    require_placed(replayed(adopting(thing)).table)


@pytest.mark.parametrize(
    ("thing", "why"),
    [
        (Box(at(4, 9, 80), (3, 3, 3), **WHERE), "beside the images"),
        (Box(at(4, 9, 9), (3, 3, 3), **{**WHERE, "frame_uid": ""}), "no frame of reference"),
        (Box(at(4, 9, 9), (3, 3, 3), **{**WHERE, "frame_uid": "1.2.3"}), "another frame of reference"),
        (Box(at(4, 9, 9), (3, 3, 3), **{**WHERE, "label": 7}), "identity or label"),
        (Box(at(4, 9, 9), (3, 3, 3), **{**WHERE, "uid": ""}), "identity or label"),
        (Contours((ring(4), ring(20)), **WHERE), "beside the images"),
        (Contours((ring(4, j=60),), **WHERE), "beside the images"),
        (Box(at(4, 9, 9), (1e7, 1e7, 1e7), **WHERE), "beside the images"),
        (Contours((1e6 * (ring(4) - ring(4).mean(0)) + ring(4).mean(0),), **WHERE), "beside the images"),
        (Distance(points_lps=(at(4, 4, 4), at(4, 4, 1e6)), **WHERE), "beside the images"),
        (Contours((ring(4),), 1000.0, **WHERE), "1000 mm apart"),
        (Contours((ring(4), ring(5)), 2 * VOLUME_MM, **WHERE), "apart"),
        (Contours((ring(4), ring(5)), VOLUME_MM / 2, **WHERE), "apart"),
        (Distance(points_lps=(at(4, 4, 4), (float("nan"), 0.0, 0.0)), **WHERE), "beside the images"),
    ],
)
def test_what_is_not_is_refused(thing: Object, why: str) -> None:
    with pytest.raises(Refused, match=why):
        require_placed(replayed(adopting(thing)).table)


def test_a_mask_has_the_grid_of_its_own_series() -> None:
    field = np.full(SHAPE, 65535, np.uint16)
    painted = adopting(Paint(**{**WHERE, "series_uid": "1.2"}), field)
    painted = [Show(SERIES), replace(painted[1], series_uid=SERIES)]
    easel = replay(lambda uid: VOLUME if uid == SERIES else VOLUME[1:], None, map(to_line, painted))
    with pytest.raises(Refused, match="different grid"):
        require_placed(easel.table)


STROKE = [
    Press(at(4, 6, 6), plane("axial")),
    Drag((at(4, 6, 14), at(4, 14, 14), at(4, 14, 6)), plane("axial")),
    Release(at(4, 14, 6), plane("axial")),
]
OUTLINED = [Show(SERIES), Add("f", "freedraw", "lesion 1", (9, 9, 9), SERIES), *STROKE]
PAINTED = [Show(SERIES), Add("p", "smartpaint", "lesion 1", (9, 9, 9), SERIES), *STROKE]


@pytest.mark.parametrize(
    ("entries", "tools"),
    [
        (OUTLINED, ()),
        (OUTLINED, ("freedraw",)),
        ([*OUTLINED, Delete("f")], ("box",)),
        ([*PAINTED, suggested("p", 2)], ("smartpaint", "growcut")),
        ([Show(SERIES), Add("d", "distance", "1", (9, 9, 9), SERIES), *STROKE], ("box",)),
        (adopting(Box(at(4, 9, 9), (3, 3, 3), **WHERE)), ("freedraw",)),
    ],
)
def test_tools_of_the_task_draw(entries: list[Entry], tools: tuple[str, ...]) -> None:
    require_offered(map(to_line, entries), replayed(entries).table, tools)


@pytest.mark.parametrize(
    ("entries", "tools", "named"),
    [
        (OUTLINED, ("box",), "FreeDraw"),
        ([*PAINTED, suggested("p", 2)], ("smartpaint",), "GrowCut"),
    ],
)
def test_other_tools_do_not(entries: list[Entry], tools: tuple[str, ...], named: str) -> None:
    with pytest.raises(Refused, match=f"drawn with {named}, which this task does not offer"):
        require_offered(map(to_line, entries), replayed(entries).table, tools)


def test_a_snapshot_holds_nothing_that_no_tool_of_the_task_makes() -> None:
    table = load(save(replayed(OUTLINED)), lambda uid: VOLUME).table
    require_offered([], table, ("freedraw",))
    require_offered([], table, ("box",), lambda: ["f"])  # it is of the version before
    require_offered(map(to_line, adopting(table.objects["f"])[:1]), table, ())
    with pytest.raises(Refused, match="no tool of this task makes contours"):
        require_offered([], table, ("box",))


def test_nor_do_their_strokes_on_what_is_there() -> None:
    entries = [*adopting(Paint(**WHERE), np.full(SHAPE, 65535, np.uint16)), *PAINTED[1:2], Select("a"), *STROKE]
    entries.append(Delete("p"))
    with pytest.raises(Refused, match="SmartPaint"):
        require_offered(map(to_line, entries), replayed(entries).table, ("box",))


def test_an_acceptance_adds_only_a_mask_that_is_new_and_on_its_series() -> None:
    def accepting(adds: Object) -> Accept:
        shelf = Shelf()
        parts: dict[str, list[Any]] = {"masks": [], "objects": [], "clears": []}
        body = {"version": 1, "shape": list(SHAPE), "adds": object_out(adds, shelf), **parts}
        return Accept(SERIES, base64.b64encode(shelf.closed(body)).decode(), "growcut/1", "x")

    mine = drawn("smartpaint")
    before = save(mine)
    for thing in (Box(at(4, 9, 9), (3, 3, 3), **WHERE), Paint(**{**WHERE, "uid": "b", "series_uid": "1.2"})):
        with pytest.raises(BadJournal):
            mine.do(accepting(thing))
    with pytest.raises(Refused, match="exists already"):
        mine.do(accepting(Paint(**WHERE)))
    assert save(mine) == before


def test_points_that_belong_to_no_ring_are_not_dropped() -> None:
    shelf = Shelf()
    body = object_out(Contours((ring(2), ring(4)), **WHERE), shelf)
    shelf.arrays["a1"] = np.array([4])
    shape = base64.b64encode(shelf.closed({"version": 1, "object": body})).decode()
    with pytest.raises(BadJournal):
        Easel(lambda uid: VOLUME).do(Adopt("a", SERIES, shape, "model/1"))


@pytest.mark.parametrize(
    "bad",
    [
        [Add("a", "box", "lesion 1", (1, 2), SERIES)],  # type: ignore[arg-type]
        [Alter("f", colour=(1, 2))],  # type: ignore[arg-type]
        [SetOption("radius_mm", "wide"), *PAINTED[1:]],
        [Delete({"f": 1})],  # type: ignore[arg-type]
        [*PAINTED[:2], Press((1.0, 2.0), plane("axial"))],  # type: ignore[arg-type]
        [*OUTLINED[:3], Drag(((float("nan"),) * 3, at(4, 14, 14), at(4, 9, 9)), plane("axial")), OUTLINED[-1]],
    ],
)
def test_a_step_that_no_tool_can_do_is_named(bad: list[Entry]) -> None:
    with pytest.raises(BadJournal, match="cannot be done"):
        replayed([*OUTLINED, *bad])


def test_a_snapshot_that_is_cut_or_damaged_is_named() -> None:
    content = bytearray(save(drawn("smartpaint")))
    for at_byte in range(40, len(content), 97):
        damaged = bytes(content[:at_byte]) + bytes([content[at_byte] ^ 255]) + bytes(content[at_byte + 1 :])
        try:
            load(damaged, lambda uid: VOLUME)
        except BadJournal:
            continue


def test_numbers_that_are_none_make_no_annotation() -> None:
    with pytest.raises(BadAnnotation, match="centre"):
        Box((float("nan"), 0, 0), (1, 1, 1))
    for spacing in (0.0, -3.0, float("nan"), float("inf")):
        with pytest.raises(BadAnnotation, match="spacing"):
            Contours((ring(2),), spacing)


def test_a_snapshot_with_a_mask_without_voxels_is_none() -> None:
    easel = drawn("smartpaint")
    del easel.table.history._fields["a"]
    with pytest.raises(BadJournal):
        load(save(easel), lambda uid: VOLUME)


def test_a_line_nested_without_end_is_named() -> None:
    with pytest.raises(BadJournal, match="unreadable"):
        replay(lambda uid: VOLUME, None, ["[" * 100_000])
