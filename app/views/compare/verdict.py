"""The verdict of a race: means with intervals, paired differences, and what they allow to say, in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from app import state
from app.views.compare import wide
from app.views.compare.charts import short_label
from app.views.compare.data import Seen
from app.views.compare.judging import THRESHOLDS, Judged, exploratory, judge
from app.views.compare.sentences import headlines, p_text, sentence
from qhn_core.analysis.statistics import Comparison, Summary, Verdict
from qhn_core.metrics import METRICS, Metric

#: Footnote sign of rivals that have no steps.
NO_STEPS = "¹"
#: A space at which no line is broken.
_FIRM = "\u00a0"
_COLOUR = {Verdict.BETTER: "green", Verdict.WORSE: "red", Verdict.NO_DIFFERENCE: "gray", Verdict.TOO_FEW: "orange"}


def show(seen: Seen | None) -> None:
    """Threshold, table, details and sentences."""
    if seen is None or not seen.logged:
        st.info("Train first: the table compares the contenders seed by seed.", icon=":material/table_chart:")
        return
    threshold = _threshold()
    at = _judged_step(seen)
    found = judge(seen.race_id, at, *threshold, len(seen.rivals))
    reference = seen.lanes[0].title

    def badge(comparison: Comparison) -> str:
        return _badge(comparison.verdict, look=exploratory(seen, at, comparison.metric, threshold))

    st.markdown(_standing(seen, at, threshold))
    st.markdown(_summary(seen, at, found, *threshold, badge))
    st.caption(_small_print(seen, found, reference))
    if found.comparisons:
        with st.expander("Differences, effect sizes and corrected p", expanded=True, key="race.details"):
            st.markdown(_details(found, reference, badge))
        with st.expander("In words", expanded=True, key="race.words"):
            looks = [exploratory(seen, at, c.metric, threshold) for c in found.comparisons]
            look = " (exploratory)" if all(looks) else ""
            st.markdown("  \n".join(f"**{text}**{look}" for text in headlines(found.comparisons)))
            lines = (sentence(c, exploratory=x) for c, x in zip(found.comparisons, looks, strict=True))
            st.markdown("\n".join(f"- {line}" for line in lines))


def _threshold() -> tuple[str, float]:
    left, middle, _ = st.columns([1.3, 1, 2.4], gap="small")
    with left:
        names = list(THRESHOLDS)
        held = names.index(state.widget("race.threshold.metric", names[0]))
        metric = st.selectbox(
            "Threshold on",
            names,
            held,
            format_func=lambda name: METRICS[name].label,
            key="race.threshold.metric",
            help="The quantity that is to pass a value: who gets there in fewer steps learns faster.",
        )
    with middle:
        key, first = f"race.threshold.{metric}", THRESHOLDS[metric]
        sign = "at most" if METRICS[metric].better == "lower" else "at least"
        value = st.number_input(
            sign, value=float(state.widget(key, first)), step=0.05, format="%g", key=key, help="The value to pass."
        )
    return metric, float(value)


def _judged_step(seen: Seen) -> int:
    """The step looked at, or the one announced once it is there.

    Of a race that is still on its way a few dozen steps only, as judging takes the training's time.
    """
    if seen.step is not None:
        return seen.at_step
    if seen.last_step >= seen.config.judged_at:
        return seen.config.judged_at
    every = max(1, seen.config.base.steps // 25)
    return seen.at_step // every * every if seen.status.run.active else seen.at_step


def _standing(seen: Seen, at: int, threshold: tuple[str, float]) -> str:
    """Whether this is the verdict that was announced before the race, or one look of many."""
    planned = seen.config.judged_at
    if at != planned:
        early = " It ended earlier." if not seen.status.run.active and seen.last_step < planned else ""
        return (
            f":orange-badge[exploratory] Step {at}. This race is judged at step {planned}, as set before it began."
            f"{early} Who looks at many steps finds a difference by chance far more often than in 5 % of races."
        )
    also = ""
    if exploratory(seen, at, "steps_to_threshold", threshold):
        also = " The threshold was changed on this page: verdicts about it are exploratory."
    return f":green-badge[judged as set] Step {at}, as set before the race began.{also}"


def _summary(
    seen: Seen, at: int, found: Judged, metric: str, threshold: float, badge: Callable[[Comparison], str]
) -> str:
    """Contenders and rivals down, metrics across; mean, interval and verdict in each cell."""
    verdicts = {(c.metric, c.contender): c for c in found.comparisons}
    heads = [METRICS[key].short for key in found.means]
    heads[-1] = steps_to(metric, threshold)
    lines = [
        f"| step {at} | " + " | ".join(heads) + " |",
        "|---|" + "---|" * len(heads),
    ]
    for lane in seen.lanes:
        cells = []
        for key in found.means:
            cell = cell_of(found, key, lane.title)
            said = verdicts.get((key, lane.title))
            cells.append(cell if said is None else f"{cell} {badge(said)}")
        lines.append(f"| **{lane.title}** | " + " | ".join(cells) + " |")
    for score in seen.rivals:
        name = short_label(score.name)
        cells = [cell_of(found, key, name) for key in found.means]
        if score.trailless:
            cells[-1] += NO_STEPS
        lines.append(f"| *{name}* | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _badge(verdict: Verdict, *, look: bool) -> str:
    """A verdict's word on its colour; grey, and said to be exploratory, for a ``look`` that was not set beforehand."""
    judged = verdict in (Verdict.BETTER, Verdict.WORSE)
    words = verdict.value.replace(" ", _FIRM) + (" (exploratory)" if look and judged else "")
    return f":{'gray' if look else _COLOUR[verdict]}-background[{words}]"


def steps_to(metric: str, threshold: float) -> str:
    """The column of the steps to a threshold, by its head."""
    sign = "≤" if METRICS[metric].better == "lower" else "≥"
    return f"Steps to {METRICS[metric].short} {sign} {threshold:g}"


def cell_of(found: Judged, key: str, name: str) -> str:
    """Mean and interval of a contender or rival; for the threshold with what was counted, and in how many seeds."""
    summary = found.means[key].get(name)
    if summary is None:
        return "–"
    cell = _cell(summary, METRICS[key])
    if key != "steps_to_threshold":
        return cell
    reach = found.reached[name]
    unit = f" {reach.unit}" if reach.unit else ""
    if not reach.share:
        return f"not within {reach.horizon}{unit}" if unit else f"not by step {reach.horizon}"
    return f"{cell}{unit} ({reach.share:.0%})"


def _cell(summary: Summary, metric: Metric) -> str:
    mean = metric.text(summary.mean)
    if np.isnan(summary.mean) or np.isnan(summary.low):
        return mean
    return f"{mean}{_FIRM}±{_FIRM}{metric.text(summary.high - summary.mean)}"


def _small_print(seen: Seen, found: Judged, reference: str) -> str:
    base = seen.config.base
    count = len(found.comparisons)
    parts = [
        f"Mean ± half of the 95 % interval over {found.units} independent "
        + ("draws of the data." if base.data_draws > 1 else "starts."),
        "Beside steps: the share of seeds that reached the threshold.",
        *filter(None, [wide.judged_by(base)]),
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


def _details(found: Judged, reference: str, badge: Callable[[Comparison], str]) -> str:
    lines = [
        f"| metric | contender | difference to {reference} | 95 % interval | effect size | corrected p | verdict |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for c in found.comparisons:
        metric = METRICS[c.metric]
        low, high = metric.text(c.low, sign=True), metric.text(c.high, sign=True)
        lines.append(
            f"| {metric.title} | {c.contender} | {metric.text(c.difference, sign=True)} | "
            f"{low}{_FIRM}…{_FIRM}{high} | {c.effect_text} | {p_text(c.p_adjusted)} | {badge(c)} |"
        )
    return "\n".join(lines)
