"""The verdict of a race: means with intervals, paired differences, and what they allow to say, in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import state
from app.views.compare.charts import short_label
from app.views.compare.data import Seen
from qhn_core.analysis import statistics
from qhn_core.analysis.statistics import Comparison, Direction, Summary, Verdict

Array = NDArray[np.float64]

#: Metrics that are judged -> (title, which way is better, format).
JUDGED: dict[str, tuple[str, Direction, str]] = {
    "predictive_nll_test": ("Predictive NLL, test (nats)", "lower", ".3f"),
    "accuracy_test": ("Accuracy, test", "higher", ".3f"),
    "kl_posterior": ("KL to posterior (nats)", "lower", ".2f"),
    "cost_gap": ("Cost above the best (nats)", "lower", ".3f"),
    "success": ("Success: mass near the optimum", "higher", ".3f"),
    "steps_to_threshold": ("Steps to the threshold", "lower", ".0f"),
}
#: Metrics that a threshold can be set for -> (title, which way is better, first value).
THRESHOLDS: dict[str, tuple[str, Direction, float]] = {
    "predictive_nll_test": ("Predictive NLL, test", "lower", 0.6),
    "accuracy_test": ("Accuracy, test", "higher", 0.75),
    "cost_gap": ("Cost above the best", "lower", 0.1),
    "success": ("Success", "higher", 0.5),
}
#: Short titles for the head of the table.
HEADS = {
    "predictive_nll_test": "NLL, test",
    "accuracy_test": "Accuracy, test",
    "kl_posterior": "KL to posterior",
    "cost_gap": "Cost gap",
    "success": "Success",
    "steps_to_threshold": "Steps",
}
SHORT = {"predictive_nll_test": "NLL", "accuracy_test": "accuracy", "cost_gap": "cost gap", "success": "success"}
#: Footnote sign of rivals that have no steps.
NO_STEPS = "¹"
#: A space at which no line is broken.
_FIRM = "\u00a0"
_COLOUR = {Verdict.BETTER: "green", Verdict.WORSE: "red", Verdict.NO_DIFFERENCE: "gray", Verdict.TOO_FEW: "orange"}


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


def show(seen: Seen | None) -> None:
    """Threshold, table, details and sentences."""
    if seen is None or not seen.logged:
        st.info("Train first: the table compares the contenders seed by seed.", icon=":material/table_chart:")
        return
    metric, value = _threshold()
    at = _judged_step(seen)
    found = _judge(seen.race_id, at, metric, value, len(seen.rivals))
    reference = seen.lanes[0].title
    st.markdown(_summary(seen, at, found, metric, value))
    st.caption(_small_print(seen, found, reference))
    if found.comparisons:
        with st.expander("Differences, effect sizes and corrected p", expanded=True, key="race.details"):
            st.markdown(_details(found, reference))
        with st.expander("In words", expanded=True, key="race.words"):
            st.markdown("\n".join(f"- {_sentence(c)}" for c in found.comparisons))


def _threshold() -> tuple[str, float]:
    left, middle, _ = st.columns([1.3, 1, 2.4], gap="small")
    with left:
        names = list(THRESHOLDS)
        held = names.index(state.widget("race.threshold.metric", names[0]))
        metric = st.selectbox(
            "Threshold on", names, held, format_func=lambda name: THRESHOLDS[name][0], key="race.threshold.metric"
        )
    with middle:
        key, first = f"race.threshold.{metric}", THRESHOLDS[metric][2]
        sign = "at most" if THRESHOLDS[metric][1] == "lower" else "at least"
        value = st.number_input(sign, value=float(state.widget(key, first)), step=0.05, format="%g", key=key)
    return metric, float(value)


@lru_cache(maxsize=16)
def _judge(race_id: str, step: int, metric: str, threshold: float, rivals: int) -> Judged:
    from app.views.compare.data import look

    seen = look(race_id, step)
    sides: dict[str, dict[str, Array]] = {}
    reached: dict[str, Reach] = {}
    for lane in seen.lanes:
        values = {name: lane.final(name) for name in JUDGED if name in lane.rows.history}
        until = lane.rows.history[metric][: lane.at + 1]
        passed = statistics.steps_to_threshold(
            until, lane.rows.steps[: lane.at + 1], threshold=threshold, better=THRESHOLDS[metric][1]
        )
        values["steps_to_threshold"] = passed.restricted
        reached[lane.title] = Reach(passed.share, passed.horizon)
        sides[lane.title] = values
    clusters = seen.clusters
    judged = {name: JUDGED[name][1] for name in JUDGED if not np.isnan(next(iter(sides.values()))[name]).all()}
    comparisons = []
    if len(sides) > 1:
        comparisons = statistics.compare(sides, reference=seen.lanes[0].title, metrics=judged, clusters=clusters)
    means: dict[str, dict[str, Summary]] = {}
    for name in judged:
        row = {title: statistics.mean_interval(values[name], clusters=clusters) for title, values in sides.items()}
        for score in seen.rivals:
            if name in score.row and not np.isnan(score.row[name]).all():
                row[short_label(score.name)] = statistics.mean_interval(score.row[name], clusters=clusters)
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
            path.history[metric], path.counts, threshold=threshold, better=THRESHOLDS[metric][1]
        )
        name = short_label(score.name)
        row[name] = statistics.mean_interval(passed.restricted, clusters=seen.clusters)
        reached[name] = Reach(passed.share, passed.horizon, path.unit)


def _judged_step(seen: Seen) -> int:
    """The step looked at; of a race in work a few dozen steps only, as judging takes the training's time."""
    every = max(1, seen.config.base.steps // 25)
    return seen.at_step if seen.step is not None or not seen.status.run.active else seen.at_step // every * every


def _summary(seen: Seen, at: int, found: Judged, metric: str, threshold: float) -> str:
    """Contenders and rivals down, metrics across; mean, interval and verdict in each cell."""
    verdicts = {(c.metric, c.contender): c.verdict for c in found.comparisons}
    sign = "≤" if THRESHOLDS[metric][1] == "lower" else "≥"
    heads = [HEADS[key] for key in found.means]
    heads[-1] = f"Steps to {SHORT[metric]} {sign} {threshold:g}"
    lines = [f"| step {at} | " + " | ".join(heads) + " | Steps/s |", "|---|" + "---|" * (len(heads) + 1)]
    for lane in seen.lanes:
        cells = []
        for key in found.means:
            cell = _cell_of(found, key, lane.title)
            word = verdicts.get((key, lane.title))
            cells.append(cell if word is None else f"{cell} {_badge(word)}")
        used = float(lane.rows.seconds[-1])
        cells.append(f"{(float(lane.rows.steps[-1]) + 1) / used:,.0f}" if used > 0 else "–")
        lines.append(f"| **{lane.title}** | " + " | ".join(cells) + " |")
    for score in seen.rivals:
        name = short_label(score.name)
        cells = [_cell_of(found, key, name) for key in found.means]
        if score.trailless:
            cells[-1] += NO_STEPS
        lines.append(f"| *{name}* | " + " | ".join(cells) + " | – |")
    return "\n".join(lines)


def _badge(verdict: Verdict) -> str:
    return f":{_COLOUR[verdict]}-background[{verdict.value.replace(' ', _FIRM)}]"


def _cell_of(found: Judged, key: str, name: str) -> str:
    """Mean and interval of a contender or rival; for the threshold with what was counted, and in how many seeds."""
    summary = found.means[key].get(name)
    if summary is None:
        return "–"
    cell = _cell(summary, JUDGED[key][2])
    if key != "steps_to_threshold":
        return cell
    reach = found.reached[name]
    unit = f" {reach.unit}" if reach.unit else ""
    if not reach.share:
        return f"not within {reach.horizon}{unit}" if unit else f"not by step {reach.horizon}"
    return f"{cell}{unit} ({reach.share:.0%})"


def _cell(summary: Summary, form: str) -> str:
    if np.isnan(summary.mean):
        return "–"
    if np.isnan(summary.low):
        return format(summary.mean, form)
    return f"{summary.mean:{form}}{_FIRM}±{_FIRM}{summary.high - summary.mean:{form}}"


def _small_print(seen: Seen, found: Judged, reference: str) -> str:
    base = seen.config.base
    count = len(found.comparisons)
    parts = [
        f"Mean ± half of the 95 % interval over {found.units} independent "
        + ("draws of the data." if base.data_draws > 1 else "starts."),
        "Beside steps: the share of seeds that reached the threshold.",
    ]
    if count:
        parts.append(
            f"Verdicts compare with {reference}, paired by seed: sign-flip test, corrected for all {count} comparisons "
            "(Holm, 5 %). Intervals are not corrected, so one may exclude 0 while the verdict is no difference."
        )
        if found.units < found.fewest:
            parts.append(f"**A verdict needs at least {found.fewest} independent seeds; this race has {found.units}.**")
    if base.data_draws == 1:
        parts.append("**All seeds share one data set: what is concluded holds for that data set only.**")
    parts += _counting(seen)
    return " ".join(parts)


def _counting(seen: Seen) -> list[str]:
    """What rivals' steps are, and why some have none."""
    parts = []
    units = {score.path.unit for score in seen.rivals if score.path is not None}
    if units:
        words = ["likelihood evaluations (or of its gradient)"] * ("evaluations" in units)
        words += ["sweeps over all weights, on a table of all strings"] * ("sweeps" in units)
        parts.append(f"Rivals' steps are {' or '.join(words)}; read at up to 64 points.")
    none = [f"{short_label(score.name)} {score.trailless}" for score in seen.rivals if score.trailless]
    if none:
        parts.append(f"{NO_STEPS} No steps to count: {'; '.join(none)}.")
    return parts


def _details(found: Judged, reference: str) -> str:
    lines = [
        f"| metric | contender | difference to {reference} | 95 % interval | effect size | corrected p | verdict |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for c in found.comparisons:
        form = JUDGED[c.metric][2]
        lines.append(
            f"| {JUDGED[c.metric][0]} | {c.contender} | {c.difference:+{form}} | "
            f"{c.low:+{form}}{_FIRM}…{_FIRM}{c.high:+{form}} | {c.effect_size:+.2f} | {_p(c.p_adjusted)} | "
            f"{_badge(c.verdict)} |"
        )
    return "\n".join(lines)


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"


def _sentence(found: Comparison) -> str:
    text = found.sentence
    head, _, rest = text.partition(":")
    return f"**{head[:1].upper()}{head[1:]}:**{rest}"
