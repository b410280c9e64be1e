"""Measures of agreement with 95 % intervals: ICC (pingouin), kappa (statsmodels), means over subjects (bootstrap).

ICC forms as in Shrout and Fleiss, Psychol Bull 1979;86:420. What repeats within a subject is resampled by subject.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from eci_annotate.deid.quiet import quiet
from eci_annotate.errors import NotInstalled

RESAMPLES, SEED = 1000, 1979
FORMS = {"ICC(1,1)": 0, "ICC(2,1)": 1, "ICC(3,1)": 2}  # rows of pingouin's table; it calls them (1,1), (A,1), (C,1)
NAN = float("nan")
FEW = "too few to compute"
FLAT = "no variation"


@dataclass(frozen=True)
class Estimate:
    """A measure with its 95 % interval; NaN, with a remark, where it cannot be computed."""

    measure: str
    value: float
    low: float = NAN
    high: float = NAN
    remark: str = ""


def library(name: str) -> Any:
    """A package of the extra `agreement`; NotInstalled says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        remedy = "Install it: pip install 'eci-annotate[agreement]'"
        raise NotInstalled(f"Agreement needs {package}, which is not installed.", remedy) from error


def icc(table: pd.DataFrame) -> list[Estimate]:
    """Intraclass correlations of single ratings.

    Parameters
    ----------
    table
        One row per target, one column per rater, no value missing.
    """
    if table.shape[0] < 2 or table.size < 5:
        return [Estimate(name, NAN, remark=FEW) for name in FORMS]
    if float(np.ptp(table.to_numpy(float))) == 0:
        return [Estimate(name, NAN, remark=FLAT) for name in FORMS]
    long = table.set_axis(range(len(table))).reset_index(names="target").melt("target", var_name="rater")
    pingouin = library("pingouin")
    with _exactly(pingouin), quiet(), np.errstate(all="ignore"):
        found = pingouin.intraclass_corr(long, targets="target", raters="rater", ratings="value")
    return [_estimate(name, found.iloc[row]) for name, row in FORMS.items()]


def _estimate(name: str, row: pd.Series[Any]) -> Estimate:
    low, high = (float(each) for each in row["CI95"])
    if float(row["ICC"]) == 1:
        low = high = 1.0
    return Estimate(name, float(row["ICC"]), low, high)


@contextmanager
def _exactly(pingouin: Any) -> Iterator[None]:
    """Pingouin rounds its intervals for the screen unless told not to."""
    before = pingouin.options["round.column.CI95"]
    pingouin.options["round.column.CI95"] = None
    try:
        yield
    finally:
        pingouin.options["round.column.CI95"] = before


def kappa(table: pd.DataFrame, levels: Sequence[Any], ordered: bool, subjects: Sequence[str]) -> Estimate:
    """Cohen's kappa for two raters, Fleiss' for more; for ordered levels with quadratic weights.

    Parameters
    ----------
    table
        One row per target, one column per rater, no value missing.
    levels
        All possible values, in their order.
    subjects
        For each target the subject that it belongs to.
    """
    raters = table.shape[1]
    name = f"{'weighted ' if ordered else ''}kappa ({'Cohen' if raters == 2 else 'Light' if ordered else 'Fleiss'})"
    codes = table.map(list(levels).index).to_numpy(int)
    if len(codes) < 2:
        return Estimate(name, NAN, remark=FEW)
    if len(np.unique(codes)) == 1:
        return Estimate(name, NAN, remark=FLAT)
    with quiet(), np.errstate(all="ignore"):
        if raters == 2:
            return _cohen(name, codes, len(levels), ordered)
        several = _light if ordered else _fleiss
        return resampled(name, codes, subjects, lambda some: several(some, len(levels)))


def _cohen(name: str, codes: Any, levels: int, ordered: bool) -> Estimate:
    weights = "quadratic" if ordered else None
    found = library("statsmodels.stats.inter_rater").cohens_kappa(_crossed(codes, levels), wt=weights)
    return Estimate(name, float(found.kappa), max(float(found.kappa_low), -1.0), min(float(found.kappa_upp), 1.0))


def _crossed(codes: Any, levels: int) -> Any:
    table = np.zeros((levels, levels), int)
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    return table


def _fleiss(codes: Any, levels: int) -> float:
    counts = np.stack([(codes == level).sum(1) for level in range(levels)], 1)
    return float(library("statsmodels.stats.inter_rater").fleiss_kappa(counts))


def _light(codes: Any, levels: int) -> float:
    """The mean of all pairs' weighted kappas (Light, Psychol Bull 1971;76:365)."""
    cohen = library("statsmodels.stats.inter_rater").cohens_kappa
    pairs = combinations(range(codes.shape[1]), 2)
    found = [cohen(_crossed(codes[:, pair], levels), wt="quadratic", return_results=False) for pair in pairs]
    return float(np.mean(found))


def resampled(name: str, values: Any, subjects: Sequence[str], of: Callable[[Any], float]) -> Estimate:
    """`of(values)` with the percentile interval of a bootstrap that draws whole subjects; the seed is fixed."""
    value = of(values)
    rows = [np.flatnonzero(np.asarray(subjects) == each) for each in dict.fromkeys(subjects)]
    if len(rows) < 2 or not np.isfinite(value):
        return Estimate(name, value, remark="" if len(rows) > 1 else "one subject: no interval")
    draws = np.random.default_rng(SEED).integers(0, len(rows), (RESAMPLES, len(rows)))
    drawn = [of(values[np.concatenate([rows[n] for n in draw])]) for draw in draws]
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if np.isfinite(drawn).any() else (NAN, NAN)
    return Estimate(name, value, float(low), float(high))
