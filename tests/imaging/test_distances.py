"""Distances between masks against a plain reckoning of every pair of surface voxels."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

import eci_annotate as eci
from eci_annotate.imaging.distances import dice, hd95, mean_distance, surface_dice, surface_distances
from eci_annotate.imaging.volume import like, volume_from_array
from eci_annotate.repository.analysis.delta import Delta
from eci_annotate.repository.analysis.ratings import ambiguous_labels, by_label, volumes
from eci_annotate.repository.analysis.readings import Comparison
from eci_annotate.repository.external.compare_objects import compared

MASKS = arrays(bool, (4, 5, 6))
SPACING = (3.0, 0.7, 1.1)


def surface(mask: np.ndarray) -> np.ndarray:
    padded, found = np.pad(mask, 1), []
    for voxel in np.argwhere(mask):
        z, y, x = voxel + 1
        faces = [(z - 1, y, x), (z + 1, y, x), (z, y - 1, x), (z, y + 1, x), (z, y, x - 1), (z, y, x + 1)]
        if not all(padded[face] for face in faces):
            found.append(voxel * np.array(SPACING))
    return np.array(found).reshape(-1, 3)


@given(MASKS, MASKS)
def test_they_are_those_of_all_pairs(a: np.ndarray, b: np.ndarray) -> None:
    to_b, to_a = surface_distances(a, b, SPACING)
    sa, sb = surface(a), surface(b)
    if len(sa) and len(sb):
        gap = np.linalg.norm(sa[:, None] - sb[None], axis=-1)
        np.testing.assert_allclose(to_b, gap.min(1), atol=1e-9)
        np.testing.assert_allclose(to_a, gap.min(0), atol=1e-9)
    assert hd95(a, b, SPACING) == hd95(b, a, SPACING)
    assert surface_dice(a, b, SPACING, 1e9) == 1.0 or not (a.any() and b.any())


@given(MASKS)
def test_a_mask_is_itself(a: np.ndarray) -> None:
    assert dice(a, a) == 1 and hd95(a, a, SPACING) == 0 and mean_distance(a, a, SPACING) == 0
    assert surface_dice(a, a, SPACING, 0.0) == 1


@given(MASKS, MASKS)
def test_slices_that_have_nothing_in_common_are_measured_one_by_one(a: np.ndarray, b: np.ndarray) -> None:
    to_b, to_a = surface_distances(a, b, (np.inf, *SPACING[1:]))
    alone: list[float] = []
    for one, other in zip(map(outline, a), map(outline, b), strict=True):
        gap = np.linalg.norm((np.argwhere(one)[:, None] - np.argwhere(other)[None]) * SPACING[1:], axis=-1)
        alone += list(gap.min(1)) if other.any() else [np.inf] * int(one.sum())
    np.testing.assert_allclose(to_b, alone, atol=1e-9)
    assert len(to_a) == sum(int(outline(each).sum()) for each in b)


def outline(mask: np.ndarray) -> np.ndarray:
    wide = np.pad(mask, 1)
    return mask & ~(wide[:-2, 1:-1] & wide[2:, 1:-1] & wide[1:-1, :-2] & wide[1:-1, 2:])


def test_a_shift_is_measured_in_millimetres() -> None:
    a = np.zeros((3, 20, 20), bool)
    a[1, 5:10, 5:10] = True
    assert hd95(a, np.roll(a, 2, axis=1), SPACING) == pytest.approx(1.4)
    assert hd95(a, np.zeros_like(a), SPACING) == np.inf


GRID = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 60, 60), "1.2")
PICTURE = volume_from_array(np.zeros(GRID.shape), GRID, series_uid="2.25.1", attrs={"kind": "projection"})


def disc(radius: float, row: int = 30, column: int = 30, label: str = "x") -> eci.Mask:
    j, i = np.mgrid[:60, :60]
    return eci.Mask.from_volume(like(PICTURE, ((j - row) ** 2 + (i - column) ** 2 <= radius**2)[None]), label=label)


def between(old: eci.Mask | eci.Box | None, new: eci.Mask | eci.Box | None) -> dict[str, object]:
    nothing = SimpleNamespace(version=1, report={}, annotations=list)
    return Delta(nothing, nothing, lambda uid: PICTURE).row(old, new)


def test_discs_on_a_picture_differ_by_their_outlines() -> None:
    row = between(disc(20), disc(17))
    assert row["surface_dice"] == 0 and row["hd95_mm"] == pytest.approx(3, abs=0.7)
    assert row["mean_distance_mm"] == pytest.approx(3, abs=0.3)


def test_boxes_between_the_voxels_are_not_alike() -> None:
    one, other = (
        eci.Box((x, 10.4, 0), (0.2, 0.2, 0.2), frame_uid="1.2", series_uid="2.25.1", label="t") for x in (10.4, 40.4)
    )
    assert np.isnan(between(one, other)["dice"]) and np.isnan(between(one, other)["hd95_mm"])
    assert between(None, other)["dice"] == 0 and between(None, other)["hd95_mm"] == np.inf


def test_two_annotations_may_overlap_one_of_the_draft() -> None:
    theirs = [disc(5, 25, label="p"), disc(6, 38, label="q"), disc(2, 2, 2, label="far")]
    found = compared(theirs, [disc(20, label="own")], lambda uid: PICTURE)
    assert [each.own_label for each in found] == ["own", "own", None]
    assert "overlaps it" in found[2].words and "Dice 0.16" in found[1].words


def test_equal_labels_and_missing_volumes_are_known() -> None:
    rows = [{"uid": str(n), "label": label, "series": "1", "kind": "contours", "volume_mm3": size}
            for n, (label, size) in enumerate([("x", 5.0), ("x", 6.0), ("y", float("nan"))])]  # fmt: skip
    readings = tuple(SimpleNamespace(rows=some, prior_series=frozenset(), studies=()) for some in (rows, rows[1:]))
    comparison = Comparison("a - b", "between readers", ("a", "b"), {"S1": readings})  # type: ignore[dict-item]
    assert ambiguous_labels(comparison) == ["x"]
    assert volumes(comparison).of("y").rows == [(None, None)]


def test_volumes_before_and_after_a_treatment_and_their_change_are_targets_of_their_own() -> None:
    subjects = {}
    for n, sizes in enumerate([(30.0, 33.0, 10.0, 12.0), (50.0, 49.0, 45.0, 43.0)]):  # before, then after, by a and b
        rows = [{"uid": f"{n}{k}", "label": "x", "series": place, "kind": "mask", "volume_mm3": size}
                for k, (place, size) in enumerate(zip(("old", "old", "new", "new"), sizes, strict=True))]  # fmt: skip
        subjects[f"S{n}"] = tuple(
            SimpleNamespace(rows=rows[k::2], prior_series=frozenset({"old"}), studies=()) for k in (0, 1)
        )
    found = volumes(Comparison("a - b", "between readers", ("a", "b"), subjects))  # type: ignore[arg-type]
    by = {label: some.rows for label, some in by_label(found)}
    assert by == {
        "x, prior study": [(30.0, 33.0), (50.0, 49.0)],
        "x, change since the prior study": [(-20.0, -21.0), (-5.0, -6.0)],
        "x": [(10.0, 12.0), (45.0, 43.0)],
    }
