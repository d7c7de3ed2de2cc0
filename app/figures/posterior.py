"""Figures of q beside the exact posterior: string by string, and how the weights depend on one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, INK, MUTED, PAPER, RIVAL, loss_colour
from app.figures.plain import Figure

Array = NDArray[np.float64]
#: Probabilities below this are drawn at it.
FLOOR = 1e-12


def choose_strings(posterior: Array, q: Array, *, count: int = 1500, seed: int = 0) -> NDArray[np.int64]:
    """Indices of the strings worth drawing: those with most mass under either, and some of the others at random."""
    size = posterior.size
    if size <= 2 * count:
        return np.argsort(-posterior, kind="stable")
    top = np.union1d(
        np.argpartition(-posterior, count // 2)[: count // 2], np.argpartition(-q, count // 2)[: count // 2]
    )
    others = np.random.default_rng(seed).choice(size, count, replace=False)
    chosen = np.union1d(top, others)
    return chosen[np.argsort(-posterior[chosen], kind="stable")]


def posterior_scatter(posterior: Array, q: Array, mean_field: Array | None, *, objective: str, total: int) -> Figure:
    """q(w) against p(w|D), both axes logarithmic; on the diagonal they are equal.

    Args:
        posterior, q, mean_field: probabilities of the same strings, (K,).
        objective: the loss's name, for its colour.
        total: number of all strings, for the title.
    """
    if not len(posterior):
        return message("Every string: q against the posterior", "No strings")
    low = max(float(posterior.min()), FLOOR)
    ends = np.log10([low, max(float(posterior.max()), low * 10)])
    line = {"color": INK, "width": 2}
    traces: list[dict[str, Any]] = []
    if mean_field is not None:
        traces.append(_cloud(posterior, mean_field, "mean-field", RIVAL, 4, "x-thin-open"))
    traces.append(_cloud(posterior, q, "circuit", loss_colour(objective), 5, "circle"))
    traces.append(
        {"type": "scatter", "mode": "lines", "x": 10**ends, "y": 10**ends, "name": "equal", "line": line}
        | {"hoverinfo": "skip"}
    )
    bottom = max(float(q.min()), FLOOR)
    span = [np.log10(max(min(bottom, low), low * 1e-4)) - 0.15, np.log10(max(float(q.max()), 10 ** ends[1])) + 0.2]
    shown = f"{len(posterior):,} of {total:,}" if len(posterior) < total else f"all {total:,}"
    x = axis("posterior p(w|D)", type="log", exponentformat="power", dtick=1 if ends[1] - ends[0] < 6 else 2)
    y = axis(
        "q(w), at least 10<sup>−12</sup>",
        type="log",
        exponentformat="power",
        range=span,
        dtick=2 if span[1] - span[0] > 5 else 1,
    )
    return {
        "data": traces,
        "layout": layout(f"q against the posterior, {shown} strings", x=x, y=y, hovermode="closest"),
    }


def _cloud(x: Array, y: Array, name: str, colour: str, size: int, symbol: str) -> dict[str, Any]:
    """Points, not by WebGL: Plotly compiles that from text, which the pages' policy forbids (``app/doors.py``)."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.maximum(x, FLOOR),
        "y": np.maximum(y, FLOOR),
        "name": name,
        "marker": {"color": colour, "size": size, "symbol": symbol, "opacity": 0.6},
        "hovertemplate": f"{name}<br>p(w|D) = %{{x:.3g}}<br>q(w) = %{{y:.3g}}<extra></extra>",
    }


def top_strings_figure(
    names: Sequence[str],
    patterns: Sequence[str],
    *,
    posterior: Array,
    q: Array,
    mean_field: Array | None,
    objective: str,
) -> Figure:
    """The strings that posterior and circuit favour: what each distribution gives them.

    Args:
        names: p1, p2, … for the posterior's likeliest, then q1, q2, … for the circuit's, (K,).
        patterns: the strings as ± signs, (K,).
        posterior, q, mean_field: probabilities, (K,).
        objective: the loss's name, for its colour.
    """
    series: list[tuple[Array, str, str, str, int]] = [(posterior, "posterior", INK, "line-ew-open", 18)]
    if mean_field is not None:
        series.append((mean_field, "mean-field", RIVAL, "x-thin-open", 9))
    series.append((q, "circuit", loss_colour(objective), "circle", 11))
    low = 1e-7
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": list(names),
            "y": np.maximum(values, low),
            "name": name,
            "marker": {"symbol": symbol, "size": size, "color": colour, "line": {"width": 3, "color": colour}},
            "customdata": np.array(
                [[pattern, f"{value:.3g}"] for pattern, value in zip(patterns, values, strict=True)]
            ),
            "hovertemplate": "%{customdata[0]}: %{customdata[1]}",
        }
        for values, name, colour, symbol, size in series
    ]
    x = axis("likeliest strings: p by the posterior, q by the circuit", type="category", tickangle=0)
    y = axis(
        "probability, at least 10<sup>−7</sup>",
        type="log",
        exponentformat="power",
        range=[np.log10(low) - 0.3, 0.3],
        dtick=2,
    )
    return {"data": traces, "layout": layout("Where the mass is", x=x, y=y)}


def dependence_maps(matrices: Mapping[str, Array], notes: Mapping[str, str], *, labels: Sequence[str]) -> Figure:
    """Mutual information of every pair of weights, one map a distribution, on one scale.

    Args:
        matrices: title -> I(bit_i; bit_j) in bits, (N, N); the diagonal is not drawn.
        notes: title -> what is written under it.
        labels: a name for each weight.
    """
    off = {name: np.where(np.eye(len(m), dtype=bool), np.nan, m) for name, m in matrices.items()}
    top = max([1e-3, *(float(np.nanmax(m)) for m in off.values() if m.size > 1)])
    gap, count = 0.05, len(matrices)
    width = (1.0 - gap * (count - 1)) / count
    traces: list[dict[str, Any]] = []
    shape = layout("Mutual information of the weights", legend=False, hovermode="closest")
    shape["annotations"] = []
    for k, (name, matrix) in enumerate(off.items()):
        suffix = "" if k == 0 else str(k + 1)
        left = k * (width + gap)
        traces.append(_map(matrix, labels, suffix, top, bar=k == count - 1))
        shape[f"xaxis{suffix}"] = axis(domain=[left, left + width], anchor=f"y{suffix}", **_bare(False))
        shape[f"yaxis{suffix}"] = axis(anchor=f"x{suffix}", range=[len(labels) - 0.5, -0.5], **_bare(False))
        for text, y, anchor, colour in (
            (f"<b>{name}</b>", 1.0, "bottom", INK),
            (notes.get(name, ""), 0.0, "top", MUTED),
        ):
            shape["annotations"].append(
                {"text": text, "x": left + width / 2, "y": y, "xref": "paper", "yref": "paper", "showarrow": False}
                | {"xanchor": "center", "yanchor": anchor, "font": {"size": FONT - 1, "color": colour}}
            )
    shape["margin"] = {"l": 8, "r": 8, "t": 56, "b": 64}
    return {"data": traces, "layout": shape}


def _bare(shown: bool) -> dict[str, Any]:
    return {"showticklabels": shown, "showgrid": False, "type": "category", "ticks": ""}


def _map(matrix: Array, labels: Sequence[str], suffix: str, top: float, *, bar: bool) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": list(labels),
        "y": list(labels),
        "z": matrix,
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "zmin": 0.0,
        "zmax": top,
        "colorscale": [[0, PAPER], [1, ACCENT]],
        "showscale": bar,
        "colorbar": {
            "title": {"text": "bits", "side": "right", "font": {"size": FONT - 1}},
            "thickness": 12,
            "len": 0.9,
        },
        "xgap": 0.5,
        "ygap": 0.5,
        "hovertemplate": "%{x}, %{y}<br>%{z:.3g} bits<extra></extra>",
    }
