"""SmartPaint: each kernel equals its NumPy twin, and the barrier rule stops where the classic one leaks."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import volume_from_array
from eci_annotate.tools import replay, save
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Add, SetOption, Show, Undo
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from eci_annotate.tools.protocol import HALF, ZONE
from eci_annotate.tools.smartpaint.dabs import LEVELS, cone, dab_all, smoothed, tone
from tests.counts import examples
from tests.grids import FRAME, SERIES
from tests.tools.scenes import GRID, VOLUME, at, easel, plane


def moved(value, alpha, erase):
    """Fixed-point step toward the target, rounding to nearest."""
    value, alpha = int(value), int(alpha)
    return value - ((value * alpha + 32768) >> 16) if erase else value + (((65535 - value) * alpha + 32768) >> 16)


def offsets(brush, centre, shape):
    half = np.array(brush.shape) // 2
    for offset in np.ndindex(brush.shape):
        p = tuple(np.array(offset) - half + centre)
        if brush[offset] and all(0 <= a < n for a, n in zip(p, shape, strict=True)):
            yield p, int(brush[offset])


def twin_classic(field, values, centre, brush, tones, erase):
    for p, weight in offsets(brush, centre, values.shape):
        away = abs(int(values[p]) - int(values[tuple(centre)]))
        if away < len(tones):
            field[p] = moved(field[p], (weight * int(tones[away])) >> 16, erase)


def twin_barrier(field, values, centre, brush, tones, reach, flat_axis, erase, shut):
    if shut[tuple(centre)]:
        return
    """Dijkstra with a heap on the worst difference so far."""
    weights = dict(offsets(brush, centre, values.shape))
    near = [slice(max(c - (a != flat_axis), 0), c + 1 + (a != flat_axis)) for a, c in enumerate(centre)]
    around = np.sort(values[tuple(near)].ravel())
    here = int(around[len(around) // 2])
    best, queue = {tuple(centre): 0}, [(0, tuple(centre))]
    while queue:
        worst, p = heapq.heappop(queue)
        if worst > best[p]:
            continue
        for axis in range(3):
            for step in (-1, 1):
                q = tuple(c + step * (a == axis) for a, c in enumerate(p))
                if q not in weights or shut[q]:
                    continue
                cost = max(worst, abs(int(values[q]) - here) * LEVELS // reach)
                if cost < LEVELS and cost < best.get(q, LEVELS):
                    best[q] = cost
                    heapq.heappush(queue, (cost, q))
    for p, level in best.items():
        field[p] = moved(field[p], (weights[p] * int(tones[level])) >> 16, erase)


CASES = st.fixed_dictionaries(
    {
        "shape": st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)),
        "radius": st.floats(0.5, 7),
        "flow": st.floats(0.01, 1),
        "k": st.integers(1, 6),
        "reach": st.integers(1, 300),
        "flat": st.sampled_from([-1, 0, 1, 2]),
        "barrier": st.booleans(),
        "erase": st.booleans(),
        "locked": st.sampled_from([0, 0, 0.3]),
        "seed": st.integers(0, 10**6),
    }
)


@pytest.mark.soak
@settings(max_examples=examples(150, 5000))
@given(CASES)
def test_dabs_equal_their_numpy_twins(case):
    rng = np.random.default_rng(case["seed"])
    shape = case["shape"]
    values = rng.integers(-150, 150, shape).astype(np.int16)
    start = rng.integers(0, 65536, shape).astype(np.uint16)
    centres = np.array([[rng.integers(n) for n in shape] for _ in range(3)], np.int64)
    brush = cone(case["radius"], (2.0, 1.0, 1.3), case["flow"], case["flat"])
    tones = tone(LEVELS if case["barrier"] else case["reach"], case["k"])
    field, twin = start.copy(), start.copy()
    locked = rng.random(shape) < case["locked"]
    dab_all(
        field,
        np.zeros(3, np.int64),
        locked,
        values,
        centres,
        brush,
        tones,
        case["reach"],
        case["flat"],
        case["barrier"],
        case["erase"],
    )
    for centre in centres:
        if case["barrier"]:
            twin_barrier(twin, values, centre, brush, tones, case["reach"], case["flat"], case["erase"], locked)
        else:
            before = twin.copy()
            twin_classic(twin, values, centre, brush, tones, case["erase"])
            twin[locked] = before[locked]
    assert np.array_equal(field, twin)


@given(st.integers(0, 999), st.tuples(*[st.sampled_from([0.7, 1.0, 5.0])] * 3))
def test_smoothing_equals_its_numpy_twin(seed, spacing):
    values = np.random.default_rng(seed).integers(-1000, 1000, (4, 6, 7)).astype(np.int16)
    expected = values.astype(np.int64)
    for axis, step in enumerate(spacing):
        weights = np.exp(-0.5 * (np.arange(-2, 3) * step / (0.8 * min(spacing))) ** 2)
        taps = np.floor(256 * weights / weights.sum() + 0.5).astype(int)
        taps[2] += 256 - taps.sum()
        padded = np.pad(expected, [(2, 2) if a == axis else (0, 0) for a in range(3)], mode="edge")
        moved_by = [np.take(padded, range(t, t + values.shape[axis]), axis) for t in range(5)]
        expected = (sum(w * m for w, m in zip(taps, moved_by, strict=True)) + 128) >> 8
    assert np.array_equal(smoothed(values, spacing), expected)


def test_erasing_mirrors_adding():
    values, free = np.zeros((5, 5, 5), np.int16), np.zeros((5, 5, 5), bool)
    brush, tones, centre = cone(3.0, (1.0, 1.0, 1.0), 0.4, -1), tone(50, 3), np.array([[2, 2, 2]])
    up, down = np.full((5, 5, 5), 20000, np.uint16), np.full((5, 5, 5), 65535 - 20000, np.uint16)
    dab_all(up, np.zeros(3, np.int64), free, values, centre, brush, tones, 50, -1, False, False)
    dab_all(down, np.zeros(3, np.int64), free, values, centre, brush, tones, 50, -1, False, True)
    assert np.array_equal(up, 65535 - down)


def test_the_rule_is_the_one_of_the_paper():
    """One dab from zero: f = beta (1 - d/r) (1 - c |dJ|)^k, to the precision of the fixed point."""
    e = easel("smartpaint", rule="classic", radius_mm=6.0, flow=0.4, sensitivity=3, contrast=2.0)
    e.do(Press(at(4, 9, 10), plane("axial")))
    values = e.table.sheet.values.astype(float)
    k, j, i = np.indices(values.shape)
    d = np.sqrt(((k - 4) * 2.5) ** 2 + ((j - 9) * 1.1) ** 2 + ((i - 10) * 0.9) ** 2)
    tones = np.maximum(0, 1 - 2.0 * np.abs(values - values[4, 9, 10]) / 150)
    expected = 0.4 * np.maximum(0, 1 - d / 6.0) * tones**3
    assert np.abs(e.table.field("a") / 65535 - expected).max() < 1e-4


def test_two_dimensional_paint_stays_on_its_slice_in_every_pane():
    for name, axis in (("axial", 0), ("sagittal", 2), ("coronal", 1)):
        e = easel("smartpaint", dimension=2)
        e.do(Press(at(4, 9, 10), plane(name)))
        touched = np.argwhere(e.table.field("a") > 0)
        assert len(set(touched[:, axis])) == 1 and len(touched) > 5


def test_a_fast_stroke_leaves_no_gaps_and_does_not_depend_on_batching():
    slow, fast = easel("smartpaint", flow=1.0), easel("smartpaint", flow=1.0)
    points = [at(4, 9, i) for i in np.linspace(2, 20, 19)]
    for e, parts in ((slow, [[p] for p in points[1:]]), (fast, [points[1:]])):
        e.do(Press(points[0], plane("axial")))
        for part in parts:
            e.do(Drag(tuple(part), plane("axial")))
        e.do(Release(points[-1], plane("axial")))
    assert np.array_equal(slow.table.field("a"), fast.table.field("a"))
    assert (slow.table.field("a")[4, 9, 8:13] >= 32768).all()


def test_the_window_is_frozen_for_the_stroke():
    one, other = easel("smartpaint"), easel("smartpaint")
    for e in (one, other):
        e.do(Press(at(4, 9, 10), plane("axial")))
    other.do(SetOption("window", (0.0, 10.0)))
    for e in (one, other):
        e.do(Drag((at(4, 9, 14),), plane("axial")))
        e.do(Release(at(4, 9, 14), plane("axial")))
    assert np.array_equal(one.table.field("a"), other.table.field("a"))


def leak_phantom(noise, seed=0):
    """The sphere beside a cylinder of the same intensity, behind a gap of two voxels."""
    n = 80
    z, y, x = np.ogrid[:n, :n, :n]
    lesion = ((z - 40) ** 2 + (y - 40) ** 2 + (x - 30) ** 2) < 15**2
    neighbour = (((z - 40) ** 2 + (y - 40) ** 2) < 15**2) & (x >= 47) & (x < 70)
    values = np.full((n, n, n), 60.0)
    values[lesion | neighbour] = 110
    values += np.random.default_rng(seed).normal(0, noise, values.shape)
    return np.round(values).astype(np.int16), lesion, neighbour


def paint_phantom(values, rule, seed):
    """Random strokes up to one voxel from the edge of the lesion."""
    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), values.shape, FRAME)
    e = Easel(lambda uid: volume_from_array(values, grid, series_uid=SERIES))
    e.do(Show(SERIES))
    e.do(Add("a", "smartpaint", "", (0, 0, 0), SERIES))
    for name, value in {"radius_mm": 16.0, "window": (0.0, 100.0), "flow": 0.2, "rule": rule}.items():
        e.do(SetOption(name, value))
    view = Plane("axial", (0, 0, 0), (1, 0, 0), (0, 1, 0), 1.0)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        for z in (30, 35, 40, 45, 50):
            for y in (30, 35, 40, 45, 50):
                row = [
                    (float(x), float(y), float(z))
                    for x in range(18, 45)
                    if (z - 40) ** 2 + (y - 40) ** 2 + (x - 30) ** 2 < 14**2
                ]
                if row and rng.random() < 0.9:
                    e.do(Press(row[0], view))
                    e.do(Drag(tuple(row[1:]) or (row[0],), view))
                    e.do(Release(row[-1], view))
    return e.table.field("a") >= 32768


@pytest.mark.parametrize("noise", [5, 15, 25])
def test_the_barrier_rule_does_not_leak(noise):
    values, lesion, neighbour = leak_phantom(noise)
    barrier, classic = paint_phantom(values, "barrier", 1), paint_phantom(values, "classic", 1)

    def dice(mask):
        return 2 * (mask & lesion).sum() / (mask.sum() + lesion.sum())

    assert dice(barrier) > 0.97 and (barrier & neighbour).sum() == 0
    assert dice(barrier) > dice(classic) and (classic & neighbour).sum() > 500


def test_float_volumes_paint_like_whole_ones():
    values = np.round(np.random.default_rng(0).normal(100, 10, GRID.shape)).astype(np.int16)
    fields = []
    for factor in (1, 0.001):
        v = volume_from_array(values * factor if factor != 1 else values, GRID, series_uid=SERIES)
        e = Easel(lambda uid, v=v: v)
        e.do(Show(SERIES))
        e.do(Add("a", "smartpaint", "", (0, 0, 0), SERIES))
        e.do(SetOption("window", (0.0, 200.0 * factor)))
        e.do(SetOption("rule", "classic"))
        e.do(Press(at(4, 9, 10), plane("axial")))
        fields.append(e.table.field("a").astype(int))
    assert np.abs(fields[0] - fields[1]).max() < 400


def drawn(e, *points, button=0, pressures=()):
    e.do(Press(points[0], plane("axial"), button=button, pressure=pressures[0] if pressures else 1.0))
    e.do(Drag(points, plane("axial"), pressures=pressures))
    e.do(Release(points[-1], plane("axial")))
    return e


LINE = (at(4, 9, 6), at(4, 9, 10), at(4, 9, 14))


def test_a_zone_is_never_entered_and_is_kept_like_a_stroke():
    e = easel("smartpaint")
    e.do(SetOption("zone", True))
    drawn(e, at(4, 9, 10), at(4, 9, 11))
    zone = e.table.field(f"{ZONE}{SERIES}").copy()
    assert zone.any() and e.table.undo_name == "Undo SmartPaint excluded zone" and not e.table.field("a").any()
    e.do(SetOption("zone", False))
    for rule in ("classic", "barrier"):
        e.do(SetOption("rule", rule))
        drawn(e, *LINE)
    assert e.table.field("a").any() and not e.table.field("a")[zone > 0].any()
    again = replay(lambda uid: VOLUME, save(e), [])
    np.testing.assert_array_equal(again.table.field(f"{ZONE}{SERIES}"), zone)
    e.do(SetOption("zone", True))
    e.do(SetOption("erase", True))
    drawn(e, at(4, 9, 10), at(4, 9, 11))
    assert not e.table.field(f"{ZONE}{SERIES}").any()


def test_locked_annotations_are_not_painted_over():
    e = drawn(easel("smartpaint", rule="classic"), *LINE)
    mine = e.table.field("a") >= HALF
    e.do(Add("b", "smartpaint", "lesion 2", (0, 255, 0), SERIES))
    drawn(e, *LINE)
    assert (e.table.field("b")[mine] > 0).any()
    e.do(Undo())
    e.do(SetOption("lock", True))
    drawn(e, *LINE)
    assert mine.any() and not e.table.field("b")[mine].any() and e.table.field("b").any()


def test_only_values_in_the_window_are_painted_if_asked():
    e = easel("smartpaint", window=(80.0, 130.0), contrast=0.5, in_window=True, rule="classic")
    drawn(e, *LINE)
    values = np.asarray(VOLUME)
    painted = values[e.table.field("a") > 0]
    assert painted.size and painted.min() >= 80 and painted.max() <= 130


def test_a_pen_that_presses_less_paints_less_and_not_at_all_where_it_only_touches():
    faint, firm, none = (
        drawn(easel("smartpaint", pressure=True), *LINE, pressures=(p, p, p)).table.field("a").sum(dtype=np.int64)
        for p in (0.4, 1.0, 0.01)
    )
    plain = drawn(easel("smartpaint"), *LINE, pressures=(0.4, 0.4, 0.4)).table.field("a").sum(dtype=np.int64)
    assert none == 0 < faint < firm == plain


def test_pressure_changes_along_a_stroke_in_one_undo_item():
    e = drawn(easel("smartpaint", pressure=True), *LINE, pressures=(0.2, 0.6, 1.0))
    assert e.table.undo_name == "Undo SmartPaint stroke on lesion 1"
    e.do(Undo())
    assert not e.table.field("a").any()


def test_the_other_end_of_a_pen_erases():
    e = drawn(easel("smartpaint"), *LINE)
    before = e.table.field("a").sum(dtype=np.int64)
    drawn(e, *LINE, button=5)
    assert (
        e.table.field("a").sum(dtype=np.int64) < before and e.table.undo_name == "Undo SmartPaint erasure on lesion 1"
    )
