"""Figures of Walsh spectra: how much of a function is in the parities of each order, and what a kernel sees of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import axis, layout
from app.figures.palette import INK, RIVAL, loss_colour
from app.figures.plain import Figure
from app.numbers import digits

Array = NDArray[np.float64]


def spectrum_bars(cost: Array, difference: Array, weight: Array, *, objective: str, mean_order: float) -> Figure:
    """Shares by order of the cost and of q − π, with the kernel's weight per order.

    Args:
        cost, difference: shares of the orders 0 … N, (N+1,).
        weight: the kernel's share on each order, (N+1,).
        objective: the loss's name, for its colour.
        mean_order: Nτ, drawn as a line.
    """
    order = np.arange(len(cost))
    traces = [
        _bar(order, cost, "cost ℓ", INK),
        _bar(order, difference, "q − π", loss_colour(objective)),
        _curve(order, weight, "kernel's weight"),
    ]
    mark = {
        "type": "line",
        "x0": mean_order,
        "x1": mean_order,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": RIVAL, "width": 2, "dash": "dot"},
    }
    x, y = axis("order |S| of the parity", dtick=1 if len(cost) < 18 else 2), axis("share", rangemode="tozero")
    return {"data": traces, "layout": layout("Walsh spectrum by order", x=x, y=y, shapes=[mark], bargap=0.25)}


def mmd_parts(seen: Array, difference: Array, *, objective: str, mmd2: float) -> Figure:
    """What there is to see of q − π in each order, and what the kernel lets through.

    Args:
        seen: contribution of each order to MMD², (N+1,), summing to ``mmd2``.
        difference: squared parity gaps of each order, averaged over its parities, (N+1,).
    """
    order = np.arange(len(seen))
    colour = loss_colour(objective)
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": order,
            "y": np.where(seen > 1e-16, seen, np.nan),
            "name": "part of MMD²",
            "marker": {"color": colour},
            "hovertemplate": "%{y:.3g}",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": order,
            "y": np.where(difference > 1e-16, difference, np.nan),
            "name": "mean squared gap of a parity",
            "line": {"color": RIVAL, "width": 2},
            "marker": {"color": RIVAL, "size": 7},
            "hovertemplate": "%{y:.3g}",
        },
    ]
    x = axis("order |S|", dtick=1 if len(seen) < 18 else 2)
    top = max(float(seen.max()), float(difference.max()), 1e-9)
    y = axis(
        "", type="log", exponentformat="power", range=[max(np.log10(top) - 10.0, -12.0), np.log10(top) + 0.4], dtick=2
    )
    return {"data": traces, "layout": layout(f"What the kernel sees: MMD² = {mmd2:.3g}", x=x, y=y, bargap=0.25)}


def hidden_case(counts: Array, weight: Array, *, kl: float, mmd2: float) -> Figure:
    """The constructed pair: orders in which it differs, against the kernel's weight.

    Args:
        counts: number of parities of each order in which q and π differ, (N+1,).
        weight: the kernel's share on each order, (N+1,).
    """
    order = np.arange(len(counts))
    share = counts / max(float(counts.sum()), 1.0)
    traces = [_bar(order, share, "where q and π differ", INK), _curve(order, weight, "kernel's weight")]
    x, y = axis("order |S|", dtick=1 if len(counts) < 18 else 2), axis("share", rangemode="tozero")
    title = f"Hidden from the kernel: KL = {kl:.3g} nats, MMD² = {digits(mmd2)}"
    return {"data": traces, "layout": layout(title, x=x, y=y, bargap=0.25)}


def _bar(x: NDArray[Any], y: Array, name: str, colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": x,
        "y": y,
        "name": name,
        "marker": {"color": colour, "opacity": 0.85},
        "hovertemplate": "%{y:.3g}",
    }


def _curve(x: NDArray[Any], y: Array, name: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "name": name,
        "line": {"color": RIVAL, "width": 2.5, "shape": "spline"},
        "marker": {"color": RIVAL, "size": 7},
        "fill": "tozeroy",
        "fillcolor": "rgba(138,143,156,0.18)",
        "hovertemplate": "%{y:.3g}",
    }
