"""Paired differences that a class pools: their mean and interval after every share that came in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.figures.layout import axis, layout, message
from app.figures.palette import MUTED, translucent
from app.figures.plain import Figure
from app.figures.race import Style
from qhn_core.studies.race.shares import Pooled

#: Opacity of a band of intervals.
_BAND = 0.18


def pooled_differences(
    pooled: Sequence[Pooled], styles: Sequence[Style], *, title: str, reference: str, unit: str
) -> Figure:
    """Every contender's mean paired difference with its 95 % interval, from two shares to all that have come in.

    Args:
        pooled: differences to the reference, per contender.
        styles: a look for each of them.
        title: the metric's name.
        reference: name of the contender compared with.
        unit: what the differences are counted in; may be empty.
    """
    traces: list[dict[str, object]] = []
    for one, style in zip(pooled, styles, strict=True):
        if not one.growing:
            continue
        counts = np.arange(2, 2 + len(one.growing))
        low, high = np.array([s.low for s in one.growing]), np.array([s.high for s in one.growing])
        traces.append(
            {
                "type": "scatter",
                "x": np.concatenate([counts, counts[::-1]]),
                "y": np.concatenate([high, low[::-1]]),
                "fill": "toself",
                "fillcolor": translucent(style.colour, _BAND),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": counts,
                "y": np.array([s.mean for s in one.growing]),
                "name": one.contender,
                "line": {"color": style.colour, "dash": style.dash, "width": 3},
                "marker": {"symbol": style.symbol, "size": 8},
                "customdata": np.stack([low, high], axis=1),
                "hovertemplate": "%{y:+.4f} (%{customdata[0]:+.4f} to %{customdata[1]:+.4f})",
            }
        )
    if not traces:
        return message(title, "Two students must have finished before there is an interval")
    most = 1 + max(len(one.growing) for one in pooled)
    x = axis("students who have finished", dtick=max(1, most // 8), range=[1.5, most + 0.5])
    y = axis(f"difference to {reference}" + (f", {unit}" if unit else ""))
    zero = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0,
        "y1": 0,
        "line": {"color": MUTED, "width": 1.5, "dash": "dash"},
    }
    return {"data": traces, "layout": layout(title, x=x, y=y, shapes=[zero])}
