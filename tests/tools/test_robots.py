"""The robots of the benchmark: times computed by hand, beliefs near the reference, the same gestures for a seed."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from eci_annotate.imaging.distances import dice
from tests.benchmarks.bench_robots import CLICK, SHAPES, _gesture_targets, _shown_icc, _spread
from tests.benchmarks.robots.belief import CHARACTERS, belief_of, generator
from tests.benchmarks.robots.paths import around, middle_path
from tests.benchmarks.robots.policies import POLICIES
from tests.benchmarks.robots.score import Score, annotated, icc_between_robots
from tests.benchmarks.robots.time_model import draw_s, move_s
from tests.benchmarks.robots.volumes import TUNING_SEED, phantom_case
from tests.benchmarks.robots.workplace import Workplace

CASE = phantom_case(TUNING_SEED, 5.0, has_neighbour=False)


def test_times_are_those_of_the_model():
    assert move_s(0, 5) == 0.1
    assert move_s(35, 5) == pytest.approx(0.1 + 0.15 * 3)
    assert draw_s(100) == 2.0


def test_a_click_costs_movement_and_click_and_a_line_its_length():
    place = Workplace(CASE.volume, "smartpaint", 0.0, np.random.default_rng(0), lambda *seen: None)
    begin = place.seconds
    assert begin == pytest.approx(1.2 + 0.28)
    middle = np.array([[16.0, 0.0, 0.0]])
    place.stroke(middle, 5.0)
    assert place.seconds - begin == pytest.approx(0.1 + 0.2)
    begin, slices = place.seconds, np.array([[18.0, 0.0, 0.0], [18.0, 40.0, 0.0]])
    place.stroke(slices, 5.0)
    assert place.seconds - begin == pytest.approx(2 * 0.28 + 0.1 + 0.2 + 40 * 0.9 * place.scale / 50)
    assert place.gestures == 2


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda each: each.name)
def test_a_belief_is_near_the_reference_and_never_equal(character):
    for seed in range(3):
        found = belief_of(CASE.reference, CASE.spacing_mm, character, generator(seed, character.name))
        assert dice(found, CASE.reference) > 0.75 and not np.array_equal(found, CASE.reference)
    large = [found.sum() for found in (_belief(0.0, 1.0), _belief(0.0, 0.0), _belief(0.0, -1.0))]
    assert large == sorted(large, reverse=True)


def _belief(displacement_mm, bias_mm):
    character = type(CHARACTERS[0])("", displacement_mm, bias_mm, 0.0)
    return belief_of(CASE.reference, CASE.spacing_mm, character, generator(0))


@pytest.mark.parametrize("policy", ["SmartPaint, barrier", "FreeDraw, interpolation", "click segment"])
def test_a_robot_reaches_a_dice_of_0_9_on_an_easy_phantom(policy):
    score, _ = annotated(CASE, policy, CHARACTERS[0])
    assert score.reached[0.90][1] <= score.seconds < 120 and score.dice >= 0.90 and score.hd95_mm < 5


def test_the_same_seed_gives_the_same_gestures():
    (one, first), (two, second) = (annotated(CASE, "chosen by eye", CHARACTERS[2]) for _ in range(2))
    assert first.log == second.log and one == two
    other = annotated(CASE, "chosen by eye", CHARACTERS[3])[1]
    assert other.log != first.log


def test_a_policy_gets_a_workplace_and_a_belief_and_a_workplace_no_reference():
    for policy in POLICIES.values():
        assert list(inspect.signature(policy.annotate).parameters) == ["place", "belief"]
    assert list(inspect.signature(Workplace).parameters) == ["volume", "tool", "tremor_mm", "rng", "observer"]


def test_parameters_are_set_on_other_phantoms_than_the_tables():
    assert 10 * SHAPES < TUNING_SEED
    one, other = phantom_case(0, 5.0, has_neighbour=False), CASE
    assert not np.array_equal(one.reference, other.reference) and one.contrast_to_noise == 5.0


def test_a_path_stays_in_its_region_and_an_outline_surrounds_it():
    j, i = np.ogrid[:40, :40]
    ring = ((j - 20) ** 2 + (i - 20) ** 2 < 15**2) & ((j - 20) ** 2 + (i - 20) ** 2 > 8**2) & (i < 25)
    path = np.round(middle_path(ring, (1.0, 1.0), 2.0)).astype(int)
    assert ring[tuple(path.T)].all() and len(path) > 30
    outline = around(ring, 3)
    assert (outline.min(0) < np.argwhere(ring).min(0)).all() and (outline[0] == outline[-1]).all()


def scores_of(policy, gestures):
    """Two robots, the second 1 % larger, on three cases."""
    return [
        Score(case, policy, robot, ratio, {0.90: (gestures, 9.0)}, gestures, 9.0, 0.95, 1.0, ml * share)
        for case, ml, ratio in (("a", 10.0, 1.0), ("b", 20.0, 2.0), ("c", 60.0, 5.0))
        for robot, share in (("x", 1.0), ("y", 1.01))
    ]


def test_agreement_between_robots_is_computed_over_cases():
    assert 0.99 < icc_between_robots(scores_of("GrowCut", 3)) < 1


def test_targets_are_judged():
    found = [*scores_of("SmartPaint, barrier", 3), *scores_of("FreeDraw, interpolation", 5), *scores_of(CLICK, 5)]
    ratio, click = _gesture_targets(found)
    assert ratio[2:] == ["0.60 (median of 6 pairs)", "**not met**"]
    assert click[2:] == ["4 of 4", "met"]
    found[0].reached.clear()  # only FreeDraw reached it, which counts as infinitely many
    assert _gesture_targets(found)[0][2] == "0.60 (median of 6 pairs)"
    for score in found[:4]:
        score.reached.clear()
    assert _gesture_targets(found)[0][2] == "inf (median of 6 pairs)"


def test_runs_that_never_reach_it_count_and_equal_failures_are_no_agreement():
    assert _spread([1.0, 2.0, 3.0, np.inf]) == "3 (never)"
    nothing = [replace(score, volume_ml=0.0) for score in scores_of("GrowCut", 3)]
    assert _shown_icc(nothing) == "some drew nothing"
