"""What changes over training: entropies of qubits and cuts, dependence between weights, and a gradient's standing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, step_axis
from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, CLASSES, INK, MUTED, PAPER, RIVAL, loss_colour
from app.figures.plain import Figure

Array = NDArray[np.float64]


def entropy_map(
    steps: NDArray[Any], entropy: Array, names: Sequence[str], *, title: str, top: float, told: Sequence[str] = ()
) -> Figure:
    """Entropy in bits, a row a qubit or cut, over steps.

    Args:
        steps: (K,).
        entropy: (K, R).
        names: of the rows, length R; short, as three such maps stand side by side.
        top: the largest entropy that there can be.
        told: what pointing at a row says in place of its name.
    """
    trace = {
        "type": "heatmap",
        "x": np.asarray(steps),
        "y": list(names),
        "z": entropy.T,
        "zmin": 0.0,
        "zmax": top,
        "colorscale": [[0, PAPER], [1, ACCENT]],
        "colorbar": {"thickness": 12, "tickfont": {"size": FONT - 2, "color": MUTED}, "nticks": 5},
        "name": "entropy",
        "customdata": [[row] * len(steps) for row in told or names],
        "hovertemplate": "step %{x}, %{customdata}: %{z:.3f} bits<extra></extra>",
    }
    y = axis(type="category", autorange="reversed", showgrid=False, dtick=1) | {"tickfont": {"size": FONT - 4}}
    shape = layout(title, x=axis("step", showgrid=False), y=y, legend=False, hovermode="closest")
    return {"data": [trace], "layout": shape}


def dependence_curves(steps: NDArray[Any], total: Array, pair: Array, cut: Array, *, objective: str) -> Figure:
    """How much the weights tell of one another, and how much the state is entangled, over steps, (K,) each, bits."""
    title = "Dependence between weights"
    if not len(steps):
        return message(title, "No step kept")
    x = np.asarray(steps)
    traces = [
        line(x, total, "total correlation", loss_colour(objective), width=3),
        line(x, pair, "closest pair", CLASSES[1], dash="dash"),
        line(x, cut, "mean cut entropy", RIVAL, dash="dot"),
    ]
    y = axis("bits", rangemode="tozero")
    return {"data": traces, "layout": layout(title, x=step_axis(x, int(x[-1])), y=y)}


def barometer(
    first: float, now: float, typical: float, *, objective: str, step: int, low: float, high: float
) -> Figure:
    """Mean squared gradient of one start on a logarithmic scale, beside that of random starts.

    Args:
        first, now: at step 0 and at ``step``, (nats per radian)² an active angle.
        typical: mean over random starts.
        low, high: of the middle 90 % of the random starts.
    """
    title = "Plateau barometer"
    known = [value for value in (first, now, typical, low, high) if np.isfinite(value) and value > 0.0]
    if len(known) < 2:
        return message(title, "No gradient logged yet")
    colour = loss_colour(objective)
    rows = ["random starts", "step 0", f"step {step}"]
    band = {
        "type": "scatter",
        "mode": "lines",
        "x": [low, high],
        "y": [rows[0], rows[0]],
        "line": {"color": RIVAL, "width": 12},
        "opacity": 0.5,
        "name": "middle 90 % of random starts",
        "hovertemplate": "%{x:.2e}<extra></extra>",
    }
    marks: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [value],
            "y": [row],
            "name": name,
            "marker": {"color": shown, "size": 15, "symbol": symbol, "line": {"color": shown, "width": 3 * hollow}},
            "hovertemplate": "%{x:.3e}<extra></extra>",
        }
        for value, row, name, shown, symbol, hollow in (
            (typical, rows[0], "their mean", INK, "diamond", False),
            (first, rows[1], "this start, at first", colour, "circle-open", True),
            (now, rows[2], "this start, now", colour, "circle", False),
        )
        if np.isfinite(value) and value > 0.0
    ]
    span = [np.log10(min(known)) - 0.4, np.log10(max(known)) + 0.4]
    x = axis("mean squared gradient,<br>per rad²", type="log", range=span, exponentformat="power", nticks=6)
    y = axis(type="category", categoryorder="array", categoryarray=rows[::-1], showgrid=False, range=[-0.5, 2.5])
    return {"data": [band, *marks], "layout": layout(title, x=x, y=y, legend=False, hovermode="closest")}
