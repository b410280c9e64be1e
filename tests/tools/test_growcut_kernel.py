"""GrowCut's queue equals a plain Dijkstra, voxel by voxel; changed seeds equal a fresh run."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.errors import Refused
from eci_annotate.imaging.blocks import block
from eci_annotate.tools.growcut import grow
from eci_annotate.tools.growcut.growth import Growth
from eci_annotate.tools.growcut.region import region_after, region_around
from tests.counts import count, examples


def twin(values, seeds, walls, spacing=(1, 1, 1), locality=0):
    """Distances and labels by a heap; seeds are walls for the paths of others; the lowest label wins a tie."""
    best = {tuple(at): (0, int(seeds[tuple(at)])) for at in np.argwhere((seeds > 0) & ~walls)}
    heap = [(0, label, at) for at, (_, label) in best.items()]
    fixed = set(best)
    heapq.heapify(heap)
    steps = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if (a, b, c) != (0, 0, 0)]
    fine = max(16383 // max(int(np.ptp(values)), 1), 1) if locality else 1
    while heap:
        far, label, at = heapq.heappop(heap)
        if best[at] != (far, label):
            continue
        for step in steps:
            to = tuple(x + d for x, d in zip(at, step, strict=True))
            if any(not 0 <= x < n for x, n in zip(to, values.shape, strict=True)) or walls[to] or to in fixed:
                continue
            length = np.sqrt(sum((d * s) ** 2 for d, s in zip(step, spacing, strict=True)))
            cost = abs(int(values[to]) - int(values[at])) * fine + int(np.floor(length * locality * fine + 0.5))
            if (far + cost, label) < best.get(to, (2**62, 0)):
                best[to] = (far + cost, label)
                heapq.heappush(heap, (far + cost, label, to))
    labels, distances = np.zeros(values.shape, np.uint8), np.full(values.shape, -1)
    for at, (far, label) in best.items():
        labels[at], distances[at] = label, far
    return labels, distances


def case(seed, levels=6):
    """A small noisy volume, walls, and some seeds of up to three labels."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(1, 8, 3))
    values = rng.integers(-levels, levels, shape)
    walls = rng.random(shape) < rng.choice([0, 0.2])
    return rng, values, walls, planted(rng, np.zeros(shape, np.uint8), 0.1)


def planted(rng, seeds, share):
    """The seeds after a random edit: some added, some relabelled, some deleted."""
    after = seeds.copy()
    change = rng.random(seeds.shape) < share
    after[change] = rng.integers(0, 4, int(change.sum()))
    return after


@pytest.mark.soak
@settings(max_examples=examples(60, 2000))
@given(seed=st.integers(0, 2**32), levels=st.sampled_from([1, 2, 6, 500]), locality=st.sampled_from([0, 0, 0.7]))
def test_distances_and_labels_equal_a_plain_dijkstra(seed, levels, locality):
    _, values, walls, seeds = case(seed, levels)
    growth = Growth(values, 3, walls, (2.5, 1.0, 0.7), locality)
    growth.plant(seeds)
    assert growth.spread()
    labels, distances = twin(values, seeds, walls, (2.5, 1.0, 0.7), locality)
    np.testing.assert_array_equal(growth.label_map(), labels)
    if not locality:
        np.testing.assert_array_equal(growth.distances(), distances)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(count(12, 200)))
def test_edited_seeds_give_what_a_fresh_run_gives(seed):
    rng, values, walls, seeds = case(seed, (1, 3, 40)[seed % 3])
    growth = Growth(values, 3, walls)
    for _ in range(12):
        growth.plant(seeds)
        growth.spread()
        fresh = Growth(values, 3, walls)
        fresh.plant(seeds)
        fresh.spread()
        np.testing.assert_array_equal(growth.label_map(), fresh.label_map())
        np.testing.assert_array_equal(growth.distances(), fresh.distances())
        seeds = planted(rng, seeds, rng.choice([0.02, 0.1, 0.5]))


def test_a_run_that_was_ended_goes_on_also_with_other_seeds():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 900, (20, 120, 120))
    seeds = np.zeros(values.shape, np.uint8)
    seeds[10, 60, 60], seeds[0, 0, 0] = 1, 2
    for others in (False, True):
        growth = Growth(values, 2)
        growth.plant(seeds)
        asked: list[float] = []
        assert not growth.spread(lambda share, asked=asked: bool(asked.append(share)))
        assert len(asked) == 1 and 0 < asked[0] < 1
        if others:
            seeds[3, 3, 3] = 1
            growth.plant(seeds)
        assert growth.spread()
        np.testing.assert_array_equal(growth.label_map(), grow(values, seeds, margin=None))


def test_the_function_works_in_the_region_of_the_seeds_and_leaves_out_what_has_no_value():
    values = np.zeros((9, 30, 30))
    values[:, :, 15:] = 100.5
    values[4, 10, 12] = np.nan
    seeds = np.zeros(values.shape, int)
    seeds[4, 10, 10], seeds[4, 10, 20] = 1, 2
    found = grow(values, seeds)
    assert found[4, 10, 12] == 0 and found[4, 10, 14] == 1 and found[4, 10, 15] == 2
    assert found.any((0, 1)).sum() == 17 and found[0].sum() == 0  # three voxels of margin


@pytest.mark.parametrize("labels", [[], [1], [1, 1]])
def test_seeds_of_one_label_are_too_few(labels):
    seeds = np.zeros((1, 1, 5), int)
    seeds[0, 0, : len(labels)] = labels
    with pytest.raises(Refused, match="two labels"):
        grow(np.zeros((1, 1, 5)), seeds)


def test_a_cancelled_run_is_refused():
    seeds = np.zeros((20, 120, 120), int)
    seeds[0, 0, 0], seeds[-1, -1, -1] = 1, 2
    with pytest.raises(Refused, match="cancelled"):
        grow(np.random.default_rng(0).integers(0, 99, seeds.shape), seeds, go_on=lambda share: False)


def test_the_region_grows_only_when_a_seed_comes_near_its_edge():
    first = region_around(block((10, 10, 10), (20, 30, 11)), (40, 40, 40))
    assert first == block((7, 6, 7), (23, 34, 14))
    assert region_after(first, block((10, 10, 10), (20, 31, 11)), (40, 40, 40)) == first
    assert region_after(first, block((10, 10, 10), (21, 30, 11)), (40, 40, 40)) != first
    edge = region_around(block((0, 0, 0), (40, 9, 40)), (40, 40, 40))
    assert region_after(edge, block((0, 0, 0), (40, 9, 40)), (40, 40, 40)) == edge
