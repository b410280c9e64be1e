"""Click segment: its kernels equal their twins; it finds lesions in noise, stops at leaks, and says where it cannot."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, label

from eci_annotate.errors import Refused
from eci_annotate.imaging.distances import dice
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.mask_operations import fill_holes
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools import replay, save, to_line
from eci_annotate.tools.clicksegment import segment
from eci_annotate.tools.clicksegment.barrier_map import border_contrast, spread_levels
from eci_annotate.tools.clicksegment.click_request import ClickRequest, Grower
from eci_annotate.tools.clicksegment.clicksegment import Clicked
from eci_annotate.tools.clicksegment.curve import curve_of, without_necks
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.series_sheet import Sheet
from eci_annotate.tools.gestures import Press, Release
from eci_annotate.tools.protocol import HALF
from tests.counts import count, examples
from tests.grids import FRAME, SERIES
from tests.tools.scenes import SHAPE, VOLUME, at, easel, plane

CENTRE = (40, 40, 36)


def phantom(noise: float, kind: str = "", seed: int = 0):
    """A ball of contrast 50 in 80 voxels; beside it another of the same intensity, or a vessel that leaves it."""
    k, j, i = np.ogrid[:80, :80, :80]
    ball = (k - 40) ** 2 + (j - 40) ** 2 + (i - 36) ** 2 < 14**2
    others = {
        "": np.zeros_like(ball),
        "gap": ((k - 40) ** 2 + (j - 40) ** 2 < 14**2) & (i >= 52) & (i < 76),
        "vessel": ((k - 40) ** 2 + (j - 40) ** 2 < 4**2) & (i >= 46),
    }
    values = gaussian_filter(np.where(ball | others[kind], 110.0, 60.0), 0.7)
    return (values + np.random.default_rng(seed).normal(0, noise, ball.shape)).astype(np.int16), ball


def plain_growing(values, voxel, low, high):
    """Region growing by a window, the best that a user could set."""
    pieces, _ = label((values >= low) & (values <= high))
    return pieces == pieces[voxel] if pieces[voxel] else np.zeros(values.shape, bool)


@settings(max_examples=examples(40, 1000))
@given(seed=st.integers(0, 2**32), reach=st.integers(1, 60))
def test_levels_equal_a_plain_search(seed, reach):
    rng = np.random.default_rng(seed)
    values = rng.integers(-40, 40, tuple(rng.integers(1, 6, 3))).astype(np.int16)
    start = tuple(int(rng.integers(0, n)) for n in values.shape)
    found = np.empty(values.shape, np.uint8)
    spread_levels(values, np.array(start), 3, reach, found)
    best, heap = {start: 0}, [(0, start)]
    while heap:
        worst, n = heapq.heappop(heap)
        for axis in range(3):
            for step in (-1, 1):
                m = tuple(x + step * (a == axis) for a, x in enumerate(n))
                if m in best or not all(0 <= x < size for x, size in zip(m, values.shape, strict=True)):
                    continue
                cost = max(worst, abs(int(values[m]) - 3) * 255 // reach)
                if cost < 255:
                    best[m] = cost
                    heapq.heappush(heap, (cost, m))
    expected = np.full(values.shape, 255, np.uint8)
    for n, cost in best.items():
        expected[n] = cost
    np.testing.assert_array_equal(found, expected)


def test_the_contrast_of_a_border_is_the_mean_over_its_faces():
    rng = np.random.default_rng(1)
    values = rng.integers(-40, 40, (4, 5, 6)).astype(np.int16)
    levels = rng.integers(0, 256, values.shape).astype(np.uint8)
    total, faces = np.zeros(257), np.zeros(257)
    border_contrast(values, levels, total, faces)
    for level in (0, 3, 100, 254):
        inside = levels <= level
        away = [
            np.abs(np.diff(values.astype(int), axis=axis))[np.diff(inside.astype(int), axis=axis) != 0]
            for axis in range(3)
        ]
        assert np.cumsum(total)[level] == sum(each.sum() for each in away)
        assert np.cumsum(faces)[level] == sum(each.size for each in away)


@pytest.mark.parametrize("kind", ["", "gap", "vessel"])
@pytest.mark.parametrize("noise", [5, 15, 25])
def test_a_lesion_is_found_in_noise_and_leaks_are_stopped(noise, kind):
    for seed in range(count(2, 10)):
        values, ball = phantom(noise, kind, seed)
        rng = np.random.default_rng(seed)
        voxel = tuple(int(n + d) for n, d in zip(CENTRE, rng.integers(-6, 7, 3), strict=True))
        found = dice(segment(values, voxel), ball)
        plain = max(dice(plain_growing(values, voxel, low, 200), ball) for low in range(66, 106, 4))
        assert found >= {"": 0.95, "gap": 0.93, "vessel": 0.90}[kind], (noise, kind, seed, found)
        assert found > plain or plain > 0.98, (noise, kind, seed, found, plain)


def test_where_there_is_no_border_it_says_so():
    for seed in range(3):
        values = np.random.default_rng(seed).normal(60, 15, (60, 60, 60)).astype(np.int16)
        with pytest.raises(Refused, match="No border"):
            segment(values, (30, 30, 30))


def test_a_click_on_one_slice_stays_on_it():
    values, ball = phantom(5)
    found = segment(values, CENTRE, flat_axis=0)
    assert not found[:40].any() and not found[41:].any()
    assert dice(found[40], ball[40]) > 0.97


def test_the_growth_curve_is_nested_and_its_steps_differ():
    values, _ = phantom(10)
    regions = [segment(values, CENTRE, offset=n) for n in (-2, -1, 0, 1)]
    sizes = [int(region.sum()) for region in regions]
    assert sizes == sorted(set(sizes))
    curve = curve_of(values, CENTRE, (slice(0, 80),) * 3, (1.0, 1.0, 1.0))
    assert curve.level_at(10**6) == curve.steps[-1] and curve.level_at(-(10**6)) == curve.steps[0]


def test_holes_are_filled_and_necks_are_cut_where_they_are_narrow():
    inside = np.zeros((30, 30, 40), bool)
    inside[5:25, 5:25, 3:23] = True
    ring = inside.copy()
    ring[10:12, 10:12, 10:12] = False
    assert (fill_holes(ring) == inside).all()
    with_neck = inside.copy()
    with_neck[12:18, 12:18, 23:25] = True
    with_neck[10:20, 10:20, 25:38] = True
    cut = without_necks(with_neck, (15, 15, 12), (1.0, 1.0, 1.0))
    assert cut[7:23, 7:23, 5:21].all() and not cut[:, :, 30:].any()
    assert (without_necks(inside, (15, 15, 12), (1.0, 1.0, 1.0)) == inside).all()


def request(e, point, offset=0):
    thing = e.table.objects["a"]
    return ClickRequest(e.table.sheet, e.table.series_uid, point, -1, offset, thing, False)


def test_the_size_named_before_a_click_is_that_of_the_outline():
    values, _ = phantom(6.0, "gap")
    grid = Grid.from_arrays((0.0, 0.0, 0.0), np.eye(3), (1.0, 1.0, 1.0), values.shape, FRAME)
    sheet, (x, y, z) = Sheet(volume_from_array(values, grid, series_uid=SERIES)), grid.reference_from_image(CENTRE)
    thing = easel("clicksegment").table.objects["a"]
    click, grower = ClickRequest(sheet, SERIES, (float(x), float(y), float(z)), -1, 0, thing, False), Grower()
    said, found = grower.size_at(click), grower.suggest(click, lambda share: True)
    assert f"about {np.count_nonzero(found.parts[0].voxels) / 1000:.1f} ml" in said


def test_a_click_is_suggested_accepted_and_replayed():
    e = easel("clicksegment")
    start = save(e)
    entries = [Press(at(4, 9, 10), plane("axial")), Release(at(4, 9, 10), plane("axial"))]
    for entry in entries:
        e.do(entry)
    assert isinstance(e.state, Clicked) and e.table.undo_name == "Undo addition of lesion 1"
    grower = Grower()
    assert grower.size_at(request(e, e.state.at)).startswith("Click to outline about")
    found = grower.suggest(request(e, e.state.at), lambda share: True)
    entries.append(acceptance(found, SHAPE))
    e.do(entries[-1])
    blob = np.asarray(VOLUME) > 85
    assert dice(e.table.field("a") >= HALF, blob) > 0.75 and e.table.undo_name == "Undo click segment of lesion 1"
    again = replay(lambda uid: VOLUME, start, [to_line(entry) for entry in entries])
    np.testing.assert_array_equal(again.table.field("a"), e.table.field("a"))
    assert grower.suggest(request(e, at(4, 9, 10)), lambda share: False) is None


def test_a_click_outside_the_volume_chooses_nothing():
    e = easel("clicksegment")
    e.do(Press(at(40, 9, 10), plane("axial")))
    assert not isinstance(e.state, Clicked)


@pytest.mark.parametrize(("length", "flat_axis", "said"), [(70, -1, True), (20, -1, False), (70, 0, False)])
def test_what_is_longer_than_a_click_reaches_is_said_to_be_cut_off(length: int, flat_axis: int, said: bool) -> None:
    k, j, i = np.ogrid[:160, :60, :60]
    long = ((k - 80) / length) ** 2 + ((j - 30) / 14) ** 2 + ((i - 30) / 14) ** 2 < 1
    values = (gaussian_filter(np.where(long, 110.0, 60.0), 0.7)).astype(np.int16)
    grid = Grid.from_arrays((0.0, 0.0, 0.0), np.eye(3)[::-1], (1.0, 1.0, 1.0), values.shape, FRAME)
    sheet = Sheet(volume_from_array(values, grid, series_uid=SERIES))
    at, thing = tuple(map(float, grid.reference_from_image((80, 30, 30)))), easel("clicksegment").table.objects["a"]
    click, grower = ClickRequest(sheet, SERIES, at, flat_axis, 0, thing, False), Grower()
    note = grower.suggest(click, lambda share: True).note
    assert all(word in note for word in ("goes on toward", "the feet", "the head")) is said and bool(note) is said
    assert ("goes on toward" in grower.size_at(click)) is said
