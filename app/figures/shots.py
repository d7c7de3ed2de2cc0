"""Figures of the shots dial: strings, estimates and gradients as a finite number of shots shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line
from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, DEVICE, INK, MUTED, loss_colour, translucent
from app.figures.plain import Figure

Array = NDArray[np.float64]
#: Strings shown in a histogram.
TOP = 20


def shown_strings(ideal: Array, seen: Array | None = None, top: int = TOP) -> NDArray[np.intp]:
    """Indices of the likeliest strings of the ideal q (2**N,), most probable first; ties by what was seen."""
    first = np.round(ideal, 9)
    second = np.zeros_like(ideal) if seen is None else seen
    least = np.partition(first, -top)[-top] if first.size > top else -np.inf  # all others need no sorting
    at = np.flatnonzero(first >= least)
    return at[np.lexsort((-second[at], -first[at]))][:top]


def string_histogram(
    ideal: Array,
    seen: Array,
    *,
    shots: int | None,
    title: str,
    drawn: str = "drawn",
    colour: str = ACCENT,
    expected: Array | None = None,
) -> Figure:
    """Relative frequencies of the likeliest strings beside their exact probabilities.

    Args:
        ideal: exact q of the noiseless circuit, (2**N,).
        seen: relative frequencies, (2**N,).
        shots: number of draws, for the whisker of one standard deviation around the exact value; None for ∞.
        drawn: what the bars are called.
        expected: exact distribution of the noisy device, (2**N,), where it is known.
    """
    n_bits = int(ideal.size).bit_length() - 1
    at = shown_strings(ideal, seen)
    names = [format(int(i), f"0{n_bits}b") for i in at]
    exact = 100.0 * ideal[at]
    error = None if shots is None else 100.0 * np.sqrt(ideal[at] * (1.0 - ideal[at]) / shots)
    marker = {"symbol": "diamond-open", "size": 9, "color": INK, "line": {"width": 2, "color": INK}}
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": names,
            "y": 100.0 * seen[at],
            "name": drawn,
            "marker": {"color": colour, "opacity": 0.75},
            "hovertemplate": "%{y:.3g} %",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": names,
            "y": exact,
            "name": "exact q",
            "marker": marker,
            "hovertemplate": "%{y:.3g} %",
        },
    ]
    if error is not None:
        traces[1]["error_y"] = {"type": "data", "array": error, "color": INK, "thickness": 1.2, "width": 2}
    if expected is not None:
        mark = {"symbol": "line-ew-open", "size": 11, "color": DEVICE, "line": {"width": 3, "color": DEVICE}}
        traces.append(
            {**traces[1], "y": 100.0 * expected[at], "name": "exact, with noise", "marker": mark, "error_y": {}}
        )
    share = float(ideal[at].sum())
    rest = "" if len(at) == ideal.size else f" ({len(at)} of {ideal.size:,}, {share:.0%} of q)"
    x = axis(type="category", tickangle=-90, showgrid=False, tickfont={"size": FONT - 4, "color": MUTED})
    y = axis("% of draws", rangemode="tozero", nticks=5)
    return {"data": traces, "layout": layout(f"{title}{rest}", x=x, y=y, bargap=0.25)}


def estimate_spread(
    values: Array,
    exact: float,
    *,
    title: str,
    unit: str,
    colour: str,
    shots: int | None,
    device_value: float | None = None,
) -> Figure:
    """Histogram of repeated estimates beside the exact value (vertical line).

    Args:
        values: estimates, (repeats,); empty for an infinite number of shots.
        exact: what the noiseless circuit has.
        device_value: what infinitely many shots of the noisy device would give, where that differs.
    """
    traces: list[dict[str, Any]] = []
    shapes = [_vertical(exact, INK, "solid")]
    notes = [_note(exact, "exact", INK, "left")]
    x = axis(unit, nticks=6)
    if shots is None or not len(values):
        half = max(abs(exact) * 0.1, 1e-3)
        x["range"] = [exact - half, exact + half]
        notes.append(
            {
                "text": "∞ shots: every estimate is the exact value",
                "xref": "paper",
                "yref": "paper",
                "x": 0.5,
                "y": 0.45,
                "showarrow": False,
                "font": {"size": FONT, "color": MUTED},
            }
        )
    else:
        count, edges = np.histogram(values, bins=24)
        traces.append(
            {
                "type": "bar",
                "x": 0.5 * (edges[1:] + edges[:-1]),
                "y": count,
                "width": edges[1] - edges[0],
                "name": f"{len(values)} estimates",
                "marker": {"color": colour, "opacity": 0.75},
                "hovertemplate": "%{x:.4g}: %{y}<extra></extra>",
            }
        )
        low, high = min(float(edges[0]), exact), max(float(edges[-1]), exact)
        pad = 0.06 * (high - low)
        x["range"] = [low - pad, high + pad]
        mean = float(values.mean())
        shapes.append(_vertical(mean, colour, "dash"))
        if exact >= mean:
            notes.append(_note(mean, "mean", colour, "right"))
        else:
            notes[0] |= {"xanchor": "right"}
            notes.append(_note(mean, "mean", colour, "left"))
    if device_value is not None and traces:
        shapes.append(_vertical(device_value, DEVICE, "dot"))
    shape = layout(title, x=x, y=axis("estimates", nticks=4), legend=False, shapes=shapes, annotations=notes, bargap=0)
    shape |= {"hovermode": "closest"}
    if not traces:  # something must carry the axes
        traces.append(
            {"type": "scatter", "mode": "markers", "x": [exact], "y": [0], "marker": {"color": INK, "size": 8}}
        )
        shape["yaxis"] |= {"range": [-0.2, 1], "showticklabels": False}
    return {"data": traces, "layout": shape}


def _vertical(x: float, colour: str, dash: str) -> dict[str, Any]:
    style = {"color": colour, "width": 2.5, "dash": dash}
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 0.92, "line": style}


def _note(x: float, text: str, colour: str, side: str) -> dict[str, Any]:
    place = {"x": x, "xanchor": side, "yref": "paper", "y": 1.0, "yanchor": "top", "showarrow": False}
    return {"text": text, **place, "font": {"size": FONT - 1, "color": INK if colour == INK else MUTED}}


def gradient_noise(
    exact: Array, deviation: Array, *, one: Array | None, title: str, objective: str, shots: int | None
) -> Figure:
    """Exact gradient of every parameter, and one standard deviation of its parameter-shift estimate.

    Args:
        exact: ∂ loss/∂θ per example, (P,).
        deviation: standard deviation at this number of shots, (P,).
        one: one estimate, (P,), where it was drawn.
    """
    if not len(exact):
        return message(title, "This circuit has no parameters")
    x = np.arange(len(exact))
    colour = loss_colour(objective)
    band = np.concatenate([exact + deviation, (exact - deviation)[::-1]])
    traces: list[dict[str, Any]] = []
    if shots is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": np.concatenate([x, x[::-1]]),
                "y": band,
                "fill": "toself",
                "fillcolor": translucent(colour, 0.25),
                "line": {"width": 0},
                "name": "± 1 s.d.",
                "hoverinfo": "skip",
            }
        )
    traces.append(line(x.astype(float), exact, "exact", INK, width=2))
    if one is not None:
        dots = {"color": colour, "size": 6}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": x,
                "y": one,
                "name": "one estimate",
                "marker": dots,
                "hovertemplate": "%{y:.3g}",
            }
        )
    y = axis("∂ loss / ∂θ, nats", nticks=5)
    return {"data": traces, "layout": layout(title, x=axis("parameter k", nticks=8), y=y)}
