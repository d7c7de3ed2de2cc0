"""Figures of the noise study: loss and distribution against noise strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, loss_unit
from app.figures.layout import axis, layout
from app.figures.palette import DEVICE, RIVAL, loss_colour
from app.figures.plain import Figure

Array = NDArray[np.float64]


def noise_curve(
    strengths: Array,
    loss: Array,
    *,
    objective: str,
    error: Array | None = None,
    uniform: float | None = None,
    trained: Mapping[float, float] | None = None,
    title: str = "Loss against noise strength",
) -> Figure:
    """Loss of the trained circuit under growing noise, and of circuits trained under that noise.

    Args:
        strengths: λ after two-qubit gates, (K,).
        loss: nats per example, (K,); ``error`` its standard error, (K,), where it is an estimate.
        uniform: loss of the uniform distribution, which full noise ends in.
        trained: λ -> loss at that λ of a circuit trained at that λ.
    """
    colour = loss_colour(objective)
    curve = line(strengths, loss, "trained without noise", colour, mode="lines+markers")
    curve["marker"] = {"color": colour, "size": 8}
    if error is not None:
        curve["error_y"] = {"type": "data", "array": error, "thickness": 1.5, "width": 3}
    traces = [curve]
    if trained:
        keys = np.array(sorted(trained))
        marker = {"color": DEVICE, "size": 13, "symbol": "square-open", "line": {"width": 3, "color": DEVICE}}
        dots = line(keys, np.array([trained[float(k)] for k in keys]), "under noise", DEVICE)
        traces.append(dots | {"mode": "markers", "marker": marker})
    if uniform is not None:
        ends = np.array([strengths.min(), strengths.max()])
        traces.append(line(ends, np.full(2, uniform), "uniform q", RIVAL, dash="dash", width=2))
    x, y = _strength_axis(strengths), axis(loss_unit(objective), nticks=6, exponentformat="power")
    for trace in traces:
        trace["x"] = 100.0 * np.asarray(trace["x"], dtype=float)
    return {"data": traces, "layout": layout(title, x=x, y=y)}


def distance_curve(
    strengths: Array, distance: Array, *, floor: float | None = None, shots: int | None = None
) -> Figure:
    """Total variation distance from the noiseless q against noise strength, each (K,).

    Args:
        floor: where the distances are of draws, that which as many, ``shots``, have on average without noise.
    """
    marker = {"color": DEVICE, "size": 8}
    name = "distance" if floor is None else "under noise"
    traces = [line(100.0 * strengths, distance, name, DEVICE, mode="lines+markers") | {"marker": marker}]
    if floor is not None:
        ends = 100.0 * np.array([strengths.min(), strengths.max()])
        alone = "shots alone" if shots is None else f"shots alone ({shots:,})"
        traces.append(line(ends, np.full(2, floor), alone, RIVAL, dash="dash", width=2))
    what = "q<sub>λ</sub>" if shots is None else "frequency"
    x, y = _strength_axis(strengths), axis(f"½ Σ |{what} − q|", range=[-0.03, 1.03], tickvals=[0, 0.5, 1])
    return {
        "data": traces,
        "layout": layout("Total variation from the noiseless circuit", x=x, y=y, legend=floor is not None),
    }


def _strength_axis(strengths: Array) -> dict[str, Any]:
    """λ in %, with room for the markers at both ends."""
    most = 100.0 * float(strengths.max())
    return axis("λ of two-qubit gates, %", range=[-0.04 * most, 1.05 * most])
