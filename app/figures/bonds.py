"""Figures of circuits of any width: Schmidt spectra of all cuts, dependence of neighbours, how decided the bits are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, TWO_ROWS, axis, layout
from app.figures.palette import ACCENT, MUTED, PAPER, RIVAL, loss_colour
from app.figures.plain import Figure

Array = NDArray[np.float64]
#: Schmidt coefficients drawn of each cut, and the smallest that is told from 0.
_MOST, _LEAST = 32, -12.0


def schmidt_spectra(spectra: Sequence[Array]) -> Figure:
    """Schmidt coefficients squared of every cut, (χ_i,) each, as one map: a column a cut, the largest below."""
    rows = min(_MOST, max((len(s) for s in spectra), default=1))
    z = np.full((rows, len(spectra)), np.nan)
    for k, values in enumerate(spectra):
        kept = values[:rows]
        z[: len(kept), k] = np.log10(np.maximum(kept, 10.0**_LEAST))
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": np.arange(len(spectra)) + 0.5,
        "y": np.arange(1, rows + 1),
        "z": list(z),
        "zmin": float(np.clip(np.nanmin(z), -8.0, -0.5)),
        "zmax": 0.0,
        "colorscale": [[0, PAPER], [1, ACCENT]],
        "colorbar": {"title": {"text": "log₁₀ λ²", "side": "right", "font": {"size": FONT}}, "thickness": 12},
        "hovertemplate": "cut %{x}: λ² number %{y} = 10^%{z:.2f}<extra></extra>",
    }
    y = axis("Schmidt coefficient", showgrid=False, dtick=max(1, rows // 8), range=[0.5, rows + 0.5])
    shape = layout("Schmidt spectrum of every cut", x=axis("cut between wires", showgrid=False), y=y, legend=False)
    return {"data": [trace], "layout": shape | {"hovermode": "closest"}}


def neighbour_dependence(information: Array, *, objective: str) -> Figure:
    """Mutual information of bits i and i+1 in bits, (N − 1,)."""
    trace: dict[str, Any] = {
        "type": "bar",
        "x": np.arange(len(information)) + 0.5,
        "y": information,
        "marker": {"color": loss_colour(objective), "line": {"width": 0}},
        "hovertemplate": "%{y:.4f} bits<extra></extra>",
    }
    top = max(1.15 * float(information.max(initial=0.0)), 1e-3)
    x, y = axis("between wires", showgrid=False), axis("bits", range=[0, top], nticks=5)
    shape = layout("Mutual information of neighbouring weights", x=x, y=y, legend=False, bargap=0)
    return {"data": [trace], "layout": shape}


def neighbour_curves(curves: Mapping[str, Array]) -> Figure:
    """Mutual information of bits i and i+1, (N − 1,) each, of a circuit and of its twin without entanglement.

    Args:
        curves: what the legend says -> bits; the first is the circuit, the second is drawn over it.
    """
    looks = [{"color": ACCENT, "width": 1.6}, {"color": RIVAL, "width": 2.2, "dash": "dash"}]
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": np.arange(len(values)) + 0.5,
            "y": values,
            "name": name,
            "line": look,
            "hovertemplate": "%{y:.4f} bits",
        }
        for (name, values), look in zip(curves.items(), looks, strict=False)
    ]
    top = max(1.15 * max((float(v.max(initial=0.0)) for v in curves.values()), default=0.0), 1e-3)
    x, y = axis("between wires"), axis("bits", range=[0, top], nticks=6)
    shape = layout("Mutual information of neighbouring weights", x=x, y=y)
    shape["margin"]["t"] = TWO_ROWS
    return {"data": traces, "layout": shape}


def decided_bits(marginals: Array, *, objective: str) -> Figure:
    """How many bits have which probability of 1: those at the ends are decided, those in the middle are not.

    One half lies in the middle of a bin, so that rounding does not divide undecided bits between two.
    """
    edges = np.linspace(0.0, 1.0, 22)
    counts = np.histogram(marginals, edges)[0]
    trace: dict[str, Any] = {
        "type": "bar",
        "x": 0.5 * (edges[1:] + edges[:-1]),
        "y": counts,
        "marker": {"color": loss_colour(objective), "line": {"width": 0.5, "color": MUTED}},
        "hovertemplate": "%{y} weights near %{x:.3f}<extra></extra>",
    }
    x, y = axis("P(weight = +1)", range=[0, 1], nticks=6), axis("weights", rangemode="tozero", nticks=5)
    return {"data": [trace], "layout": layout("How decided the weights are", x=x, y=y, legend=False, bargap=0.04)}
