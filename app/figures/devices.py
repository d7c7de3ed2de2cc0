"""Figures of runs on a device: what it draws beside an ideal sampler, and its loss while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, loss_unit, median, spread
from app.figures.layout import FONT, axis, captioned, layout, message
from app.figures.palette import DEVICE, INK, RIVAL, loss_colour, translucent
from app.figures.plain import Figure
from qhn_core.metrics import median_of

Array = NDArray[np.float64]


def score_bars(
    rows: Sequence[tuple[str, tuple[float, float], tuple[float, float]]], *, title: str, unit: str
) -> Figure:
    """Ideal against device, with error bars: rows of (label, (ideal, error), (device, error)).

    The numbers stand in a column of their own at the right, where neither ticks nor points can cover them.
    """
    traces, notes = [], []
    for name, colour, at, place, symbol in (
        ("ideal", INK, 1, 0.2, "diamond"),
        ("device", DEVICE, 2, -0.2, "square"),
    ):
        pairs: list[tuple[float, float]] = [row[at] for row in rows]  # type: ignore[misc]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [p[0] for p in pairs],
                "y": [place - i for i in range(len(rows))],
                "error_x": {"type": "data", "array": [p[1] for p in pairs], "thickness": 2.5, "width": 5},
                "name": name,
                "marker": {"color": colour, "size": 9, "symbol": symbol},
                "hovertemplate": "%{x:.4g} ± %{error_x.array:.2g}",
            }
        )
        notes += [_number(place - i, mean, error) for i, (mean, error) in enumerate(pairs)]
    names = ["<br>".join(wrap(row[0], 12)) for row in rows]
    ticks = axis(tickvals=[-i for i in range(len(rows))], ticktext=names, showgrid=False)
    ticks |= {"range": [0.5 - len(rows), 0.5]}
    ends = [mean + side * error for _, *both in rows for mean, error in both for side in (-1, 1) if error == error]
    room = 0.12 * (max(ends) - min(ends)) + 1e-4 if ends else 1.0
    x = axis(unit, nticks=3, tickangle=0, range=[min(ends) - room, max(ends) + room] if ends else [0, 1])
    shape = layout(title, x=x, y=ticks, hovermode="closest", annotations=notes)
    shape["margin"] = {**shape["margin"], "r": 112}
    return {"data": traces, "layout": shape}


def _number(y: float, mean: float, error: float) -> dict[str, Any]:
    """A value with its error beside the plot."""
    place = {"xref": "paper", "x": 1, "xanchor": "left", "xshift": 6, "yref": "y", "y": y, "yanchor": "middle"}
    font = {"size": FONT - 1, "color": INK}
    return {"text": f"{mean:.3f} ± {error:.3f}", **place, "showarrow": False, "font": font}


def distance_bars(seen: float, floor: float, high: float) -> Figure:
    """Total variation distance of a device's draws, beside that of an ideal sampler with as many shots.

    Args:
        seen: of the device.
        floor, high: mean and 95 % quantile of the ideal sampler's.
    """
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "width": 0.3, "hovertemplate": "%{x:.4f}<extra></extra>"}
    whisker = {"type": "data", "symmetric": False, "array": [max(high - floor, 0.0)], "arrayminus": [0.0]}
    whisker |= {"color": INK, "thickness": 2.5, "width": 8}
    alone = {**bar, "x": [floor], "y": [0], "marker": {"color": RIVAL}, "error_x": whisker}
    device = {**bar, "x": [seen], "y": [1], "marker": {"color": DEVICE}}
    words = [_over(0.15, f"shots alone {floor:.3f},<br>95 % below {high:.3f}"), _over(1.15, f"device {seen:.3f}")]
    x = axis("½ Σ |frequency − q|", range=[0, 1.1 * max(high, seen) + 0.01], nticks=5)
    y = axis(range=[-0.3, 1.55], showgrid=False, showticklabels=False)
    title = "Total variation distance"
    shape = layout(title, x=x, y=y, legend=False, hovermode="closest", barmode="overlay", annotations=words)
    return {"data": [alone, device], "layout": shape}


def _over(y: float, text: str) -> dict[str, Any]:
    """What a bar says, over it and from the plot's left edge on, where a narrow chart has the same room."""
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "y", "y": y, "yanchor": "bottom", "align": "left"}
    return {"text": text, **place, "showarrow": False, "font": {"size": FONT, "color": INK}}


def surprise(ideal: Array, device: Array, *, title: str) -> Figure:
    """How improbable the ideal circuit finds what was drawn: −log q of its own strings (S,) and of the device's (S,).

    Strings that it never draws (−∞) are left out.
    """
    drawn = [-values[np.isfinite(values)] for values in (ideal, device)]
    ends = np.concatenate(drawn)
    low, high = (float(ends.min()), float(ends.max())) if ends.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, 33)
    traces: list[dict[str, Any]] = []
    for values, name, colour in ((drawn[0], "ideal", INK), (drawn[1], "device", DEVICE)):
        share = np.histogram(values, edges)[0] / max(len(values), 1)
        shape = {"color": colour, "width": 2, "shape": "hvh"}
        bar = {"type": "scatter", "mode": "lines", "x": 0.5 * (edges[1:] + edges[:-1]), "y": 100.0 * share}
        traces.append(bar | {"name": name, "line": shape, "hovertemplate": "%{y:.3g} %"})
    x, y = axis("−log q(w) of a drawn string, nats", nticks=6), axis("% of draws", rangemode="tozero", nticks=5)
    return {"data": traces, "layout": layout(title, x=x, y=y)}


def marginal_scatter(ideal: Array, device: Array, *, shots: int, title: str) -> Figure:
    """How often each bit is 1 on the device, over what the ideal circuit has: (N,) each; the band is 2 σ of shots."""
    grid = np.linspace(0.0, 1.0, 41)
    sigma = 2.0 * np.sqrt(grid * (1.0 - grid) / shots)
    edge = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "showlegend": False, "line": {"width": 0}}
    band = {**edge, "x": grid, "y": grid + sigma, "fill": "tonexty", "fillcolor": translucent(RIVAL, 0.35)}
    band |= {"name": "2 σ of shots", "showlegend": True}
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": ideal,
        "y": device,
        "name": "a bit each",
        "marker": {"color": DEVICE, "size": 5, "opacity": 0.7},
        "hovertemplate": "ideal %{x:.3f}, device %{y:.3f}",
    }
    x = axis("P(bit = 1), ideal", range=[0, 1], nticks=6)
    y = axis("share of draws with bit = 1", range=[0, 1], nticks=6)
    shape = layout(title, x=x, y=y, hovermode="closest")
    return {"data": [{**edge, "x": grid, "y": grid - sigma}, band, points], "layout": shape}


def device_loss(
    steps: NDArray[Any],
    loss: Array,
    *,
    objective: str,
    title: str,
    total: int,
    reference: tuple[float, str] | None = None,
) -> Figure:
    """Loss estimates of a run on a device, (T,) steps and (T, B), and a level to compare with."""
    if not len(steps):
        return message(title, "No step yet")
    x = np.asarray(steps, dtype=float)
    colour = loss_colour(objective)
    traces = [*spread(x, loss, colour, "loss"), line(x, median(loss), "loss, estimated", colour, width=2.5)]
    if reference is not None:
        level, name = reference
        traces.append(line(np.array([0.0, float(max(total, 1))]), np.full(2, level), name, RIVAL, dash="dash", width=2))
    y = axis(loss_unit(objective), nticks=6, exponentformat="power")
    along = captioned(axis("step", range=[0, max(total, 1)]), median_of(loss.shape[1], band=len(x) > 1))
    return {"data": traces, "layout": layout(title, x=along, y=y)}
