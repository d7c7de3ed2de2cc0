"""What a race allows to say at one step: means, paired comparisons, and whether that step was set beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.views.compare.charts import short_label
from app.views.compare.data import Seen
from qhn_core.analysis import statistics
from qhn_core.analysis.statistics import Comparison, Summary
from qhn_core.metrics import JUDGED, values_of

Array = NDArray[np.float64]

#: Metrics that are judged, in the order of the table.
SHOWN = (
    *("predictive_nll_test", "accuracy_test", "gap", "kl_posterior"),
    *("cost_gap", "success", "steps_to_threshold"),
)
#: Metrics that a threshold can be set for -> its first value.
THRESHOLDS = {"predictive_nll_test": 0.6, "accuracy_test": 0.75, "cost_gap": 0.1, "success": 0.5}


@dataclass(frozen=True)
class Reach:
    """How far the threshold was reached.

    Args:
        share: of seeds that passed it.
        horizon: the last count looked at.
        unit: what is counted; empty for a contender's steps.
    """

    share: float
    horizon: int
    unit: str = ""


@dataclass(frozen=True)
class Judged:
    """What a race allows to say at one step.

    Args:
        means: metric -> contender or rival -> mean with its interval.
        comparisons: every contender against the first.
        reached: contender, or rival that has steps -> how far it reached the threshold.
        units: independent units; fewest: how many a verdict needs.
    """

    means: dict[str, dict[str, Summary]]
    comparisons: list[Comparison]
    reached: dict[str, Reach]
    units: int
    fewest: int


@lru_cache(maxsize=16)
def judge(race_id: str, step: int, metric: str, threshold: float, rivals: int) -> Judged:
    from app.views.compare.data import look

    seen = look(race_id, step)
    sides: dict[str, dict[str, Array]] = {}
    reached: dict[str, Reach] = {}
    for lane in seen.lanes:
        values = {name: lane.final(name) for name in SHOWN if name != "steps_to_threshold"}
        until = lane.values(metric)[: lane.at + 1]
        passed = statistics.steps_to_threshold(
            until, lane.rows.steps[: lane.at + 1], threshold=threshold, better=JUDGED[metric]
        )
        values["steps_to_threshold"] = passed.restricted
        reached[lane.title] = Reach(passed.share, passed.horizon)
        sides[lane.title] = values
    clusters = seen.clusters
    judged = {name: JUDGED[name] for name in SHOWN if not np.isnan(next(iter(sides.values()))[name]).all()}
    comparisons = []
    if len(sides) > 1:
        comparisons = statistics.compare(sides, reference=seen.lanes[0].title, metrics=judged, clusters=clusters)
    means: dict[str, dict[str, Summary]] = {}
    for name in judged:
        row = {title: statistics.mean_interval(values[name], clusters=clusters) for title, values in sides.items()}
        for score in seen.rivals:
            found = values_of(score.row, name)
            if found is not None and not np.isnan(found).all():
                row[short_label(score.name)] = statistics.mean_interval(found, clusters=clusters)
        means[name] = row
    _judge_paths(seen, means["steps_to_threshold"], reached, metric, threshold)
    units = seen.config.base.replicas if clusters is None else len(np.unique(clusters))
    return Judged(means, comparisons, reached, units, statistics.minimum_units(max(1, len(comparisons))))


def _judge_paths(seen: Seen, row: dict[str, Summary], reached: dict[str, Reach], metric: str, threshold: float) -> None:
    """Add when the rivals that have steps passed the threshold, in what they themselves count."""
    for score in seen.rivals:
        path = score.path
        if path is None or metric not in path.history:
            continue
        passed = statistics.steps_to_threshold(
            path.history[metric], path.counts, threshold=threshold, better=JUDGED[metric]
        )
        name = short_label(score.name)
        row[name] = statistics.mean_interval(passed.restricted, clusters=seen.clusters)
        reached[name] = Reach(passed.share, passed.horizon, path.unit)


def exploratory(seen: Seen, at: int, metric: str, threshold: tuple[str, float]) -> bool:
    """Whether a verdict is one of many that could have been looked at, not the one that was set before the race.

    Args:
        at: the step looked at.
        metric: what is compared.
        threshold: metric and value that steps are counted to, which are chosen on the page.
    """
    name, value = threshold
    chosen = metric == "steps_to_threshold" and (name, value) != (next(iter(THRESHOLDS)), THRESHOLDS[name])
    return at != seen.config.judged_at or chosen
