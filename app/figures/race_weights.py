"""Weights of a race: the probability of plus for each, beside the exact posterior's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import ROW, TWO_ROWS, axis, layout, message
from app.figures.palette import INK
from app.figures.plain import Figure
from app.figures.race import Style, legend_rows, short_names
from app.figures.strings import bar_from_half

Array = NDArray[np.float64]


def race_weights(
    marginals: Mapping[str, Array],
    looks: Mapping[str, Style],
    *,
    labels: Sequence[str],
    posterior: Array | None,
    title: str,
) -> Figure:
    """P(weight = +) under each contender beside the exact posterior's.

    Args:
        marginals: contender -> (N,).
        looks: contender -> its style.
        labels: a name for each weight, length N.
        posterior: the exact posterior's, (N,), or None.
        title: what the chart is called.
    """
    if not marginals:
        return message(title, "Nothing logged yet")
    names, titles = list(labels), short_names(list(marginals))
    traces: list[dict[str, Any]] = [
        bar_from_half(
            names, values, title, looks[name].colour, pattern={"shape": "" if looks[name].dash == "solid" else "/"}
        )
        for (name, values), title in zip(marginals.items(), titles, strict=True)
    ]
    if posterior is not None:
        marker = {"symbol": "line-ew-open", "size": 12, "color": INK, "line": {"width": 2, "color": INK}}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": names, "y": posterior, "name": "exact posterior"}
            | {"marker": marker, "hovertemplate": "%{y:.3f}"}
        )
    x = axis(tickangle=-90, type="category", showgrid=False)
    y = axis("P(weight = +)", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    shape = layout(title, x=x, y=y, bargap=0.25, bargroupgap=0.05)
    rows = legend_rows([*titles, "exact posterior"])
    shape["margin"]["t"] = TWO_ROWS + ROW * max(0, rows - 2)
    return {"data": traces, "layout": shape}


def race_decided(marginals: Mapping[str, Array], looks: Mapping[str, Style], *, title: str) -> Figure:
    """How many weights have which P(weight = +), where they are too many for a bar each.

    Args:
        marginals: contender -> (N,).
        looks: contender -> its style.
        title: what the chart is called.
    """
    if not marginals:
        return message(title, "Nothing logged yet")
    edges = np.linspace(0.0, 1.0, 26)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": 0.5 * (edges[1:] + edges[:-1]),
            "y": np.histogram(values, edges)[0],
            "name": short,
            "line": {"color": looks[name].colour, "dash": looks[name].dash, "width": 2.5, "shape": "hvh"},
            "hovertemplate": "%{y} weights",
        }
        for (name, values), short in zip(marginals.items(), short_names(list(marginals)), strict=True)
    ]
    x, y = axis("P(weight = +)", range=[0, 1], nticks=6), axis("weights", rangemode="tozero", nticks=6)
    shape = layout(title, x=x, y=y)
    shape["margin"]["t"] = TWO_ROWS + ROW * max(0, legend_rows(short_names(list(marginals))) - 2)
    return {"data": traces, "layout": shape}
