"""Figures of trainability: gradient variance over random starts, and where a run stands against them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, median, spread, step_axis
from app.figures.layout import axis, captioned, layout, message
from app.figures.palette import CLASSES, INK, RIVAL, loss_colour
from app.figures.plain import Figure
from qhn_core.metrics import median_of

Array = NDArray[np.float64]
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")


class Curve(NamedTuple):
    """Gradient variance against one quantity."""

    loss: str
    start: str
    x: Array
    variance: Array
    error: Array  #: standard errors


def variance_curves(curves: Sequence[Curve], *, against: str, labels: dict[str, str], here: float | None) -> Figure:
    """Variance of the gradient, logarithmic; colour is the loss, dash and symbol the initialisation.

    Args:
        against: title of the x axis.
        labels: short names of the losses.
        here: the shown run's own value of x.
    """
    title = "Gradient variance over random starts"
    if not curves:
        return message(title, "Press Measure")
    starts = list(dict.fromkeys(curve.start for curve in curves))
    traces: list[dict[str, Any]] = []
    for curve in curves:
        colour, k = loss_colour(curve.loss), starts.index(curve.start)
        good = curve.variance > 0
        trace = line(
            curve.x[good],
            curve.variance[good],
            f"{labels.get(curve.loss, curve.loss)}, {curve.start}",
            colour,
            dash=_DASHES[k % len(_DASHES)],
            width=2,
        )
        trace |= {
            "mode": "lines+markers",
            "marker": {"color": colour, "size": 8, "symbol": _SYMBOLS[k % len(_SYMBOLS)]},
            "error_y": {"type": "data", "array": curve.error[good], "color": colour, "thickness": 1.2, "width": 3},
        }
        trace["showlegend"] = False
        traces.append(trace)
    traces += _legend(curves, starts, labels)
    marks = [] if here is None else [_mark(here)]
    x = axis(against, nticks=8)
    y = axis("variance of ∂L/n, per rad²", type="log", exponentformat="power")
    shape = layout(title, x=x, y=y, shapes=marks, hovermode="closest")
    shape["margin"]["t"] = 76  # two rows of legend
    return {"data": traces, "layout": shape}


def _legend(curves: Sequence[Curve], starts: Sequence[str], labels: dict[str, str]) -> list[dict[str, Any]]:
    """Colours of the losses, then dashes and symbols of the initialisations."""
    losses = list(dict.fromkeys(curve.loss for curve in curves))
    entries = [(labels.get(loss, loss), loss_colour(loss), "solid", "circle") for loss in losses]
    if len(starts) > 1:
        entries += [(start, RIVAL, _DASHES[k % 4], _SYMBOLS[k % 4]) for k, start in enumerate(starts)]
    none = np.full(1, np.nan)
    return [
        line(none, none, name, colour, dash=dash)
        | {"mode": "lines+markers", "hoverinfo": "skip", "marker": {"color": colour, "size": 8, "symbol": symbol}}
        for name, colour, dash, symbol in entries
    ]


def _mark(x: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": INK, "width": 1.5, "dash": "dot"},
    }


def steepness(steps: NDArray[Any], ratio: Array, *, objective: str, total: int) -> Figure:
    """Mean squared gradient of a run over that of random starts, (T, B); 1 is as steep as a random start."""
    title = "This run against random starts"
    good = np.isfinite(ratio) & (ratio > 0)
    if not len(steps) or not good.any():
        return message(title, "No gradient logged yet")
    colour = loss_colour(objective)
    values = np.where(good, ratio, np.nan)
    x = np.asarray(steps)
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 600)).round().astype(int))
    traces = [*spread(x[keep], values[keep], colour, "starts"), line(x[keep], median(values[keep]), "median", colour)]
    one = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 1,
        "y1": 1,
        "line": {"color": INK, "width": 2, "dash": "dash"},
    }
    y = axis("squared gradient / random start", type="log", exponentformat="power")
    along = captioned(step_axis(x, total), median_of(ratio.shape[1], band=True))
    return {"data": traces, "layout": layout(title, x=along, y=y, shapes=[one], legend=False)}


def architecture_curves(steps: NDArray[Any], shares: Array, labels: Sequence[str], *, total: int) -> Figure:
    """Probability of each architecture over training, medians over starts with the band over them.

    Args:
        shares: (T, B, A).
        labels: length A.
    """
    title = "Probability of each architecture"
    if not len(steps):
        return message(title, "No step logged yet")
    x = np.asarray(steps)
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 800)).round().astype(int))
    traces: list[dict[str, Any]] = []
    for k, label in enumerate(labels):
        colour, values = CLASSES[k % len(CLASSES)], shares[keep, :, k]
        traces += spread(x[keep], values, colour, label)
        traces.append(line(x[keep], median(values), label, colour, dash=_DASHES[k % len(_DASHES)]))
    y = axis("probability under q", range=[0, 1])
    along = captioned(step_axis(x, total), median_of(shares.shape[1], band=True))
    return {"data": traces, "layout": layout(title, x=along, y=y)}


def architecture_bars(labels: Sequence[str], q: Array, posterior: Array, *, objective: str) -> Figure:
    """Mass of q and of the exact posterior on each architecture, (A,)."""
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "y": list(labels),
            "x": values,
            "name": name,
            "marker": {"color": colour},
            "hovertemplate": "%{x:.3f}",
        }
        for values, name, colour in ((posterior, "posterior", INK), (q, "circuit", loss_colour(objective)))
    ]
    x = axis("probability", range=[0, 1])
    y = axis(type="category", showgrid=False, autorange="reversed")
    shape = layout("Circuit and posterior", x=x, y=y, bargap=0.3, hovermode="y unified")
    return {"data": traces, "layout": shape}
