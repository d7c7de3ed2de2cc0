"""Curves of a race: the median of each contender with its band, rivals as levels, and the step looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import ENDS, band, line, median
from app.figures.layout import ROW, axis, captioned, layout, message
from app.figures.overlay import smooth
from app.figures.palette import INK, PAPER, translucent
from app.figures.plain import Figure
from app.figures.race import Side, View, legend_rows, short_names
from app.figures.rules import across, level_lines, level_names, names_room, upright
from qhn_core.metrics import median_of

Array = NDArray[np.float64]

#: Points drawn of one curve.
_POINTS = 220


def ends(values: Array) -> tuple[Array, Array]:
    """The band over starts, (T, B) -> two (T,); NaN where no start has a value."""
    some = ~np.isnan(values).all(axis=1)
    low, high = np.full((2, len(values)), np.nan)
    if some.any():
        low[some], high[some] = band(values[some])
    return low, high


def race_curves(
    sides: Sequence[Side],
    *,
    title: str,
    unit: str,
    view: View,
    levels: Mapping[str, float] | None = None,
    zero: bool = False,
) -> Figure:
    """Median of each contender with the band over its starts.

    Args:
        sides: contenders with at least one logged step.
        title, unit: of the quantity.
        view: axes and options.
        levels: rivals' values, medians as the curves are, drawn as grey lines and named right of the plot.
        zero: whether a line at 0 is drawn.
    """
    drawn = [side for side in sides if len(side.x) and not np.isnan(side.values).all()]
    if not drawn:
        return message(title, "Nothing logged yet" if not any(len(s.x) for s in sides) else "Not defined here")
    names = [side.legend or name for side, name in zip(drawn, short_names([s.title for s in drawn]), strict=True)]
    traces: list[dict[str, Any]] = []
    for side, name in zip(drawn, names, strict=True):
        traces += _side(side, name, view)
    rivals = level_names(levels or {}, log=view.log_y, reach=_reach(traces))
    shapes = level_lines(levels or {}, log=view.log_y)
    if zero:
        shapes.append(across(0.0, INK, "solid", 1.0))
    shapes += _step_lines(drawn, view)
    said = median_of(*(side.values.shape[1] for side in drawn), band=not view.seeds, too="rivals" if rivals else "")
    x = captioned(axis(view.x, **_x_range(drawn, view)), said)
    y = axis(unit, nticks=6, **({"type": "log"} if view.log_y else {}))
    figure_layout = layout(title, x=x, y=y, shapes=shapes, annotations=rivals)
    figure_layout["margin"]["t"] += ROW * (legend_rows(names) - 1)
    if rivals:
        figure_layout["margin"]["r"] = names_room(rivals)
    return {"data": traces, "layout": figure_layout}


def _reach(traces: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """The lowest and the highest value drawn."""
    drawn = np.concatenate([np.asarray(trace["y"], dtype=float) for trace in traces])
    return float(np.nanmin(drawn)), float(np.nanmax(drawn))


def _side(side: Side, name: str, view: View) -> list[dict[str, Any]]:
    at = side.at % len(side.x)
    values = smooth(side.values, view.smoothing)
    mark = float(np.nanmedian(values[at])) if not np.isnan(values[at]).all() else np.nan
    keep = np.unique(np.linspace(0, len(side.x) - 1, min(_POINTS, len(side.x))).astype(int))
    x, values = np.asarray(side.x, dtype=np.float64)[keep], values[keep]
    if view.log_y:
        values = np.where(values > 0.0, values, np.nan)
    (low, high), middle = ends(values), median(values)
    colour, dash = side.style.colour, side.style.dash
    traces: list[dict[str, Any]] = []
    if view.seeds:
        traces.append(_seeds(x, values, colour))
    elif values.shape[1] > 1 and len(x) > 1:
        edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        edge |= {"showlegend": False, "legendgroup": side.title}
        fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.16)}
        traces += [{**edge, "y": low, "name": ENDS[0]}, {**edge, "y": high, "name": ENDS[1], **fill}]
    traces.append(line(x, middle, name, colour, dash=dash, width=2.6, legendgroup=side.title))
    dot = {"color": colour, "size": 10, "symbol": side.style.symbol, "line": {"color": PAPER, "width": 1.5}}
    traces.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": [float(side.x[at])],
            "y": [mark if np.isfinite(mark) and (mark > 0 or not view.log_y) else None],
            "marker": dot,
            "name": f"{side.title} at the step",
            "legendgroup": side.title,
            "showlegend": False,
            "hoverinfo": "skip",
            "cliponaxis": False,
        }
    )
    return traces


def _seeds(x: Array, values: Array, colour: str) -> dict[str, Any]:
    """All seeds as one trace, with gaps between them."""
    few = values[:, :64]
    gap = np.full((1, few.shape[1]), np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.tile(np.append(x, np.nan), few.shape[1]),
        "y": np.vstack([few, gap]).T.reshape(-1),
        "line": {"color": translucent(colour, 0.3), "width": 1},
        "name": "seeds",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _step_lines(sides: Sequence[Side], view: View) -> list[dict[str, Any]]:
    """Where the step looked at stands; over seconds, where each contender had done it, in its colour."""
    if view.step is None:
        return []
    if view.x == "step":
        lines = [upright(view.step)]
    else:
        lines = [upright(float(side.x[side.at % len(side.x)]), side.style.colour) for side in sides]
    return [shape for shape in lines if shape["x0"] > 0 or not view.log_x]


def _x_range(sides: Sequence[Side], view: View) -> dict[str, Any]:
    if view.log_x:
        return {"type": "log"}
    longest = max(float(side.x[-1]) for side in sides)
    # The whole race is in view, so that contenders advance; a long one that has just begun fills the plot instead.
    if view.x == "step" and view.total and (longest > 0.15 * view.total or longest < 2):
        return {"range": [0, view.total]}
    return {"rangemode": "tozero"} if longest > 0 else {"range": [0, 1]}
