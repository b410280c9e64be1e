"""Does it annotate better? Scripted annotators work with each tool on phantoms and two real data sets; people did not.

`python -m tests.benchmarks robots`: gestures, modelled seconds, Dice, HD95 and ICC between robots, beside the targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.benchmarks.measuring import Table
from tests.benchmarks.robots.belief import CHARACTERS
from tests.benchmarks.robots.policies import POLICIES
from tests.benchmarks.robots.score import AIMS, BELIEF, Score, icc_between_robots, scores
from tests.benchmarks.robots.volumes import TUNING_SEED, phantoms, real_cases

SHAPES = 2  # of phantoms, each with three levels of noise, with and without a neighbour
SECONDS, ICC, RATIO, CLICK_GESTURES, CLEAR_RATIO = 60.0, 0.98, 0.5, 5, 2.0
BARRIER, FREEDRAW, CLICK = "SmartPaint, barrier", "FreeDraw, interpolation", "click segment"
COLUMNS = [
    *("policy", "Dice 0.90 reached", "gestures", "s, median (p95)"),
    *("Dice 0.95 reached", "gestures", "s, median (p95)"),
    *("s until it stops, median (p95)", "Dice", "HD95, mm", "ICC between robots"),
]


def _spread(values: Sequence[float]) -> str:
    return f"{np.median(values):.0f} ({np.percentile(values, 95):.0f})" if values else ""


def _row(policy: str, found: Sequence[Score]) -> list[str]:
    row = [policy]
    for aim in AIMS:
        reached = [s.reached[aim] for s in found if aim in s.reached]
        gestures = f"{np.median([g for g, _ in reached]):.0f}" if reached else ""
        row += [f"{len(reached)} of {len(found)}", gestures, _spread([t for _, t in reached])]
    if policy == BELIEF:
        row = [
            policy,
            *(cell for aim in AIMS for cell in (f"{sum(s.dice >= aim for s in found)} of {len(found)}", "", "")),
        ]
    row.append("" if policy == BELIEF else _spread([s.seconds for s in found]))
    row += [f"{np.median([s.dice for s in found]):.3f}", f"{np.median([s.hd95_mm for s in found]):.1f}"]
    return [*row, f"{icc_between_robots(found):.3f}"]


def _of(found: Sequence[Score], policy: str) -> list[Score]:
    return [s for s in found if s.policy == policy]


def _policies(title: str, found: Sequence[Score]) -> Table:
    return Table(title, COLUMNS, [_row(policy, _of(found, policy)) for policy in (*POLICIES, BELIEF)])


def _cases(found: Sequence[Score]) -> Table:
    """Median final Dice and seconds of each policy on each real data set."""
    names = list(dict.fromkeys(s.case for s in found))
    table = Table("Real data sets: final Dice and seconds, medians", ["policy", *names])
    for policy in (*POLICIES, BELIEF):
        own = [[s for s in _of(found, policy) if s.case == name] for name in names]
        cells = (
            f"{np.median([s.dice for s in each]):.2f}, {np.median([s.seconds for s in each]):.0f} s" for each in own
        )
        table.rows.append([policy, *(cell.removesuffix(", 0 s") for cell in cells)])
    ratios = {s.case: s.contrast_to_noise for s in found}
    table.note = "Contrast/noise: " + ", ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items()) + "."
    return table


def _met(is_met: bool) -> str:
    return "met" if is_met else "**not met**"


def _gesture_ratio(found: Sequence[Score]) -> tuple[float, int]:
    """Median ratio of gestures to Dice 0.90, barrier over FreeDraw, where both reached it; and of how many pairs."""
    pairs = {(s.case, s.character): s.reached[0.90][0] for s in _of(found, FREEDRAW) if 0.90 in s.reached}
    ratios = [
        s.reached[0.90][0] / pairs[s.case, s.character]
        for s in _of(found, BARRIER)
        if 0.90 in s.reached and (s.case, s.character) in pairs
    ]
    return (float(np.median(ratios)) if ratios else float("nan")), len(ratios)


def _targets(found: Sequence[Score]) -> Table:
    table = Table("Targets", ["target", "policy", "measured", ""])
    for policy in POLICIES:
        seconds = [s.seconds for s in _of(found, policy)]
        verdict = _met(float(np.median(seconds)) <= SECONDS)
        table.rows.append([f"median until it stops <= {SECONDS:.0f} s", policy, _spread(seconds), verdict])
    for policy in POLICIES:
        value = icc_between_robots(_of(found, policy))
        table.rows.append([f"ICC between robots >= {ICC}", policy, f"{value:.3f}", _met(value >= ICC)])
    table.rows += _gesture_targets(found)
    return table


def _gesture_targets(found: Sequence[Score]) -> list[list[str]]:
    ratio, pairs = _gesture_ratio(found)
    target = f"gestures to Dice 0.90 <= {RATIO} of FreeDraw's"
    first = [target, BARRIER, f"{ratio:.2f} (median of {pairs} pairs)", _met(ratio <= RATIO)]
    clear = [s for s in _of(found, CLICK) if s.contrast_to_noise >= CLEAR_RATIO]
    within = sum(s.reached.get(0.90, (CLICK_GESTURES + 1, 0.0))[0] <= CLICK_GESTURES for s in clear)
    target = f"Dice 0.90 in <= {CLICK_GESTURES} gestures where contrast/noise >= {CLEAR_RATIO:.0f}"
    return [first, [target, CLICK, f"{within} of {len(clear)}", _met(within == len(clear))]]


def tables() -> list[Table]:
    """Let all robots annotate everything: some minutes."""
    synthetic, real = scores(list(phantoms(0, SHAPES))), scores(list(real_cases()))
    names = ", ".join(each.name for each in CHARACTERS)
    first = _policies(f"Robots on {len({s.case for s in synthetic})} phantoms", synthetic)
    first.note = (
        f"Robots: {names}. Parameters were set on phantoms with seeds from {TUNING_SEED}. p95 is that of the runs that "
        "reached the Dice."
    )
    return [first, _policies("Robots on real data sets", real), _cases(real), _targets([*synthetic, *real])]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
