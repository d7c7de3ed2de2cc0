"""Figures of sweeps: a curve for one varied field, a heat map for two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, INK, PALEST, PAPER
from app.figures.plain import Figure
from app.numbers import digits


def sweep_figure(
    rows: Sequence[Mapping[str, Any]], axes: Mapping[str, Sequence[Any]], *, metric: str, unit: str = ""
) -> Figure:
    """The metric's mean over seeds for each combination.

    Args:
        rows: finished cells: the varied values, ``mean``, ``standard_error`` and ``seeds``.
        axes: one or two fields and all their values, in order.
        metric: what is shown.
        unit: of the metric.
    """
    said = ", ".join(filter(None, ("mean over starts", unit)))
    title = f"{metric} <span style='font-size:{FONT - 2}px'>{said}</span>"
    if not rows:
        return message(title, "No cell finished yet: press Run")
    names = list(axes)
    return _curve(rows, names[0], metric, title) if len(names) == 1 else _map(rows, axes, names, title)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "-".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _curve(rows: Sequence[Mapping[str, Any]], name: str, metric: str, title: str) -> Figure:
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [_text(row[name]) for row in rows],
        "y": np.array([row["mean"] for row in rows], dtype=float),
        "error_y": {"type": "data", "array": np.array([row["standard_error"] for row in rows], dtype=float)},
        "line": {"color": ACCENT, "width": 2.5},
        "marker": {"color": ACCENT, "size": 9},
        "hovertemplate": "%{y:.4g}<extra></extra>",
    }
    x = axis(name, type="category")
    return {"data": [trace], "layout": layout(title, x=x, y=axis(metric), legend=False, hovermode="closest")}


def _map(
    rows: Sequence[Mapping[str, Any]], axes: Mapping[str, Sequence[Any]], names: Sequence[str], title: str
) -> Figure:
    down, across = names
    x, y = [_text(v) for v in axes[across]], [_text(v) for v in axes[down]]
    z, error = np.full((len(y), len(x)), np.nan), np.full((len(y), len(x)), np.nan)
    for row in rows:
        i, j = y.index(_text(row[down])), x.index(_text(row[across]))
        z[i, j], error[i, j] = row["mean"], row["standard_error"]
    text = [[digits(v) if np.isfinite(v) else "" for v in line] for line in z]
    known = z[np.isfinite(z)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    trace = {
        "type": "heatmap",
        "x": x,
        "y": y,
        "z": z,
        "zmin": high - PALEST * (high - low if high > low else 1.0),
        "zmax": high,
        "showscale": False,
        "text": text,
        "customdata": error,
        "texttemplate": "%{text}",
        "textfont": {"size": FONT, "color": INK},
        "colorscale": [[0, ACCENT], [1, PAPER]],
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "hovertemplate": "%{x}, %{y}<br>%{z:.4g} ± %{customdata:.2g}<extra></extra>",
    }
    shape = layout(
        title,
        x=axis(across, type="category", showgrid=False),
        y=axis(down, type="category", showgrid=False),
        legend=False,
        hovermode="closest",
    )
    return {"data": [trace], "layout": shape}
