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
    *("policy", "Dice 0.90 reached", "gestures, median (p95)", "s, median (p95)"),
    *("Dice 0.95 reached", "gestures, median (p95)", "s, median (p95)"),
    *("s until it stops, median (p95)", "Dice", "HD95, mm", "ICC between robots"),
]


def _number(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "never"


def _spread(values: Sequence[float]) -> str:
    """Median and 95th percentile of all runs; infinite values are runs that never reached what was asked."""
    low, high = (float(np.quantile(values, q, method="higher")) for q in (0.5, 0.95))
    return f"{_number(low)} ({_number(high)})"


def _reached(found: Sequence[Score], aim: float) -> list[tuple[float, float]]:
    """Gestures and seconds to a Dice, infinite where it was never reached."""
    never = (float("inf"), float("inf"))
    return [s.reached.get(aim, never) for s in found]


def _row(policy: str, found: Sequence[Score]) -> list[str]:
    row = [policy]
    for aim in AIMS:
        reached = _reached(found, aim)
        if policy == BELIEF:
            row += [f"{sum(s.dice >= aim for s in found)} of {len(found)}", "", ""]
            continue
        count = sum(np.isfinite(t) for _, t in reached)
        row += [f"{count} of {len(found)}", _spread([g for g, _ in reached]), _spread([t for _, t in reached])]
    row.append("" if policy == BELIEF else _spread([s.seconds for s in found]))
    row += [f"{np.median([s.dice for s in found]):.3f}", f"{np.median([s.hd95_mm for s in found]):.1f}"]
    return [*row, _shown_icc(found)]


def _agreement(found: Sequence[Score]) -> float:
    """ICC between robots; NaN where a robot drew nothing, because equal failures are no agreement."""
    return icc_between_robots(found) if all(s.volume_ml > 0 for s in found) else float("nan")


def _shown_icc(found: Sequence[Score]) -> str:
    value = _agreement(found)
    return "some drew nothing" if np.isnan(value) else f"{value:.3f}"


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
    """Median ratio of gestures to Dice 0.90, barrier over FreeDraw, and the number of pairs in which one reached it.

    The ratio is 0 where only the barrier rule reached it, and infinite where only FreeDraw did.
    """
    ours, theirs = ({(s.case, s.character): s.reached for s in _of(found, name)} for name in (BARRIER, FREEDRAW))
    ratios = []
    for key in ours.keys() & theirs.keys():
        a, b = (float(each[key].get(0.90, (np.inf, 0.0))[0]) for each in (ours, theirs))
        if np.isfinite(min(a, b)):
            ratios.append(np.inf if np.isinf(a) else a / b)
    return (float(np.quantile(ratios, 0.5, method="higher")) if ratios else float("nan")), len(ratios)


def _targets(synthetic: Sequence[Score], real: Sequence[Score]) -> Table:
    found = [*synthetic, *real]
    table = Table("Targets, phantoms and real data sets together", ["target", "policy", "measured", ""])
    for aim in AIMS:
        for policy in POLICIES:
            seconds = [t for _, t in _reached(_of(found, policy), aim)]
            middle = float(np.quantile(seconds, 0.5, method="higher"))
            target = f"Dice {aim:.2f} in <= {SECONDS:.0f} s (median)"
            table.rows.append([target, policy, _spread(seconds), _met(middle <= SECONDS)])
    for policy in POLICIES:
        values = [_agreement(_of(each, policy)) for each in (synthetic, real)]
        shown = ", ".join(f"{name} {_shown_icc(_of(each, policy))}" for name, each in
                          (("phantoms", synthetic), ("real", real)))  # fmt: skip
        table.rows.append([f"ICC between robots >= {ICC}", policy, shown, _met(bool(np.min(values) >= ICC))])
    table.rows += _gesture_targets(found)
    table.note = "Median (p95) of all runs, as in the tables above. The ICC has to be reached on both."
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
    """Let all robots annotate everything: some ten minutes."""
    return tables_of(scores(list(phantoms(0, SHAPES))), scores(list(real_cases())))


def tables_of(synthetic: Sequence[Score], real: Sequence[Score]) -> list[Table]:
    """Return the tables of scores on phantoms and on real data sets."""
    first = _policies(f"Robots on {len({s.case for s in synthetic})} phantoms", synthetic)
    first.note = (
        f"Robots: {'; '.join(each.name for each in CHARACTERS)}. Median (p95) of all runs; `never`: it was "
        f"not reached in so many. The brush was set on phantoms with seeds from {TUNING_SEED}."
    )
    return [first, _policies("Robots on real data sets", real), _cases(real), _targets(synthetic, real)]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
