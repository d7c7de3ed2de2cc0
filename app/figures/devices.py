"""Figures of runs on a device: what it draws beside an ideal sampler, and its loss while it trains."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, loss_unit, median, spread
from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import DEVICE, INK, RIVAL, loss_colour
from app.figures.plain import Figure

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
    x = axis(unit, nticks=6, range=[min(ends) - room, max(ends) + room] if ends else [0, 1])
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
    names = ["shots alone", "device"]
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "width": 0.5, "hovertemplate": "%{x:.4f}<extra></extra>"}
    whisker = {"type": "data", "symmetric": False, "array": [max(high - floor, 0.0)], "arrayminus": [0.0]}
    whisker |= {"color": INK, "thickness": 2.5, "width": 8}
    alone = {**bar, "x": [floor], "y": names[:1], "marker": {"color": RIVAL}, "error_x": whisker}
    device = {**bar, "x": [seen], "y": names[1:], "marker": {"color": DEVICE}}
    words = {
        "type": "scatter",
        "mode": "text",
        "x": [max(floor, high), seen],
        "y": names,
        "text": [f"  {floor:.3f}, 95 % below {high:.3f}", f"  {seen:.3f}"],
        "textposition": "middle right",
        "textfont": {"size": FONT, "color": INK},
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    x = axis("½ Σ |frequency − q|", range=[0, min(max(1.7 * high + 0.01, 1.35 * seen, 2.4 * high), 2.4)], nticks=6)
    y = axis(type="category", showgrid=False)
    shape = layout("Total variation distance", x=x, y=y, legend=False, hovermode="closest", barmode="overlay")
    return {"data": [alone, device, words], "layout": shape}


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
    return {"data": traces, "layout": layout(title, x=axis("step", range=[0, max(total, 1)]), y=y)}
