"""The classical rivals of a race: what they reach, and what that cost."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.views.compare import wide
from app.views.compare.charts import short_label
from app.views.compare.data import Seen
from qhn_core.metrics import METRICS, Metric

Array = NDArray[np.float64]


def show(seen: Seen | None) -> None:
    """Every rival with the contenders: metrics and what it cost."""
    if seen is None or not seen.logged:
        st.info("Train first: the rivals then work on the same data.", icon=":material/groups:")
        return
    for text in seen.problems:
        st.warning(text)
    if seen.scoring:
        st.caption("Rivals are being scored …")
    elif seen.status.run.active:
        st.caption("The rivals that need computing follow when the race has ended, so as not to slow it down.")
    st.markdown(_rivals(seen))
    for score in seen.rivals:
        if score.notes:
            st.caption(f"**{short_label(score.name)}:** {score.notes}")
    base = seen.config.base
    data = "all on one data set" if base.data_draws == 1 else f"on {base.data_draws} draws of the data"
    st.caption(
        f"Means over starts, {data}. One likelihood evaluation is one pass of one network over "
        + (
            "all training examples, so a minibatch counts as the share of them that it is; networks drawn for the "
            "metrics alone are not counted."
            if wide.is_wide(base)
            else "the training data; the exact simulator reads the table of all 2^N, which stands in its budget."
        )
    )


def _rivals(seen: Seen) -> str:
    names = ("predictive_nll_test", "accuracy_test", "cost_gap", "kl_posterior")
    metrics = [METRICS[n] for n in names if not all(np.isnan(lane.final(n)).all() for lane in seen.lanes)]
    heads = [*(metric.short for metric in metrics), "likelihood evaluations", "seconds a start"]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    exact = seen.setup is not None and seen.setup.setups[0].problem.table is not None
    table = 2 ** seen.setup.setups[0].plan.n_qubits if seen.setup is not None and exact else 0
    for i, lane in enumerate(seen.lanes):
        cells = [_mean(lane.final(metric.name), metric) for metric in metrics]
        seconds = float(lane.rows.seconds[lane.at]) / seen.config.base.replicas
        budget = _evaluations(seen, i) or table
        lines.append(f"| **{lane.title}** | " + " | ".join(cells) + f" | {budget:,} | {_seconds(seconds)} |")
    for score in seen.rivals:
        cells = [_mean(score.row[metric.name], metric) for metric in metrics]
        lines.append(
            f"| *{short_label(score.name)}* | "
            + " | ".join(cells)
            + f" | {score.likelihood_evaluations:,} | {_seconds(score.seconds)} |"
        )
    return "\n".join(lines)


def _evaluations(seen: Seen, index: int) -> int:
    """Likelihood evaluations of a seed up to the step looked at: a minibatch counts as the share of examples it is."""
    if seen.setup is None:
        return 0
    from qhn_core.studies.rivals import budget_of

    side = seen.setup.setups[index]
    if side.plan.exact or seen.at_step < 1:
        return 0
    return budget_of(side.config.model_copy(update={"steps": seen.at_step}), side.plan, side.n_train) or 0


def _seconds(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-3 else "under 0.001"


def _mean(values: Array, metric: Metric) -> str:
    return metric.text(float("nan") if np.isnan(values).all() else float(np.nanmean(values)))
