"""Figures of the distribution over bitstrings: drawn networks and the marginals of the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, GRID, INK, MUTED, PAPER, SOFT, loss_colour
from app.figures.plain import Figure

Array = NDArray[np.float64]
#: Room is kept for so many rows, so that few strings do not grow fat.
_ROWS = 8
#: Height that every bar from ½ has at least, as a probability: more than a mark laid over it covers.
_LEAST = 0.045


def index_of(bits: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Basis-state index of strings (…, N), wire 0 most significant."""
    weights = 1 << np.arange(bits.shape[-1] - 1, -1, -1, dtype=np.int64)
    return bits.astype(np.int64) @ weights


def weight_rows(
    strings: NDArray[np.uint8],
    counts: NDArray[np.int64],
    *,
    shots: int,
    labels: Sequence[str],
    objective: str,
    probs: Array | None = None,
    posterior: Array | None = None,
) -> Figure:
    """Networks drawn from the circuit: one row a string, its ± pattern and its share of the draws.

    Args:
        strings: the most frequent strings, (K, N), most frequent first.
        counts: how often each was drawn, (K,), of ``shots`` draws.
        labels: a name for each weight, length N.
        objective: the loss's name, for its colour.
        probs: exact q of the rows, (K,), where it is known.
        posterior: exact posterior of the rows, (K,), where it is known.
    """
    if not len(strings):
        return message("Drawn networks", "Nothing drawn yet")
    rows, n_bits = strings.shape
    least = max(rows, _ROWS)
    ranks = [str(i + 1) for i in range(rows)]
    signs = np.where(strings == 1, "+", "−")
    pattern: dict[str, Any] = {
        "type": "heatmap",
        "x": list(labels),
        "y": ranks,
        "z": strings.astype(float),
        "colorscale": [[0, SOFT], [1, ACCENT]],
        "zmin": 0,
        "zmax": 1,
        "showscale": False,
        "xgap": 1,
        "ygap": 2,
        "name": "weights",
        "customdata": signs,
        "hovertemplate": "%{x} = %{customdata}1<extra></extra>",
    }
    percent = 100.0 * counts / max(shots, 1)
    colour = loss_colour(objective)
    traces = [pattern, _bars(percent, ranks, colour, shots)]
    if n_bits <= 24:
        traces.append(_signs(strings, labels, ranks))
    for values, name, shown, symbol in (
        (probs, "exact q", colour, "diamond-open"),
        (posterior, "posterior", INK, "line-ns-open"),
    ):
        if values is not None:
            traces.append(_marks(100.0 * values, ranks, name, shown, symbol))
    left = 0.62 if n_bits > 6 else 0.45
    hidden = axis(showgrid=False, showticklabels=n_bits <= 32, tickangle=-90, domain=[0, left], type="category")
    hidden |= {"range": [-0.5, n_bits - 0.5]}
    hidden |= bit_ticks(n_bits)
    figure_layout = layout(
        f"Drawn networks ({shots} draws)",
        x=hidden,
        y=axis(
            type="category",
            categoryorder="array",
            categoryarray=ranks[::-1],
            range=[rows - least - 0.5, rows - 0.5],
            showgrid=False,
        ),
        xaxis2=axis("% of draws", domain=[left + 0.03, 1], anchor="y", rangemode="tozero", nticks=4),
        hovermode="closest",
        bargap=0.25,
    )
    return {"data": traces, "layout": figure_layout}


def _signs(strings: NDArray[np.uint8], labels: Sequence[str], ranks: list[str]) -> dict[str, Any]:
    """The signs as text: the paper's colour on the accent, ink on the quiet fill, which both themes make readable."""
    plus = (strings == 1).ravel()
    return {
        "type": "scatter",
        "mode": "text",
        "x": list(labels) * len(ranks),
        "y": [rank for rank in ranks for _ in labels],
        "text": np.where(plus, "+", "−"),
        "textfont": {"size": FONT - 2, "color": np.where(plus, PAPER, INK).tolist()},
        "name": "signs",
        "showlegend": False,
        "hoverinfo": "skip",
    }


def bit_ticks(n_bits: int) -> dict[str, Any]:
    """Names of all bits where there is room for them, else of some."""
    small: dict[str, Any] = {"tickfont": {"size": FONT - 4, "color": MUTED}}
    return small | {"dtick": 1} if n_bits <= 17 else small


def _bars(percent: Array, ranks: list[str], colour: str, shots: int) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "x": percent,
        "y": ranks,
        "xaxis": "x2",
        "yaxis": "y",
        "name": "drawn",
        "marker": {"color": colour, "opacity": 0.55},
        "hovertemplate": f"drawn %{{x:.3g}} % of {shots}<extra></extra>",
    }


def _marks(percent: Array, ranks: list[str], name: str, colour: str, symbol: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": percent,
        "y": ranks,
        "xaxis": "x2",
        "yaxis": "y",
        "name": name,
        "marker": {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2.5, "color": colour}},
        "hovertemplate": f"{name} %{{x:.3g}} %<extra></extra>",
    }


def bar_from_half(x: Sequence[str], values: Array, name: str, colour: str, **marker: Any) -> dict[str, Any]:
    """Bars from ½ up or down, one a weight; a weight near ½ has a low one on both sides, which a mark does not hide."""
    from_half = values - 0.5
    spare = np.copysign(np.maximum(_LEAST - np.abs(from_half), 0.0) / 2.0, from_half)
    return {
        "type": "bar",
        "x": list(x),
        "y": from_half + 2.0 * spare,
        "base": 0.5 - spare,
        "name": name,
        "marker": {"color": colour, **marker},
        "customdata": values,
        "hovertemplate": "%{customdata:.4f}",
    }


def marginal_bars(
    means: Array, *, labels: Sequence[str], objective: str, posterior: Array | None = None, prior: Array | None = None
) -> Figure:
    """E[bit_i] of every weight, drawn from ½ up or down, with the exact posterior's beside it.

    Args:
        means: E_q[bit_i] = P(weight i is the higher letter of the alphabet), (N,).
        labels: a name for each weight, length N.
        objective: the loss's name, for its colour.
        posterior: the same under the exact posterior, (N,), where it is known.
        prior: the prior's ρ_i, (N,), drawn only where it is not ½ throughout.
    """
    names = list(labels)
    traces = [bar_from_half(names, means, "circuit", loss_colour(objective), opacity=0.75)]
    marks = [(posterior, "posterior", INK)]
    if prior is not None and not np.allclose(prior, 0.5):
        marks.append((prior, "prior", MUTED))
    for values, name, colour in marks:
        if values is not None:
            marker = {"symbol": "line-ew-open", "size": 9, "color": colour, "line": {"width": 3, "color": colour}}
            traces.append(
                {"type": "scatter", "mode": "markers", "x": names, "y": values, "name": name, "marker": marker}
            )
            traces[-1]["hovertemplate"] = "%{y:.3f}"
    half = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0.5,
        "y1": 0.5,
        "line": {"color": GRID, "width": 2},
        "layer": "below",
    }
    x = axis(tickangle=-90, type="category", showgrid=False) | bit_ticks(len(names))
    y = axis("P(weight = +)", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    return {"data": traces, "layout": layout("Marginals", x=x, y=y, shapes=[half], bargap=0.3)}
