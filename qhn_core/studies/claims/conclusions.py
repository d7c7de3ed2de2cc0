"""What the trials say, by statistics that do not know which answer is wanted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.clusters import MeanInterval, cluster_interval, fixed_interval, power
from qhn_core.analysis.statistics import Comparison, Verdict, compare, holm, minimum_units
from qhn_core.metrics import METRICS, Direction
from qhn_core.objectives import OBJECTIVES
from qhn_core.studies.claims.methods import BY_NAME, CLAIMANTS, REFERENCE
from qhn_core.studies.claims.trials import Trial

Array = NDArray[np.float64]
#: What is compared, by its name in tables of numbers: on that part of the test examples by which nothing is chosen.
_COMPARED = {"predictive_nll": METRICS["predictive_nll_test"], "accuracy": METRICS["accuracy_test"]}
#: Which way is better.
JUDGED: dict[str, Direction] = {name: metric.better for name, metric in _COMPARED.items() if metric.better}
METRIC_NAMES = {
    "predictive_nll": f"predictive test NLL, {_COMPARED['predictive_nll'].unit}",
    "accuracy": "test accuracy",
}
LEVEL = 0.05
#: The intervals that are read together: both claimants in both metrics.
HEADLINES = len(CLAIMANTS) * len(JUDGED)
#: Effects planted to say what could have been seen, nats per example.
PLANTED = (0.05, 0.10, 0.15)


@dataclass(frozen=True)
class Overall:
    """One method against a reference over all scenarios, in one metric.

    Args:
        metric, method, reference: what is compared; the difference is method − reference.
        fixed: mean and interval on these scenarios; only seeds are random.
        sources: mean and interval with data sources as the sample.
        family: as ``sources``, widened for the four headline intervals; None for all other comparisons.
        better, worse, no_difference: scenarios by their own corrected verdict.
    """

    metric: str
    method: str
    reference: str
    fixed: MeanInterval
    sources: MeanInterval
    family: MeanInterval | None
    better: int
    worse: int
    no_difference: int

    @property
    def sources_better(self) -> int:
        """Sources in which the method is better on average."""
        return self.sources.negative if JUDGED[self.metric] == "lower" else self.sources.positive


@dataclass(frozen=True)
class Scenarios:
    """Every comparison of one table: (scenario, method, metric) -> comparison, and the paired differences behind it."""

    reference: str
    found: dict[tuple[str, str, str], Comparison]
    differences: dict[tuple[str, str, str], Array]
    source: dict[str, str]


def comparisons(trials: Sequence[Trial], *, reference: str = REFERENCE) -> Scenarios:
    """Every method against the reference in every scenario, paired by seed, corrected over the whole grid."""
    found: dict[tuple[str, str, str], Comparison] = {}
    differences: dict[tuple[str, str, str], Array] = {}
    source = {trial.scenario: trial.source for trial in trials}
    for scenario in source:
        own = {t.method: t.metrics for t in trials if t.scenario == scenario}
        runs = {name: {m: values[m] for m in JUDGED} for name, values in own.items()}
        for c in compare(runs, reference=reference, metrics=JUDGED, level=LEVEL):
            found[scenario, c.contender, c.metric] = c
            differences[scenario, c.contender, c.metric] = own[c.contender][c.metric] - own[reference][c.metric]
    return Scenarios(reference, _one_family(found), differences, source)


def _one_family(found: dict[tuple[str, str, str], Comparison]) -> dict[tuple[str, str, str], Comparison]:
    """The claim's comparisons corrected together; the others' are a family of their own, so as not to weaken it."""
    corrected = {}
    for claim in (True, False):
        keys = [k for k in found if (k[1] in CLAIMANTS) == claim and found[k].units]
        adjusted = holm([found[k].p_value for k in keys])
        fewest = minimum_units(len(keys), level=LEVEL)
        for key, p in zip(keys, adjusted, strict=True):
            corrected[key] = found[key]._replace(p_adjusted=p, verdict=_verdict(found[key], p, fewest))
    return {key: corrected[key] for key in found if key in corrected}


def _verdict(comparison: Comparison, p: float, fewest: int) -> Verdict:
    if comparison.units < fewest:
        return Verdict.TOO_FEW
    if p > LEVEL:
        return Verdict.NO_DIFFERENCE
    lower = comparison.difference < 0
    return Verdict.BETTER if lower == (JUDGED[comparison.metric] == "lower") else Verdict.WORSE


def overall(scenarios: Scenarios, methods: Iterable[str] | None = None) -> list[Overall]:
    """Every method against the reference in every metric, scenarios weighing alike within their source."""
    names = list(dict.fromkeys(m for _, m, _ in scenarios.found)) if methods is None else list(methods)
    return [_overall(scenarios, metric, name) for metric in JUDGED for name in names]


def _overall(scenarios: Scenarios, metric: str, method: str) -> Overall:
    keys = [k for k in scenarios.found if k[1:] == (method, metric)]
    strata = [scenarios.differences[k] for k in keys]
    means = [float(d.mean()) for d in strata]
    labels = [scenarios.source[scenario] for scenario, _, _ in keys]
    words = Counter(scenarios.found[k].verdict for k in keys)
    headline = scenarios.reference == REFERENCE and method in CLAIMANTS
    return Overall(
        metric,
        method,
        scenarios.reference,
        fixed_interval(strata),
        cluster_interval(means, labels),
        cluster_interval(means, labels, family=HEADLINES) if headline else None,
        words[Verdict.BETTER],
        words[Verdict.WORSE],
        words[Verdict.NO_DIFFERENCE],
    )


def powers(scenarios: Scenarios) -> dict[str, dict[float, float]]:
    """Claimant -> planted gain in NLL -> share of scenarios in which it would have been found."""
    family = sum(k[1] in CLAIMANTS for k in scenarios.found)
    return {
        method: {
            gain: power(
                [d for (_, m, metric), d in scenarios.differences.items() if (m, metric) == (method, "predictive_nll")],
                -gain,
                family=family,
                level=LEVEL,
            )
            for gain in PLANTED
        }
        for method in CLAIMANTS
    }


def word(row: Overall, interval: MeanInterval) -> str:
    """``better``, ``worse`` or ``not distinguishable``, by an interval of the row."""
    if not math.isfinite(interval.low) or interval.low <= 0.0 <= interval.high:
        return "not distinguishable"
    return "better" if (interval.mean < 0.0) == (JUDGED[row.metric] == "lower") else "worse"


def sentences(rows: Sequence[Overall]) -> list[str]:
    """What each row says in words, whichever way it came out."""
    return [_sentence(row) for row in rows]


def _sentence(row: Overall) -> str:
    read = row.family or row.sources
    together = f", corrected for the {HEADLINES} headline comparisons" if row.family else ""
    return (
        f"{label(row.method)} against {label(row.reference)}, {METRIC_NAMES[row.metric]}: "
        f"{word(row, row.fixed)} on these scenarios ({signed(row.fixed)}); for other sources "
        f"{word(row, read)} ({signed(read)} over {row.sources.units} sources{together}; better in "
        f"{row.sources_better} of them). Single scenarios, corrected: better in {row.better}, worse in {row.worse}, "
        f"no difference found in {row.no_difference}."
    )


def label(method: str) -> str:
    """How people read a method's name; usual settings are read as they are."""
    if method in BY_NAME:
        return BY_NAME[method].label
    loss, _, setting = method.partition(" ")
    return f"{OBJECTIVES[loss].short} {setting}".strip()


def signed(interval: MeanInterval) -> str:
    """``−0.019 (−0.027 to −0.012)``, with a true minus sign."""
    if not math.isfinite(interval.low):
        return _number(interval.mean)
    return f"{_number(interval.mean)} ({_number(interval.low)} to {_number(interval.high)})"


def _number(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
