"""Several runs in one plot: one metric, a median per run with the band over its replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import ENDS, band, line, loss_unit, median
from app.figures.layout import FONT, axis, captioned, layout, message
from app.figures.palette import SYMBOLS, loss_colour, translucent
from app.figures.plain import Figure, thin
from qhn_core.metrics import METRICS, median_of

Array = NDArray[np.float64]

#: Curves in one plot; more cannot be told apart.
MAX_RUNS = 10


@dataclass(frozen=True)
class Curve:
    """One run's values of the metric that is shown."""

    label: str
    objective: str
    steps: Array  #: (T,)
    values: Array  #: (T, B)
    loss: str = ""  #: what is minimised, with its weight


def smooth(values: Array, weight: float) -> Array:
    """Exponential moving average along the first axis, corrected for its start.

    s_t = Σ_{i≤t} w^{t−i} v_i / Σ_{i≤t} w^{t−i}, i over the steps with a number (s stays NaN until the first of them).

    Args:
        values: (T,) or (T, B).
        weight: w in [0, 1); 0 leaves the values as they are.
    """
    if weight <= 0.0 or len(values) < 2:
        return values
    known = np.isfinite(values)
    if known.all():
        return _averaged(values, weight)
    table = values.reshape(len(values), -1)
    out = np.full(table.shape, np.nan)
    for column, (numbers, there) in enumerate(zip(table.T, known.reshape(table.shape).T, strict=True)):
        if there.any():
            last = np.cumsum(there) - 1  # of the numbers up to here
            out[last >= 0, column] = _averaged(numbers[there], weight)[last[last >= 0]]
    return out.reshape(values.shape)


def _averaged(values: Array, weight: float) -> Array:
    from scipy.signal import lfilter

    total = lfilter([1.0], [1.0, -weight], values, axis=0)
    mass = lfilter([1.0], [1.0, -weight], np.ones(len(values)))
    return np.asarray(total / mass.reshape(-1, *(1,) * (values.ndim - 1)))


def run_colours(objectives: Sequence[str]) -> list[str]:
    """The colour of each run: its loss's; the second and further runs of one loss get lighter and darker shades."""
    seen: dict[str, int] = {}
    colours = []
    for name in objectives:
        colour = loss_colour(name)
        number = seen[name] = seen.get(name, -1) + 1
        colours.append(_shade(colour, number))
    return colours


def _shade(colour: str, number: int) -> str:
    toward, share = (255, 0)[number % 2 == 0], (0.0, 0.42, 0.34, 0.62, 0.55)[min(number, 4)]
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(c + (toward - c) * share):02x}" for c in parts)


def overlay(
    curves: Sequence[Curve], *, metric: str, log_y: bool = False, smoothing: float = 0.0, bands: bool = True
) -> Figure:
    """The metric of each run over steps.

    Args:
        curves: at most :data:`MAX_RUNS` of them are drawn.
        metric: a key of :data:`qhn_core.metrics.METRICS`, or any logged name.
        log_y: logarithmic axis; values that are not positive are left out.
        smoothing: weight of :func:`smooth`.
        bands: whether the band over the replicas is shaded.
    """
    shown = METRICS.get(metric)
    title, unit = (metric, "") if shown is None else (shown.label, _unit(metric, curves))
    title += ", each run its own" if metric == "loss" and len({curve.loss for curve in curves}) > 1 else ""
    drawn = [curve for curve in curves[:MAX_RUNS] if len(curve.steps) and not np.isnan(curve.values).all()]
    if not drawn:
        return message(title, "The chosen runs have no values of this metric")
    traces: list[dict[str, Any]] = []
    colours = run_colours([curve.objective for curve in drawn])
    for number, (curve, colour) in enumerate(zip(drawn, colours, strict=True)):
        traces += _run(curve, colour, SYMBOLS[number % len(SYMBOLS)], log_y=log_y, smoothing=smoothing, bands=bands)
    y = axis(unit, nticks=7, type="log" if log_y else "linear")
    legend = {"font": {"size": FONT - 1}, "itemwidth": 30}
    said = median_of(*(curve.values.shape[1] for curve in drawn), band=bands)
    shape = layout(title, x=captioned(axis("step", rangemode="tozero"), said), y=y)
    return {"data": traces, "layout": shape | {"legend": shape["legend"] | legend}}


def _unit(metric: str, curves: Sequence[Curve]) -> str:
    """The metric's unit; of the loss, those of the losses shown."""
    if metric != "loss":
        return METRICS[metric].unit
    return " or ".join(dict.fromkeys(loss_unit(curve.objective) for curve in curves)) or METRICS[metric].unit


def _run(curve: Curve, colour: str, symbol: str, *, log_y: bool, smoothing: float, bands: bool) -> list[dict[str, Any]]:
    values = smooth(curve.values, smoothing)
    if log_y:
        values = np.where(values > 0.0, values, np.nan)
    known = ~np.isnan(values).all(axis=1)
    values, steps = values[known], np.asarray(curve.steps)[known]
    if not len(steps):
        return []
    keep = thin(median(values))
    x, values = steps[keep], values[keep]
    traces = _band(x, values, colour, curve.label) if bands else []
    traces.append(line(x, median(values), curve.label, colour, width=2.5))
    few = np.unique(np.linspace(0, len(x) - 1, 9).astype(int))
    marks = line(x[few], median(values)[few], curve.label, colour, showlegend=False, hoverinfo="skip")
    marker = {"color": colour, "size": 9, "symbol": symbol}
    traces[-1] |= {"mode": "lines", "legendgroup": curve.label}
    traces.append(marks | {"mode": "markers", "marker": marker, "hovertemplate": None, "legendgroup": curve.label})
    return traces


def _band(x: Array, values: Array, colour: str, label: str) -> list[dict[str, Any]]:
    if values.shape[1] < 2 or len(x) < 2:
        return []
    low, high = band(values)
    edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    edge["legendgroup"] = label
    fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.15)}
    return [{**edge, "y": low, "name": f"{label} {ENDS[0]}"}, {**edge, "y": high, "name": f"{label} {ENDS[1]}", **fill}]
