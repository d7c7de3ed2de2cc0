"""The curves of a race: generalisation, trainability, and the evidence ceiling with the weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice

import numpy as np
import streamlit as st

from app import presenter, state
from app.controls import rate_text
from app.figures import Figure, message
from app.figures.evidence import evidence_ceiling
from app.figures.race import Side, View
from app.figures.race_curves import race_curves
from app.figures.race_weights import race_decided, race_weights
from app.kept_chart import kept_chart
from app.views.compare import wide
from app.views.compare.data import Seen, posterior_of, residual, weight_labels, weight_marginals
from qhn_core.analysis.strings import marginals
from qhn_core.baselines import BASELINES
from qhn_core.metrics import METRICS, Metric, median_of

HEIGHT, TALL = 208, 340
#: The same on a projector: two rows of curves fill it.
LARGE, LARGE_TALL = 292, 560
#: Seconds between two drawings of a chart, and of one whose marginals take a pass along all wires.
_EVERY, _EVERY_WIDE = 0.25, 3.0


#: Charts of a tab: name of the chart -> metric.
GENERALISATION = {
    "race-nll": "predictive_nll_test",
    "race-accuracy": "accuracy_test",
    "race-gap": "gap",
    "race-entropy": "entropy_bits",
}
TRAINABILITY = {
    "race-loss": "loss",
    "race-cost-gap": "cost_gap",
    "race-success": "success",
    "race-gradient": "grad_norm",
}
#: The same where what needs a table of all strings does not exist.
TRAINABILITY_WIDE = {
    "race-loss": "loss",
    "race-nll-train": "nll_train",
    "race-kl-prior": "kl_prior",
    "race-gradient": "grad_norm",
}
#: Metrics in whose charts the rivals' levels are drawn, and those of the table below.
WITH_RIVALS = ("predictive_nll_test", "accuracy_test")
_TABLE = (
    *("predictive_nll_test", "accuracy_test", "gap", "kl_posterior"),
    *("entropy_bits", "cost_gap", "success", "grad_norm"),
)


def curves(seen: Seen | None, shown: Mapping[str, str], view: View) -> None:
    """Charts, two in a row; the crosshair is common to all."""
    for pair in _pairs(shown):
        columns = st.columns(2, gap="small")
        for column, (name, metric) in zip(columns, pair, strict=False):
            with column:
                _mount(seen, name, partial(_curve, seen, METRICS[metric], view), view, height=_height())


def evidence(seen: Seen | None, view: View, replica: int) -> None:
    """The ceiling at the left, the weights at the step at the right."""
    height = LARGE_TALL if state.presenting() else TALL
    left, right = st.columns([1.15, 1], gap="small")
    with left:
        _mount(seen, "evidence", lambda: _evidence(seen, view), view, height=height)
    with right:
        _mount(seen, "race-weights", lambda: _weights(seen, replica), view, height=height, option=replica)
    if seen is not None and seen.logged and seen.log_evidence is not None:
        value = residual(seen)
        st.html(
            f'<p data-residual="{value:.3e}" style="margin:0">Worst of all contenders and starts at this step: '
            f"<b>| log p(D) − ELBO − KL | = {value:.1e} nats</b>. "
            "SELBO is a surrogate and bounds nothing; its ELBO is measured here all the same.</p>"
        )


def _height() -> int:
    return LARGE if state.presenting() else HEIGHT


def _pairs(shown: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    rest = iter(shown.items())
    while pair := list(islice(rest, 2)):
        yield pair


def _mount(
    seen: Seen | None,
    name: str,
    build: Callable[[], tuple[Figure, str]],
    view: View,
    *,
    height: int = HEIGHT,
    option: object = "",
) -> None:
    shown = () if seen is None else tuple(lane.title for lane in seen.lanes)
    slow = name == "race-weights" and seen is not None and wide.is_wide(seen.config.base)
    every = _EVERY_WIDE if slow else _EVERY
    kept_chart(
        build,
        name=name,
        key=("race", seen.race_id if seen else "", str(option), shown, presenter.scale()),
        version=(seen.version if seen else "", view),
        patience=every if seen is not None and seen.follows else 0.0,
        height=height,
        group="race",
        scale=presenter.scale(),
    )


def sides(seen: Seen, metric: str, view: View) -> list[Side]:
    """One quantity of all contenders."""
    found = []
    for lane in seen.lanes:
        if len(lane.rows.steps):
            x = lane.rows.seconds if view.x == "seconds" else lane.rows.steps.astype(np.float64)
            found.append(Side(lane.title, lane.style, x, lane.values(metric), lane.at))
    return found


def short_label(name: str) -> str:
    """A rival's label without what stands in brackets."""
    return BASELINES.make(name).label.split(" (")[0]


def levels(seen: Seen, metric: str) -> dict[str, float]:
    """Median over starts of each rival's value."""
    found = {}
    for score in seen.rivals:
        values = score.row[metric]
        if not np.isnan(values).all():
            found[short_label(score.name)] = float(np.nanmedian(values))
    return found


def _curve(seen: Seen | None, metric: Metric, view: View) -> tuple[Figure, str]:
    title = "Loss, each its own" if metric.name == "loss" else metric.label
    if seen is None:
        text = "Train draws a curve per loss here"
        return message(title, text), f"{title}: {text}"
    drawn = sides(seen, metric.name, view)
    units = [contender.objective.unit for contender in seen.config.contenders]
    figure = race_curves(
        drawn,
        title=title,
        unit=" or ".join(dict.fromkeys(units)) if metric.name == "loss" else metric.unit,
        view=view,
        levels=levels(seen, metric.name) if metric.name in WITH_RIVALS else None,
        zero=metric.name == "gap" and not view.log_y,
    )
    now = "; ".join(
        f"{s.title} {np.nanmedian(s.values[s.at]):.4g}" for s in drawn if not np.isnan(s.values[s.at]).all()
    )
    return figure, f"{title} over {view.x}, {_medians(seen)} at step {seen.at_step}: {now or 'nothing yet'}."


def _evidence(seen: Seen | None, view: View) -> tuple[Figure, str]:
    title = "Evidence ceiling"
    if seen is None or not seen.logged:
        return message(title, "Train shows each ELBO climbing to log p(D)"), f"{title}: nothing logged yet"
    ceiling = seen.log_evidence
    if ceiling is None:
        title = "ELBO, below log p(D), which no table tells here"
        drawn = sides(seen, "elbo", view)
        now = "; ".join(f"{s.title} {np.nanmedian(s.values[s.at]):.5g}" for s in drawn)
        return race_curves(drawn, title=title, unit="nats", view=view), f"{title}: {_medians(seen)} {now}."
    common = float(ceiling.mean())
    drawn = [
        Side(s.title, s.style, s.x, s.values + (common - ceiling)[None, :], s.at) for s in sides(seen, "elbo", view)
    ]
    kl = {lane.title: float(np.nanmedian(lane.final("kl_posterior"))) for lane in seen.lanes}
    shifted = bool(np.ptp(ceiling) > 0.0)
    figure = evidence_ceiling(drawn, log_evidence=common, kl=kl, view=view, shifted=shifted)
    words = "; ".join(f"{name} {METRICS['kl_posterior'].text(value)}" for name, value in kl.items())
    said = f"KL to the posterior, {_medians(seen)}: {words}"
    return figure, f"ELBO of each contender under log p(D) = {common:.4g} nats; {said}."


def _medians(seen: Seen) -> str:
    """What the curves' numbers are, in words."""
    return median_of(seen.config.base.replicas) or "values"


def _weights(seen: Seen | None, replica: int) -> tuple[Figure, str]:
    title = "Weights"
    if seen is None or not seen.logged:
        return message(title, "Train shows the weights of one start at the step"), f"{title}: nothing logged yet"
    found = {}
    step = seen.at_step
    of = wide.ones if wide.is_wide(seen.config.base) else weight_marginals
    for i, lane in enumerate(seen.lanes):
        means = of(seen.race_id, i, step, replica)
        if means is not None:
            step, found[lane.title] = means
    exact = posterior_of(seen, replica)
    title = f"Weights of start {replica + 1} at step {step}"
    if wide.is_wide(seen.config.base):
        figure = race_decided(found, {lane.title: lane.style for lane in seen.lanes}, title=title)
        words = "; ".join(f"{n} {float((np.abs(v - 0.5) > 0.4).mean()):.0%}" for n, v in found.items())
        return figure, f"{title}: share of weights whose sign has a probability above 0.9: {words}."
    figure = race_weights(
        found,
        {lane.title: lane.style for lane in seen.lanes},
        labels=weight_labels(seen),
        posterior=None if exact is None else marginals(exact),
        title=title,
    )
    return figure, f"{title}: probability of plus for each weight, per contender, beside the exact posterior's."


def values_table(seen: Seen) -> str:
    """Means over starts at the step looked at, as a Markdown table."""
    shown = [METRICS[m] for m in _TABLE if any(not np.isnan(lane.final(m)).all() for lane in seen.lanes)]
    starts = seen.config.base.replicas
    heads = [
        f"step {seen.at_step}" + (f", means of {starts}" if starts > 1 else ""),
        *(metric.short for metric in shown),
        "steps/s alone, with logging",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "--:|" * (len(heads) - 1)]
    for lane in seen.lanes:
        cells = [metric.text(mean_of(lane.final(metric.name)), sign=metric.name == "gap") for metric in shown]
        cells.append(rate_text(lane.rate))
        lines.append(f"| **{lane.title}** | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def mean_of(values: np.ndarray) -> float:
    """Mean over starts, NaN left out."""
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
