"""The scorer alone knows the reference: when a robot reached which Dice, and how near it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from eci_annotate.imaging.distances import dice, hd95
from tests.benchmarks.robots.belief import CHARACTERS, Bools, Character, belief_of, generator
from tests.benchmarks.robots.policies import POLICIES
from tests.benchmarks.robots.volumes import Case
from tests.benchmarks.robots.workplace import Workplace

AIMS = (0.90, 0.95)
BELIEF = "the belief itself"


@dataclass
class Score:
    """One annotation.

    Attributes
    ----------
    case, policy, character
        Their names.
    contrast_to_noise
        Of the case.
    reached
        Gestures and seconds at which each of `AIMS` was reached first.
    gestures, seconds, dice, hd95_mm, volume_ml
        At the end.
    """

    case: str
    policy: str
    character: str
    contrast_to_noise: float
    reached: dict[float, tuple[int, float]] = field(default_factory=dict)
    gestures: int = 0
    seconds: float = 0.0
    dice: float = 0.0
    hd95_mm: float = float("inf")
    volume_ml: float = 0.0


def annotated(case: Case, policy: str, character: Character) -> tuple[Score, Workplace]:
    """Let one robot annotate one case by one policy.

    Parameters
    ----------
    case
        Volume and reference.
    policy
        Name of a policy, a key of `POLICIES`.
    character
        How the robot errs; its belief is the same for all policies.
    """
    score = Score(case.name, policy, character.name, case.contrast_to_noise)

    def observe(gestures: int, seconds: float, mask: Bools) -> None:
        score.dice = dice(mask, case.reference)
        for aim in AIMS:
            if score.dice >= aim:
                score.reached.setdefault(aim, (gestures, seconds))

    belief = _belief(case, character)
    hand = generator("hand", case.name, character.name, policy)
    place = Workplace(case.volume, POLICIES[policy].tool, character.tremor_mm, hand, observe)
    POLICIES[policy].annotate(place, belief)
    score.gestures, score.seconds = place.gestures, place.seconds
    _finish(score, place.mask(), case)
    return score, place


def of_belief(case: Case, character: Character) -> Score:
    """Return the score of the belief itself: what a perfect hand would draw in no time."""
    score = Score(case.name, BELIEF, character.name, case.contrast_to_noise)
    _finish(score, _belief(case, character), case)
    return score


def _belief(case: Case, character: Character) -> Bools:
    rng = generator("belief", case.name, character.name)
    return belief_of(case.reference, case.spacing_mm, character, rng)


def _finish(score: Score, mask: Bools, case: Case) -> None:
    score.dice = dice(mask, case.reference)
    score.hd95_mm = hd95(mask, case.reference, case.spacing_mm) if mask.any() else float("inf")
    score.volume_ml = float(mask.sum() * np.prod(case.spacing_mm)) / 1000


def scores(
    cases: Sequence[Case], policies: Sequence[str] = tuple(POLICIES), characters: Sequence[Character] = CHARACTERS
) -> list[Score]:
    """Let each robot annotate each case by each policy; the beliefs themselves are scored too."""
    found = []
    for case in cases:
        found += [of_belief(case, each) for each in characters]
        found += [annotated(case, policy, each)[0] for policy in policies for each in characters]
    return found


def icc_between_robots(found: Sequence[Score]) -> float:
    """Return ICC(2,1) of the volumes of cases (targets) by robots (raters), for the scores of one policy."""
    import pandas as pd

    from eci_annotate.repository.analysis.statistics import icc

    rows = [{"case": s.case, "robot": s.character, "ml": s.volume_ml} for s in found]
    table = pd.DataFrame(rows).pivot(index="case", columns="robot", values="ml")
    return {each.measure: each.value for each in icc(table)}["ICC(2,1)"]
