"""Statistics of a verdict: paired comparisons over independent units, corrected for how many there are.

The unit of independence is a *cluster*: a draw of the data. Starts that share one data draw share its luck, so their
paired differences are averaged first, and the sample size is the number of data draws. Where all starts share one
data set there are no clusters: each start is a unit, and what is concluded holds for that data set only.

Tests are sign-flip permutation tests of paired differences (exact up to 14 units), intervals studentised bootstrap
(Efron & Tibshirani, 1993, ch. 12), multiplicity Holm's step-down (1979), effect size Cohen's d of paired differences
with Hedges' correction. All random numbers come from a fixed seed: the same data give the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import every_string
from qhn_core.checks import check_choice
from qhn_core.errors import InvalidArgument
from qhn_core.metrics import JUDGED, Direction

Array = NDArray[np.float64]

#: Fewest independent units for any verdict; more where many comparisons share the error rate.
MINIMUM_UNITS = 8
_EXACT_UNITS = 14
_FLIPS = 20_000
_RESAMPLES = 4_000
_SEED = 20_250_611


class Verdict(StrEnum):
    """What a comparison says, in words for the page."""

    BETTER = "better"
    WORSE = "worse"
    NO_DIFFERENCE = "no difference"
    TOO_FEW = "too few seeds"


class Summary(NamedTuple):
    """Mean over independent units with its Student-t interval."""

    mean: float
    low: float
    high: float
    units: int


class Comparison(NamedTuple):
    """A contender against a reference in one metric; ``difference`` is contender − reference."""

    metric: str
    contender: str
    reference: str
    units: int  #: independent units: data draws, or starts where all share one data set
    difference: float  #: mean paired difference, in the metric's unit
    low: float  #: its bootstrap interval, not corrected for multiplicity
    high: float
    effect_size: float  #: mean over standard deviation of the paired differences, with Hedges' correction
    p_value: float  #: two-sided, sign-flip permutation
    p_adjusted: float  #: Holm's, over all comparisons of the family
    verdict: Verdict  #: from p_adjusted alone

    @property
    def sentence(self) -> str:
        """The verdict in words, numbers included."""
        return _sentence(self)

    @property
    def effect_text(self) -> str:
        """The effect size for people; a dash where too few seeds leave it undefined."""
        return "–" if math.isnan(self.effect_size) else f"{self.effect_size:+.2f}".replace("-", "−")


class Reached(NamedTuple):
    """Steps until a threshold was reached."""

    steps: Array  #: (B,); infinite where never reached within the run (censored)
    share: float  #: fraction of replicas that reached it
    median: float  #: of all replicas; infinite if fewer than half reached it
    horizon: int  #: last logged step, at which the rest is censored

    @property
    def restricted(self) -> Array:
        """Steps with 'never' set to one past the horizon: what a paired comparison uses."""
        return np.minimum(self.steps, self.horizon + 1.0)


def mean_interval(values: ArrayLike, *, clusters: ArrayLike | None = None, confidence: float = 0.95) -> Summary:
    """Mean and Student-t interval of values (B,) over seeds, NaN left out.

    Args:
        clusters: data draw of each value, (B,); values of one draw are averaged first.
        confidence: coverage of the interval; it is NaN for fewer than two units.
    """
    units = _by_unit(_vector("values", values), clusters)
    if units.size == 0:
        return Summary(math.nan, math.nan, math.nan, 0)
    half = _student_half_width(units, confidence)
    mean = float(units.mean())
    return Summary(mean, mean - half, mean + half, units.size)


def paired_interval(differences: ArrayLike, *, confidence: float = 0.95) -> tuple[float, float]:
    """Studentised-bootstrap interval for the mean of independent paired differences (n,).

    Resamples without spread (many ties) have no studentised mean; where they are over 1 % of all, Student's t is used.
    """
    d = _vector("differences", differences)
    if d.size < 2:
        return math.nan, math.nan
    mean, spread = float(d.mean()), float(d.std(ddof=1))
    if spread <= 1e-12 * max(1.0, abs(mean)):
        return mean, mean
    centred, counts = d - mean, _resamples(d.size)
    shifts = np.einsum("ki,i->k", counts, centred) / d.size
    squares = np.einsum("ki,i->k", counts, centred * centred) / d.size
    errors = np.sqrt(np.maximum(squares - shifts * shifts, 0.0) * d.size / (d.size - 1.0))
    usable = errors > 1e-6 * spread
    if usable.mean() < 0.99:
        half = _student_half_width(d, confidence)
        return mean - half, mean + half
    t = shifts[usable] / errors[usable]
    tail = 0.5 * (1.0 - confidence)
    upper, lower = np.quantile(t, [1.0 - tail, tail])
    return float(mean - upper * spread), float(mean - lower * spread)


def sign_flip_p_value(differences: ArrayLike) -> float:
    """Two-sided p-value that independent paired differences (n,) are symmetric about 0.

    The share of sign assignments whose |sum| is at least the one seen: all 2^n up to n = 14, else 20 000 random ones
    and the one seen.
    """
    d = _vector("differences", differences)
    if d.size == 0 or not np.any(d):
        return 1.0
    signs = _signs(d.size)
    seen = abs(float(np.einsum("i->", d)))
    sums = np.abs(np.einsum("ki,i->k", signs, d))
    extreme = int((sums >= seen - 1e-12 * float(np.abs(d).sum())).sum())
    if d.size <= _EXACT_UNITS:
        return extreme / len(signs)
    return (extreme + 1.0) / (len(signs) + 1.0)


def effect_size(differences: ArrayLike) -> float:
    """Cohen's d of paired differences (mean over standard deviation) times Hedges' small-sample factor.

    NaN for fewer than three: the factor of two is 0, whatever they are.
    """
    d = _vector("differences", differences)
    if d.size < 3:
        return math.nan
    mean, spread = float(d.mean()), float(d.std(ddof=1))
    if spread == 0.0:
        return 0.0 if mean == 0.0 else math.copysign(math.inf, mean)
    return mean / spread * (1.0 - 3.0 / (4.0 * (d.size - 1.0) - 1.0))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given; the chance of any false rejection stays below the level."""
    order = np.argsort(np.asarray(p_values, dtype=np.float64), kind="stable")
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * float(p_values[k]))
        adjusted[k] = min(1.0, largest)
    return adjusted


def minimum_units(comparisons: int, *, level: float = 0.05) -> int:
    """Fewest units for a verdict: below it not even a unanimous result can pass the corrected sign-flip test.

    A unanimous result has p = 2^{1−n}, and Holm's first threshold is level / comparisons; at least MINIMUM_UNITS.
    """
    return max(MINIMUM_UNITS, math.ceil(1.0 + math.log2(max(1, comparisons) / level)))


def compare(
    runs: Mapping[str, Mapping[str, ArrayLike]],
    *,
    reference: str,
    metrics: Mapping[str, Direction] | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.05,
) -> list[Comparison]:
    """Every contender against the reference in every metric, paired by seed, as one Holm family.

    Args:
        runs: contender -> metric -> final value of each seed, (B,); seed k of each started alike. NaN pairs are left
            out.
        reference: the contender that the others are compared with.
        metrics: metric -> which way is better; by default those of :data:`qhn_core.metrics.JUDGED` that every run has.
        clusters: data draw of each seed, (B,); None if all share one data set.
        level: family-wise error rate.
    """
    check_choice("reference", reference, runs)
    chosen = metrics or {m: b for m, b in JUDGED.items() if all(m in values for values in runs.values())}
    pairs = [(metric, name) for metric in chosen for name in runs if name != reference]
    gaps = [_differences(runs[name][metric], runs[reference][metric], clusters) for metric, name in pairs]
    p_values = [sign_flip_p_value(d) for d in gaps]
    # A metric that nobody has (no test data, say) is no comparison, and does not tighten the others' threshold.
    real = [k for k, d in enumerate(gaps) if d.size]
    adjusted = dict(zip(real, holm([p_values[k] for k in real]), strict=True))
    fewest = minimum_units(len(real), level=level)
    found = []
    for k, ((metric, name), d) in enumerate(zip(pairs, gaps, strict=True)):
        mean = float(d.mean()) if d.size else math.nan
        corrected = adjusted.get(k, 1.0)
        verdict = _verdict(mean, corrected, d.size, fewest, level, chosen[metric])
        low, high = paired_interval(d)
        found.append(
            Comparison(
                metric, name, reference, d.size, mean, low, high, effect_size(d), p_values[k], corrected, verdict
            )
        )
    return found


def steps_to_threshold(
    values: ArrayLike, steps: ArrayLike, *, threshold: float, better: Direction = "lower"
) -> Reached:
    """First logged step at which a metric passes a threshold.

    Args:
        values: (T, B), one row per logged step; NaN never passes.
        steps: (T,), increasing.
        threshold: passed at or below it (``lower``), or at or above it (``higher``).
    """
    table, at = np.asarray(values, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    if table.ndim != 2 or at.shape != table.shape[:1] or not len(at):
        raise InvalidArgument("values", expected="shape (logged steps, replicas)", got=f"{table.shape}, {at.shape}")
    passed = table <= threshold if better == "lower" else table >= threshold
    ever = passed.any(axis=0)
    first = np.where(ever, at[passed.argmax(axis=0)], np.inf)
    middle = np.sort(first)[(first.size - 1) // 2 : first.size // 2 + 1]
    return Reached(first, float(ever.mean()), float(middle.mean()), int(at[-1]))


def _vector(argument: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise InvalidArgument(argument, expected="one value a seed, shape (B,)", got=f"shape {array.shape}")
    return array


def _by_unit(values: Array, clusters: ArrayLike | None) -> Array:
    """One number per independent unit: the values themselves, or their means per cluster; NaN left out."""
    good = np.isfinite(values)
    if clusters is None:
        return values[good]
    labels = np.asarray(clusters)
    if labels.shape != values.shape:
        raise InvalidArgument("clusters", expected=f"shape {values.shape}", got=f"shape {labels.shape}")
    _, where = np.unique(labels[good], return_inverse=True)
    counts = np.bincount(where)
    return np.bincount(where, weights=values[good]) / counts if counts.size else np.zeros(0)


def _differences(contender: ArrayLike, reference: ArrayLike, clusters: ArrayLike | None) -> Array:
    a, b = _vector("contender", contender), _vector("reference", reference)
    if a.shape != b.shape:
        raise InvalidArgument(
            "runs", expected="the same seeds for every contender", got=f"{a.size} and {b.size} values"
        )
    return _by_unit(a - b, clusters)


def _student_half_width(values: Array, confidence: float) -> float:
    from scipy.special import stdtrit

    if values.size < 2:
        return math.nan
    error = float(values.std(ddof=1)) / math.sqrt(values.size)
    return float(stdtrit(values.size - 1, 0.5 * (1.0 + confidence))) * error


@lru_cache(maxsize=8)
def _signs(n: int) -> Array:
    if n <= _EXACT_UNITS:
        return 1.0 - 2.0 * every_string(n)[:, ::-1].astype(np.float64)
    rng = np.random.Generator(np.random.Philox(key=[_SEED, n]))
    return 1.0 - 2.0 * rng.integers(0, 2, size=(_FLIPS, n)).astype(np.float64)


@lru_cache(maxsize=8)
def _resamples(n: int) -> Array:
    """How often each of n units is drawn in each bootstrap resample, (_RESAMPLES, n)."""
    rng = np.random.Generator(np.random.Philox(key=[_SEED, n]))
    return rng.multinomial(n, np.full(n, 1.0 / n), size=_RESAMPLES).astype(np.float64)


def _verdict(mean: float, p: float, units: int, fewest: int, level: float, better: Direction) -> Verdict:
    if units < fewest:
        return Verdict.TOO_FEW
    if p > level:
        return Verdict.NO_DIFFERENCE
    return Verdict.BETTER if (mean < 0.0) == (better == "lower") else Verdict.WORSE


def _sentence(found: Comparison) -> str:
    name, other, metric = found.contender, found.reference, found.metric.replace("_", " ")
    if found.verdict is Verdict.TOO_FEW:
        return f"{metric}: {found.units} independent seeds are too few to judge {name} against {other}."
    numbers = (
        f"(difference {found.difference:+.3g}, 95 % interval {found.low:+.3g} to {found.high:+.3g}, "
        f"effect size {found.effect_text}, corrected p = {found.p_adjusted:.2g}, {found.units} seeds)"
    )
    if found.verdict is Verdict.NO_DIFFERENCE:
        return f"{metric}: no difference between {name} and {other} was found {numbers}."
    return f"{metric}: {name} is {found.verdict.value} than {other} {numbers}."
