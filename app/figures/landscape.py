"""Figures of the loss around given angles, and of how many strings there are at each cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import INK, MUTED, PAPER, RIVAL, loss_colour, translucent
from app.figures.plain import Figure

Array = NDArray[np.float64]


def landscape_map(
    x: Array,
    y: Array,
    loss: Array,
    *,
    title: str,
    objective: str,
    path: Array | None = None,
    here: tuple[float, float] = (0.0, 0.0),
    names: tuple[str, str] = ("direction 1, rad", "direction 2, rad"),
) -> Figure:
    """The loss on a plane of angles, with the way that training took.

    Args:
        x, y: coordinates, (G,) and (H,), radians.
        loss: (H, G), nats per example.
        title: which plane.
        objective: the loss's name, for its colour.
        path: coordinates of the training path in the plane, (K, 2), first its start.
        here: where the angles shown are.
        names: titles of the axes.
    """
    colour = loss_colour(objective)
    surface = {
        "type": "contour",
        "x": x,
        "y": y,
        "z": loss,
        "ncontours": 24,
        "colorscale": [[0, colour], [1, PAPER]],
        "line": {"width": 0.6, "color": MUTED},
        "colorbar": {"title": {"text": "nats per example", "side": "right", "font": {"size": FONT}}, "thickness": 12},
        "name": "loss",
        "hovertemplate": "%{x:.2f}, %{y:.2f} rad<br>loss %{z:.4g}<extra></extra>",
    }
    traces: list[dict[str, Any]] = [surface]
    if path is not None and len(path) > 1:
        line = {"color": INK, "width": 2.5}
        traces.append(
            {"type": "scatter", "mode": "lines", "x": path[:, 0], "y": path[:, 1], "name": "training", "line": line}
            | {"hoverinfo": "skip"}
        )
        traces.append(_spot(float(path[0, 0]), float(path[0, 1]), "start", "circle-open"))
    traces.append(_spot(*here, "here", "x"))
    shape = layout(
        title,
        x=axis(names[0], showgrid=False),
        y=axis(names[1], showgrid=False),
        legend=False,
        hovermode="closest",
    )
    return {"data": traces, "layout": shape}


def _spot(x: float, y: float, name: str, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(x)],
        "y": [float(y)],
        "name": name,
        "marker": {"symbol": symbol, "size": 13, "color": INK, "line": {"width": 2.5, "color": INK}},
        "hovertemplate": f"{name}<extra></extra>",
    }


def line_figure(at: Array, loss: Array, *, objective: str) -> Figure:
    """The loss on the straight line from the first angles (0) through those shown (1)."""
    if not len(at):
        return message("Straight line from the start", "Nothing trained yet: start and end are the same")
    colour = loss_colour(objective)
    marks = np.interp([0.0, 1.0], at, loss)
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": at,
            "y": loss,
            "name": "loss",
            "line": {"color": colour, "width": 3},
            "hovertemplate": "%{y:.4g}",
        },
        _spot(0.0, marks[0], "start", "circle-open"),
        _spot(1.0, marks[1], "here", "x"),
    ]
    x = axis("0 = start, 1 = here")
    shape = layout("Straight line from the start", x=x, y=axis("nats per example", nticks=6), legend=False)
    return {"data": traces, "layout": shape}


def drawn_costs(edges: Array, prior: Array, q: Array, *, objective: str, unit: str, draws: int) -> Figure:
    """Costs of ``draws`` networks each from the prior and from q, as shares in bins of ``edges`` (K+1,): (K,)."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": middle,
            "y": 100.0 * values,
            "name": name,
            "line": {"color": colour, "shape": "hvh", "width": 2.5},
            "fill": "tozeroy",
            "fillcolor": translucent(colour, 0.2),
            "hovertemplate": "%{y:.3g} %",
        }
        for values, name, colour in ((prior, "prior", RIVAL), (q, "circuit", loss_colour(objective)))
    ]
    y = axis("% of networks", rangemode="tozero", nticks=5)
    return {"data": traces, "layout": layout(f"Costs of {draws} networks each", x=axis(unit), y=y)}


def density_of_states(
    edges: Array, counts: Array, q: Array, posterior: Array, *, objective: str, best: float, unit: str
) -> Figure:
    """Where strings lie on the cost axis, and where q and the posterior put their mass.

    Args:
        edges: of the bins, (K+1,).
        counts: share of all strings in each bin, (K,).
        q, posterior: mass in each bin, (K,).
        objective: the loss's name, for its colour.
        best: lowest cost.
        unit: title of the cost axis.
    """
    middle = 0.5 * (edges[1:] + edges[:-1])
    series = (
        (counts, "all strings", RIVAL, "solid", "tozeroy"),
        (posterior, "posterior", INK, "solid", "none"),
        (q, "circuit", loss_colour(objective), "solid", "none"),
    )
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": middle,
            "y": np.maximum(values, 1e-12),
            "name": name,
            "line": {"color": colour, "shape": "hvh", "width": 2.5},
            "fill": fill,
            "fillcolor": "rgba(138,143,156,0.25)",
            "hovertemplate": "%{y:.3g}",
        }
        for values, name, colour, _, fill in series
    ]
    low = min(float(v[v > 1e-9].min()) for v in (counts, q, posterior) if (v > 1e-9).any())
    y = axis("share of mass", type="log", exponentformat="power", range=[max(np.log10(low), -6) - 0.2, 0.1])
    title = f"Density of states (lowest cost {best:.3g})"
    return {"data": traces, "layout": layout(title, x=axis(unit), y=y)}
