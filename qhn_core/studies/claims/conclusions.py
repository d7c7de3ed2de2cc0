"""What the outcomes say, by statistics that do not know which answer is wanted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from qhn_core.analysis.statistics import (
    Comparison,
    Direction,
    Verdict,
    compare,
    holm,
    mean_interval,
    minimum_units,
    paired_interval,
)
from qhn_core.studies.claims.tuned import Outcome

#: What is compared, and which way is better.
JUDGED: dict[str, Direction] = {"predictive_nll": "lower", "accuracy": "higher"}
#: The two halves of the claim, against this reference.
REFERENCE, CLAIMANTS = "mle", ("elbo", "selbo")
LEVEL = 0.05
NAMES = {
    "mle": "MLE",
    "elbo": "ELBO",
    "selbo": "SELBO",
    "best_string": "Best string (enumerated)",
    "exact_bayes": "Exact Bayes (enumerated)",
    "mean_field": "Mean-field Bernoulli",
    "straight_through": "Straight-through (BinaryConnect)",
    "bayesbinn": "BayesBiNN",
    "simulated_annealing": "Simulated annealing",
    "logistic_regression": "Logistic regression",
}
METRIC_NAMES = {"predictive_nll": "predictive test NLL (nats per example)", "accuracy": "test accuracy"}


@dataclass(frozen=True)
class Overall:
    """One method against the reference over all scenarios, each scenario's mean difference being one unit."""

    metric: str
    method: str
    difference: float
    low: float
    high: float
    scenarios: int
    better: int
    worse: int
    no_difference: int


def comparisons(outcomes: Sequence[Outcome]) -> dict[tuple[str, str, str], Comparison]:
    """(scenario, method, metric) -> comparison with MLE; one Holm family over the whole grid."""
    found: dict[tuple[str, str, str], Comparison] = {}
    for scenario in dict.fromkeys(o.scenario for o in outcomes):
        runs = {o.method: {m: o.metrics[m] for m in JUDGED} for o in outcomes if o.scenario == scenario}
        for c in compare(runs, reference=REFERENCE, metrics=JUDGED, level=LEVEL):
            found[scenario, c.contender, c.metric] = c
    return _one_family(found)


def _one_family(found: dict[tuple[str, str, str], Comparison]) -> dict[tuple[str, str, str], Comparison]:
    """The claim's comparisons corrected together; the rivals' are a family of their own, so as not to weaken it."""
    corrected = {}
    for claim in (True, False):
        keys = [k for k in found if (k[1] in CLAIMANTS) == claim and found[k].units]
        adjusted = holm([found[k].p_value for k in keys])
        fewest = minimum_units(len(keys), level=LEVEL)
        for key, p in zip(keys, adjusted, strict=True):
            old = found[key]
            corrected[key] = old._replace(p_adjusted=p, verdict=_verdict(old, p, fewest))
    return {key: corrected[key] for key in found if key in corrected}


def _verdict(comparison: Comparison, p: float, fewest: int) -> Verdict:
    if comparison.units < fewest:
        return Verdict.TOO_FEW
    if p > LEVEL:
        return Verdict.NO_DIFFERENCE
    lower = comparison.difference < 0
    return Verdict.BETTER if lower == (JUDGED[comparison.metric] == "lower") else Verdict.WORSE


def overall(found: dict[tuple[str, str, str], Comparison]) -> list[Overall]:
    """Every method and metric, scenarios weighing alike."""
    rows = []
    for metric in JUDGED:
        for method in dict.fromkeys(m for _, m, _ in found):
            chosen = [c for (_, m, k), c in found.items() if (m, k) == (method, metric)]
            differences = np.array([c.difference for c in chosen])
            low, high = paired_interval(differences)
            words = Counter(c.verdict for c in chosen)
            rows.append(
                Overall(
                    metric,
                    method,
                    float(differences.mean()),
                    low,
                    high,
                    len(chosen),
                    words[Verdict.BETTER],
                    words[Verdict.WORSE],
                    words[Verdict.NO_DIFFERENCE],
                )
            )
    return rows


def sentences(rows: Sequence[Overall]) -> list[str]:
    """The conclusions about the claim in words, whichever way they come out."""
    ordered = sorted(rows, key=lambda r: (r.method, r.metric))
    return [_sentence(row) for row in ordered if row.method in CLAIMANTS and row.scenarios]


def _sentence(row: Overall) -> str:
    good = (row.difference < 0) == (JUDGED[row.metric] == "lower")
    clear = math.isfinite(row.low) and not row.low <= 0.0 <= row.high
    word = ("better" if good else "worse") if clear else "not distinguishable"
    return (
        f"{NAMES[row.method]} against MLE, {METRIC_NAMES[row.metric]}: {word} on average "
        f"({row.difference:+.3f}, 95 % interval over scenarios {row.low:+.3f} to {row.high:+.3f}); "
        f"better in {row.better}, worse in {row.worse}, no difference found in {row.no_difference} "
        f"of {row.scenarios} scenarios after correction."
    )


def tidy(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row per scenario, method and seed, a column per metric; empty where a metric does not exist."""
    return [
        {"scenario": o.scenario, "method": o.method, "seed": seed}
        | {m: float(f"{v[seed]:.6g}") if math.isfinite(v[seed]) else "" for m, v in o.metrics.items()}
        for o in outcomes
        for seed in range(len(next(iter(o.metrics.values()))))
    ]


def summaries(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row per scenario, method and metric: mean and 95 % interval over seeds."""
    return [
        {"scenario": o.scenario, "method": o.method, "metric": metric, "setting": o.setting}
        | mean_interval(values)._asdict()
        for o in outcomes
        for metric, values in o.metrics.items()
        if np.isfinite(values).any()
    ]


def plain(found: dict[tuple[str, str, str], Comparison], rows: Sequence[Overall]) -> dict[str, Any]:
    """Comparisons and overall rows as plain data."""
    return {
        "comparisons": [
            {"scenario": scenario} | c._asdict() | {"verdict": c.verdict.value} for (scenario, _, _), c in found.items()
        ],
        "overall": [asdict(row) for row in rows],
    }
