"""Chosen runs laid over each other: one metric's curves, and the settings in which the runs differ."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services
from app.figures.overlay import MAX_RUNS, Curve, overlay
from app.live_chart import live_chart
from app.views.runs.rows import Row, differences, flatten
from qhn_core.errors import ConfigError, QHNError
from qhn_core.metrics import BAND, LOGGED, METRICS, parts_of, values_of

_HEIGHT = 300
_LOG = logging.getLogger(__name__)


def show(rows: Sequence[Row]) -> None:
    """Curves and settings of the chosen runs; nothing if none is chosen."""
    if not rows:
        return
    wide, narrow = st.columns([4, 1], gap="medium")
    with narrow:
        metric, log_y, bands, smoothing = _controls()
    curves = [_curve(row, metric, smoothed=smoothing > 0) for row in rows[:MAX_RUNS]]
    figure = overlay(curves, metric=metric, log_y=log_y, smoothing=smoothing, bands=bands)
    with wide:
        live_chart(figure, name="overlay", alt=_alt(curves, metric), height=_HEIGHT)
    if len(rows) > MAX_RUNS:
        st.caption(f"The first {MAX_RUNS} of {len(rows)} ticked runs are drawn.")
    if len(rows) == 1:
        _settings(rows[0])
    else:
        _differences(rows)


def _controls() -> tuple[str, bool, bool, float]:
    metric = st.selectbox(
        "Metric",
        [*LOGGED, "gap"],
        format_func=lambda name: METRICS[name].label,
        key="runs_metric",
        help="The quantity whose curves are laid over each other.",
    )
    smoothing = st.slider(
        "Smoothing",
        0.0,
        0.98,
        0.0,
        0.02,
        key="runs_smoothing",
        help="Average over neighbouring steps so that trends are seen.",
    )
    bands = st.toggle(
        "Band", value=True, key="runs_bands", help=f"The middle {100 * (BAND[1] - BAND[0]):.0f} % of the starts"
    )
    log_y = st.toggle("Log axis", key="runs_log", help="Show factors instead of differences.")
    return metric, log_y, bands, smoothing


def _curve(row: Row, metric: str, *, smoothed: bool) -> Curve:
    """The run's values; empty where there are none, or where the store cannot give them now.

    What is smoothed needs every step: of those alone in which a curve has its turns, the average is another.
    """
    record = row.record
    label = f"{_short(record.name)} ({record.id[:4]})"
    steps: NDArray = np.zeros(0)
    values: NDArray = np.zeros((0, 1))
    try:
        if not smoothed:
            steps, history = services.supervisor().curves(record.id)
        elif record.state.active:
            steps, history = services.supervisor().history(record.id)
        else:
            steps, history = services.store().columns(record.id, parts_of(metric))
        values = _of(history, metric, len(steps))
    except QHNError:
        _LOG.exception("no history of run %s", record.id)
    return Curve(label, row.settings.loss, steps.astype(float), values, row.settings.loss_title)


def _of(history: Mapping[str, NDArray], metric: str, rows: int) -> NDArray:
    """The metric over time (T, B); NaN where the run has none."""
    found = values_of(history, metric)
    return np.full((rows, 1), np.nan) if found is None else found


def _short(name: str, limit: int = 28) -> str:
    plain = name.replace("<", "‹").replace(">", "›")  # plotly reads some HTML in labels
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"


def _alt(curves: Sequence[Curve], metric: str) -> str:
    ends = []
    for curve in curves:
        last = curve.values[-1] if len(curve.values) else np.full(1, np.nan)
        if not np.isnan(last).all():
            ends.append(f"{curve.label} at {np.nanmedian(last):.4g}")
    return f"{METRICS[metric].label} over steps; medians end with " + ("; ".join(ends) or "no values")


def _settings(row: Row) -> None:
    """All settings of one run, and what this version makes of them."""
    try:
        _ = row.record.config
    except ConfigError as error:
        st.warning(f"This version cannot use the configuration: {error}")
    settings = flatten(row.record.config_json)
    with st.expander("Settings"):
        st.dataframe({"setting": list(settings), "value": list(settings.values())}, hide_index=True)


def _differences(rows: Sequence[Row]) -> None:
    table = differences([row.record.config_json for row in rows])
    if not table:
        st.caption("The ticked runs have the same settings.")
        return
    st.markdown("**Where they differ**")
    names = [f"{_short(row.record.name)} ({row.record.id[:4]})" for row in rows]
    data: dict[str, list[str]] = {"setting": list(table)}
    for i, name in enumerate(names):
        data[name] = [values[i] for values in table.values()]
    st.dataframe(data, hide_index=True, alt="Settings in which the ticked runs differ")
