"""Statistics of a study of many scenarios: what holds on these scenarios, what may be expected of other data sources.

Two questions, two intervals. *On these scenarios* only the seeds are a sample: each scenario's mean has an error of its
own, and the scenarios are fixed. *For other sources* the data sources are the sample: scenarios of one source are a
cluster that is averaged first, and Student's t has one degree of freedom less than there are sources. The second is the
wider one, and the one for general claims (Cameron & Miller, Journal of Human Resources 50, 317 (2015): few clusters).

Several intervals that are read together are widened as a family by Bonferroni's inequality: the chance that any of
them misses is at most 1 − confidence. What a study could have seen is its power: the share of planted effects found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.statistics import holm, sign_flip_p_value
from qhn_core.checks import check_int
from qhn_core.errors import InvalidArgument

Array = NDArray[np.float64]
_SEED = 20_261_126


class MeanInterval(NamedTuple):
    """A mean with its interval.

    Args:
        mean, low, high: in the values' unit; the ends are NaN where fewer than two units exist.
        units: independent units that the interval rests on.
        positive, negative: how many of these units are above and below 0.
    """

    mean: float
    low: float
    high: float
    units: int
    positive: int
    negative: int


def fixed_interval(strata: Sequence[ArrayLike], *, confidence: float = 0.95) -> MeanInterval:
    """Mean over fixed strata, each weighing alike, where only what lies within a stratum is random.

    mean = (1/K) Σ_k x̄_k, variance (1/K²) Σ_k s_k²/n_k, Student's t with Satterthwaite's degrees of freedom.

    Args:
        strata: the independent values of each stratum (a scenario's paired differences), K arrays (n_k,) with n_k ≥ 2.
    """
    values = [_finite("strata", one) for one in strata]
    if not values or any(one.size < 2 for one in values):
        raise InvalidArgument("strata", expected="at least two values in each", got=[one.size for one in values])
    means = np.array([one.mean() for one in values])
    parts = np.array([one.var(ddof=1) / one.size for one in values]) / len(values) ** 2
    variance = float(parts.sum())
    spread = float((parts**2 / np.array([one.size - 1.0 for one in values])).sum())
    half = _t(variance**2 / spread, confidence) * math.sqrt(variance) if variance > 0.0 else 0.0
    return _interval(means, half)


def cluster_interval(
    values: ArrayLike, clusters: Sequence[str] | ArrayLike, *, confidence: float = 0.95, family: int = 1
) -> MeanInterval:
    """Mean over clusters of their means, with Student's t on k − 1 degrees of freedom.

    Args:
        values: one a scenario, (K,).
        clusters: data source of each, (K,).
        confidence: of the family as a whole.
        family: how many intervals are read together; each then has confidence 1 − (1 − confidence)/family.
    """
    check_int("family", family, low=1)
    means = cluster_means(values, clusters)
    k = means.size
    if k < 2:
        return _interval(means, math.nan)
    error = float(means.std(ddof=1)) / math.sqrt(k)
    return _interval(means, _t(k - 1.0, 1.0 - (1.0 - confidence) / family) * error)


def cluster_means(values: ArrayLike, clusters: Sequence[str] | ArrayLike) -> Array:
    """Mean of each cluster, in the order of their sorted names: (k,)."""
    x, labels = _finite("values", values), np.asarray(clusters)
    if labels.shape != x.shape:
        raise InvalidArgument("clusters", expected=f"shape {x.shape}, one a value", got=f"shape {labels.shape}")
    _, where = np.unique(labels, return_inverse=True)
    counts = np.bincount(where)
    return np.bincount(where, weights=x) / counts if counts.size else np.zeros(0)


def power(
    differences: Sequence[ArrayLike], effect: float, *, family: int, level: float = 0.05, repetitions: int = 50
) -> float:
    """Share of scenarios in which a planted effect would be called a difference.

    Each scenario's paired differences lose their own mean, are drawn anew with replacement, and get ``effect`` added;
    then sign-flip tests decide, corrected by Holm in a family in which nothing else differs.

    Args:
        differences: paired differences of each scenario, arrays (n,).
        effect: planted in every scenario, in their unit.
        family: comparisons corrected together, at least as many as scenarios.
        level: family-wise error rate.
        repetitions: how often everything is drawn anew.
    """
    noise = [_finite("differences", d) for d in differences]
    check_int("family", family, low=len(noise))
    check_int("repetitions", repetitions, low=1)
    rng = np.random.Generator(np.random.Philox(key=[_SEED, len(noise)]))
    found = 0
    for _ in range(repetitions):
        drawn = [rng.choice(d - d.mean(), d.size) + effect for d in noise]
        p_values = [sign_flip_p_value(d) for d in drawn] + [1.0] * (family - len(noise))
        found += sum(p <= level for p in holm(p_values)[: len(noise)])
    return found / (repetitions * len(noise))


def share_interval(successes: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval for a share (Clopper & Pearson, Biometrika 26, 404 (1934)): its coverage is never too small."""
    from scipy.special import betaincinv

    check_int("trials", trials, low=1)
    check_int("successes", successes, low=0, high=trials)
    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1.0, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1.0, trials - successes, 1.0 - tail))
    return low, high


def trend_p_value(levels: Mapping[float, ArrayLike], *, permutations: int = 20_000) -> float:
    """Two-sided p-value that outcomes do not rise or fall with a level, by permuting outcomes between levels.

    The statistic is |Σ level · outcome| about its mean, which for shares is the Cochran–Armitage trend.

    Args:
        levels: level (a depth) -> outcome of each independent start there, (n,).
    """
    x = np.concatenate([np.full(np.size(values), float(level)) for level, values in levels.items()])
    y = np.concatenate([np.asarray(values, dtype=np.float64) for values in levels.values()])
    x, y = x - x.mean(), y - y.mean()
    if not x.any() or not y.any():
        return 1.0
    rng = np.random.Generator(np.random.Philox(key=[_SEED, y.size]))
    sums = np.array([x @ rng.permutation(y) for _ in range(permutations)])
    seen = abs(float(x @ y))
    return (float((np.abs(sums) >= seen * (1.0 - 1e-12)).sum()) + 1.0) / (permutations + 1.0)


def _interval(means: Array, half: float) -> MeanInterval:
    mean = float(means.mean()) if means.size else math.nan
    return MeanInterval(mean, mean - half, mean + half, means.size, int((means > 0).sum()), int((means < 0).sum()))


def _t(degrees: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 * (1.0 + confidence)))


def _finite(argument: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InvalidArgument(argument, expected="a vector of finite numbers", got=f"shape {array.shape}")
    return array
