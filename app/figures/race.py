"""Figures of a race: one curve a contender with its band, the evidence ceiling, weights, and dependence matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line
from app.figures.layout import FONT, axis, layout, message
from app.figures.overlay import smooth
from app.figures.palette import ACCENT, INK, MUTED, PAPER, RIVAL, loss_colour, translucent
from app.figures.plain import Figure

Array = NDArray[np.float64]

#: Points drawn of one curve.
_POINTS = 220
_DASHES = ("solid", "dashdot", "dot", "longdash")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")
#: Dash patterns of rivals' levels.
_RIVAL_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "dash", "dot")
#: Margin above a plot whose legend may take two rows, pixels.
_TWO_ROWS = 80


@dataclass(frozen=True)
class Style:
    """How a contender looks in every plot: colour by its loss; the second of a loss has another dash and marker."""

    colour: str
    dash: str
    symbol: str


@dataclass(frozen=True, eq=False)
class Side:
    """One contender's values of one quantity.

    Args:
        title: its name.
        style: its look.
        x: steps or seconds of the logged steps, (T,).
        values: (T, B).
        at: index into x of the step that is looked at; −1 for the newest.
    """

    title: str
    style: Style
    x: Array
    values: Array
    at: int = -1


@dataclass(frozen=True)
class View:
    """What the reader chose.

    Args:
        x: title of the horizontal axis, ``step`` or ``seconds``.
        log_x, log_y: logarithmic axes; what is not positive is left out.
        smoothing: weight of the moving average, 0 … 1.
        seeds: whether every seed is drawn.
        total: steps of the whole race, in view while nothing is logged; 0 for seconds.
        step: where the vertical line stands; None for none.
    """

    x: str = "step"
    log_x: bool = False
    log_y: bool = False
    smoothing: float = 0.0
    seeds: bool = False
    total: int = 0
    step: float | None = None


def styles(objectives: Sequence[str]) -> list[Style]:
    """A look for each contender, told apart by colour between losses and by dash within one."""
    seen: dict[str, int] = {}
    found = []
    for name in objectives:
        k = seen[name] = seen.get(name, -1) + 1
        found.append(Style(loss_colour(name), _DASHES[k % 4], _SYMBOLS[k % 4]))
    return found


def quartiles(values: Array) -> tuple[Array, Array, Array]:
    """25 %, 50 % and 75 % quantiles over seeds, (T, B) -> three (T,); NaN where no seed has a value."""
    if np.isnan(values).any():
        some = ~np.isnan(values).all(axis=1)
        out = np.full((3, len(values)), np.nan)
        if some.any():
            out[:, some] = np.nanquantile(values[some], [0.25, 0.5, 0.75], axis=1)
        return out[0], out[1], out[2]
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=1)
    return low, middle, high


def race_curves(
    sides: Sequence[Side],
    *,
    title: str,
    unit: str,
    view: View,
    levels: Mapping[str, float] | None = None,
    zero: bool = False,
) -> Figure:
    """Median of each contender with the middle half of its seeds as a band.

    Args:
        sides: contenders with at least one logged step.
        title, unit: of the quantity.
        view: axes and options.
        levels: rivals' values, drawn as grey lines and named at the right.
        zero: whether a line at 0 is drawn.
    """
    drawn = [side for side in sides if len(side.x) and not np.isnan(side.values).all()]
    if not drawn:
        return message(title, "Nothing logged yet" if not any(len(s.x) for s in sides) else "Not defined here")
    traces: list[dict[str, Any]] = []
    for side in drawn:
        traces += _side(side, view)
    shapes, notes = _levels(levels or {}, view), _level_names(levels or {}, view)
    if zero:
        shapes.append(_across(0.0, INK, "solid", 1.0))
    if view.step is not None and view.x == "step":
        shapes.append(_upright(view.step))
    x = axis(view.x, **_x_range(drawn, view))
    y = axis(unit, nticks=6, **({"type": "log"} if view.log_y else {}))
    figure_layout = layout(title, x=x, y=y, shapes=shapes, annotations=notes)
    return {"data": traces, "layout": figure_layout}


def _side(side: Side, view: View) -> list[dict[str, Any]]:
    at = side.at % len(side.x)
    values = smooth(side.values, view.smoothing)
    mark = float(np.nanmedian(values[at])) if not np.isnan(values[at]).all() else np.nan
    keep = np.unique(np.linspace(0, len(side.x) - 1, min(_POINTS, len(side.x))).astype(int))
    x, values = np.asarray(side.x, dtype=np.float64)[keep], values[keep]
    if view.log_y:
        values = np.where(values > 0.0, values, np.nan)
    low, middle, high = quartiles(values)
    colour, dash = side.style.colour, side.style.dash
    traces: list[dict[str, Any]] = []
    if view.seeds:
        traces.append(_seeds(x, values, colour))
    elif values.shape[1] > 1 and len(x) > 1:
        edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        edge |= {"showlegend": False, "legendgroup": side.title}
        fill = {"fill": "tonexty", "fillcolor": translucent(colour, 0.16)}
        traces += [{**edge, "y": low, "name": "25 %"}, {**edge, "y": high, "name": "75 %", **fill}]
    traces.append(line(x, middle, side.title, colour, dash=dash, width=2.6, legendgroup=side.title))
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


def _x_range(sides: Sequence[Side], view: View) -> dict[str, Any]:
    if view.log_x:
        return {"type": "log"}
    longest = max(float(side.x[-1]) for side in sides)
    # The whole race is in view, so that contenders advance; a long one that has just begun fills the plot instead.
    if view.x == "step" and view.total and (longest > 0.15 * view.total or longest < 2):
        return {"range": [0, view.total]}
    return {"rangemode": "tozero"} if longest > 0 else {"range": [0, 1]}


def _across(y: float, colour: str, dash: str, width: float) -> dict[str, Any]:
    where = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "layer": "below"}
    return where | {"line": {"color": colour, "dash": dash, "width": width}}


def _upright(x: float) -> dict[str, Any]:
    where = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x}
    return where | {"line": {"color": MUTED, "dash": "dot", "width": 1.5}}


def _levels(levels: Mapping[str, float], view: View) -> list[dict[str, Any]]:
    shown = [(k, v) for k, v in enumerate(levels.values()) if np.isfinite(v) and (v > 0 or not view.log_y)]
    return [_across(v, RIVAL, _RIVAL_DASHES[k % len(_RIVAL_DASHES)], 1.8) for k, v in shown]


def _level_names(levels: Mapping[str, float], view: View) -> list[dict[str, Any]]:
    """Names on the rivals' lines, alternately left and right so that close ones do not cover each other."""
    known = sorted(((v, k) for k, v in levels.items() if np.isfinite(v) and (v > 0 or not view.log_y)), reverse=True)
    notes = []
    for i, (value, name) in enumerate(known):
        right = i % 2 == 0
        notes.append(
            {
                "text": name,
                "xref": "paper",
                "x": 0.995 if right else 0.55,
                "xanchor": "right",
                "y": float(np.log10(value)) if view.log_y else value,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": FONT - 3, "color": MUTED},
                "bgcolor": PAPER,
                "opacity": 0.85,
                "borderpad": 0,
            }
        )
    return notes


def evidence_ceiling(
    sides: Sequence[Side], *, log_evidence: float, kl: Mapping[str, float], view: View, shifted: bool
) -> Figure:
    """Each contender's ELBO climbing to the log evidence; the gap is KL(q‖posterior).

    Args:
        sides: values are ELBOs in nats, (T, B), each seed shifted to the common ceiling where they differ.
        log_evidence: the ceiling log p(D), nats.
        kl: contender -> median KL at the step looked at, nats.
        view: axes and options.
        shifted: whether seeds have different data, and so different ceilings.
    """
    title = "Evidence ceiling: log p(D) − ELBO = KL(q‖posterior)"
    named = [
        Side(f"{s.title}: KL {kl.get(s.title, np.nan):.3g}", s.style, s.x, s.values, s.at) for s in sides if len(s.x)
    ]
    plain_view = View(view.x, view.log_x, False, view.smoothing, view.seeds, view.total, view.step)
    figure = race_curves(named, title=title, unit="nats", view=plain_view)
    if not named or not figure["data"]:
        return figure
    shape = figure["layout"]
    shape["shapes"].append(_across(log_evidence, INK, "solid", 2.5) | {"layer": "above"})
    words = "mean log p(D)" if shifted else "log p(D)"
    notes = [_note(f"<b>{words} = {log_evidence:.2f}</b>", 0.01, log_evidence, "left", "bottom")]
    best = min(named, key=lambda s: _last_gap(s, log_evidence))
    gap = _gap_arrow(best, log_evidence, kl)
    lowest = min(float(np.nanmin(quartiles(s.values[[0, -1, s.at % len(s.x)]])[0])) for s in named)
    room = max(log_evidence - lowest, 1e-3)
    shape["yaxis"]["range"] = [lowest - 0.08 * room, log_evidence + 0.16 * room]
    shape["annotations"] = [*shape["annotations"], *notes, *gap]
    shape["margin"]["t"] = _TWO_ROWS
    return figure


def _last_gap(side: Side, ceiling: float) -> float:
    return ceiling - float(np.nanmedian(side.values[side.at % len(side.x)]))


def _note(text: str, x: float, y: float, xanchor: str, yanchor: str) -> dict[str, Any]:
    where = {"text": text, "xref": "paper", "x": x, "xanchor": xanchor, "y": y, "yanchor": yanchor}
    return where | {"showarrow": False, "font": {"size": FONT, "color": INK}}


def _gap_arrow(side: Side, ceiling: float, kl: Mapping[str, float]) -> list[dict[str, Any]]:
    """A double arrow between the nearest curve and the ceiling, with the gap's number."""
    at = side.at % len(side.x)
    x, y = float(side.x[at]), float(np.nanmedian(side.values[at]))
    name = side.title.rsplit(": KL ", 1)[0]
    late = at > 0.5 * max(float(side.x[-1]), 1.0) or x > 0.5 * float(side.x[-1] or 1.0)
    arrow = {
        "x": x, "y": ceiling, "ax": x, "ay": y, "axref": "x", "ayref": "y", "text": "",
        "showarrow": True, "arrowhead": 2, "arrowside": "end+start", "arrowwidth": 2, "arrowcolor": INK,
    }  # fmt: skip
    label = {
        "text": f"KL(q‖posterior) = {kl.get(name, np.nan):.3g} nats",
        "x": x,
        "xanchor": "right" if late else "left",
        "xshift": -8 if late else 8,
        "y": 0.5 * (y + ceiling),
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": FONT, "color": INK},
        "bgcolor": PAPER,
        "opacity": 0.9,
    }
    return [arrow, label]


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
    names = list(labels)
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": names,
            "y": values - 0.5,
            "base": 0.5,
            "name": name,
            "marker": {"color": looks[name].colour, "pattern": {"shape": "" if looks[name].dash == "solid" else "/"}},
            "customdata": values,
            "hovertemplate": "%{customdata:.3f}",
        }
        for name, values in marginals.items()
    ]
    if posterior is not None:
        marker = {"symbol": "line-ew-open", "size": 16, "color": INK, "line": {"width": 2.5, "color": INK}}
        traces.append(
            {"type": "scatter", "mode": "markers", "x": names, "y": posterior, "name": "exact posterior"}
            | {"marker": marker, "hovertemplate": "%{y:.3f}"}
        )
    x = axis(tickangle=-90, type="category", showgrid=False)
    y = axis("P(weight = +)", range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1])
    shape = layout(title, x=x, y=y, bargap=0.25, bargroupgap=0.05)
    shape["margin"]["t"] = _TWO_ROWS
    return {"data": traces, "layout": shape}


def dependence_matrices(matrices: Mapping[str, tuple[Array, float]], *, labels: Sequence[str]) -> Figure:
    """Mutual information between weights, side by side on one colour scale.

    Args:
        matrices: name -> (mutual information in bits (N, N), total correlation in nats).
        labels: a name for each weight, length N.
    """
    title = "Mutual information between weights, bits"
    if not matrices:
        return message(title, "Train the race first")
    names = list(labels)
    off = [m[~np.eye(len(m), dtype=bool)] for m, _ in matrices.values()]
    top = max(max((float(part.max()) for part in off if part.size), default=0.0), 1e-3)
    shape = layout(title, legend=False, hovermode="closest")
    traces: list[dict[str, Any]] = []
    notes, width = [], 1.0 / len(matrices)
    for k, (name, (matrix, floor)) in enumerate(matrices.items()):
        suffix = "" if k == 0 else str(k + 1)
        shown = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
        traces.append(
            {
                "type": "heatmap",
                "x": names,
                "y": names,
                "z": list(shown),
                "zmin": 0.0,
                "zmax": top,
                "colorscale": [[0, PAPER], [1, ACCENT]],
                "showscale": k == len(matrices) - 1,
                "colorbar": {"thickness": 12, "tickfont": {"size": FONT - 2, "color": MUTED}, "nticks": 5},
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "name": name,
                "hovertemplate": f"{name}<br>%{{x}}, %{{y}}: %{{z:.3f}} bits<extra></extra>",
            }
        )
        domain = [k * width + 0.02, (k + 1) * width - 0.02]
        small = {"tickfont": {"size": FONT - 5, "color": MUTED}, "showgrid": False, "type": "category"}
        shape[f"xaxis{suffix}"] = axis(domain=domain, anchor=f"y{suffix}", tickangle=-90, dtick=1) | small
        top_down = [len(names) - 0.5, -0.5]
        shape[f"yaxis{suffix}"] = axis(anchor=f"x{suffix}", range=top_down, showticklabels=k == 0, dtick=1) | small
        words = f"<b>{name}</b><br>KL to the nearest product: {floor if floor > 1e-9 else 0:.3g} nats"
        notes.append(_note(words, 0.5 * (domain[0] + domain[1]), 1.0, "center", "bottom") | {"yref": "paper"})
    shape["annotations"] = notes
    shape["margin"] = {"l": 8, "r": 8, "t": 84, "b": 8}
    return {"data": traces, "layout": shape}
