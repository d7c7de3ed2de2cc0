"""Figures of the shots dial: strings, estimates and gradients as a finite number of shots shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, loss_unit
from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, DEVICE, INK, MUTED, PAPER, loss_colour, translucent
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
    expected_name: str = "exact, with noise",
    listed: NDArray[np.uint8] | None = None,
) -> Figure:
    """Relative frequencies of the likeliest strings beside their exact probabilities.

    Args:
        ideal: exact q of the noiseless circuit, (2**N,).
        seen: relative frequencies, (2**N,).
        shots: number of draws, for the whisker of one standard deviation around the exact value; None for ∞.
        drawn: what the bars are called.
        expected: distribution of the noisy device, (2**N,), as far as it is known, and ``expected_name`` what it is
            called: exact, or of how many draws.
        listed: the strings (K, N) that ``ideal`` and ``seen`` are of, where they do not hold all 2**N.
    """
    n_bits = int(ideal.size).bit_length() - 1 if listed is None else listed.shape[1]
    at = shown_strings(ideal, seen)
    names = [format(i, f"0{n_bits}b") if listed is None else "".join(map(str, listed[i])) for i in at]
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
        traces.append({**traces[1], "y": 100.0 * expected[at], "name": expected_name, "marker": mark, "error_y": {}})
    share = float(ideal[at].sum())
    rest = "" if len(at) == 1 << n_bits else f" ({len(at)} of {1 << n_bits:,}, {share:.0%} of q)"
    x = axis(type="category", tickangle=-90, showgrid=False, tickfont={"size": FONT - 4, "color": MUTED})
    y = axis("probability, %" if shots is None else "% of draws", rangemode="tozero", nticks=5)
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
    device_name: str = "device",
) -> Figure:
    """Histogram of repeated estimates, their mean, and the values that they are estimates of, as vertical lines.

    Args:
        values: estimates, (repeats,); empty for an infinite number of shots.
        exact: what the noiseless circuit has.
        device_value: what infinitely many shots of the noisy device would give, where that differs, exactly or as
            estimated; ``device_name`` says which.
    """
    infinite = shots is None or not len(values)
    traces, top, ends = ([], 1.0, []) if infinite else _bars(values, colour)
    noiseless = "exact" if device_value is None else "ideal"
    marks = [(exact, f"{noiseless} {exact:.3g}", INK, "solid")]
    if not infinite:
        marks.append((float(values.mean()), "mean", colour, "dash"))
    if device_value is not None:
        marks.append((device_value, f"{device_name} {device_value:.3g}", DEVICE, "dot"))
    traces += [_vertical(x, top, name, shade, dash) for x, name, shade, dash in marks]
    ends += [mark[0] for mark in marks]
    low, high = min(ends), max(ends)
    pad = 0.06 * (high - low) if high > low and not infinite else 0.25 * (high - low) + max(0.1 * abs(exact), 1e-9)
    x = axis(unit, nticks=6, exponentformat="power", range=[low - pad, high + pad])
    y = axis("estimates", nticks=4, range=[0, 1.08 * top], showticklabels=not infinite)
    notes = [_infinite(device_name if device_value is not None else "")] if infinite else []
    shape = layout(title, x=x, y=y, annotations=notes, bargap=0, hovermode="closest")
    _one_row(shape)
    return {"data": traces, "layout": shape}


def _bars(values: Array, colour: str) -> tuple[list[dict[str, Any]], float, list[float]]:
    """The histogram's trace, its greatest count and its two ends."""
    count, edges = np.histogram(values, bins=24)
    bars = {
        "type": "bar",
        "x": 0.5 * (edges[1:] + edges[:-1]),
        "y": count,
        "width": edges[1] - edges[0],
        "name": f"{len(values)} estimates",
        "showlegend": False,
        "marker": {"color": colour, "opacity": 0.55},
        "hovertemplate": "%{x:.4g}: %{y}<extra></extra>",
    }
    return [bars], float(count.max()), [float(edges[0]), float(edges[-1])]


def _vertical(x: float, top: float, name: str, colour: str, dash: str) -> dict[str, Any]:
    """A vertical line that the legend names: names beside lines would cover each other where the values are close."""
    ends = np.array([0.0, 1.04 * top])
    return line(np.full(2, x), ends, name, colour, dash=dash, hovertemplate=f"{name}<extra></extra>")


def _one_row(shape: dict[str, Any]) -> None:
    """Smaller legend: a second row would stand in the title, and these charts are low."""
    shape["legend"]["font"] = {**shape["legend"]["font"], "size": FONT - 2}


def _infinite(device: str) -> dict[str, Any]:
    """What there is to see at ∞ shots, in words."""
    whose = "the device's" if device else "the exact"
    return {
        "text": f"∞ shots: every estimate is {whose} value",
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.45,
        "showarrow": False,
        "bgcolor": PAPER,
        "font": {"size": FONT, "color": MUTED},
    }


def gradient_noise(
    exact: Array,
    deviation: Array,
    *,
    one: Array | None,
    title: str,
    objective: str,
    shots: int | None,
    noiseless: Array | None = None,
) -> Figure:
    """Exact gradient of every parameter, and one standard deviation of its parameter-shift estimate.

    Args:
        exact: ∂ loss/∂θ per example, (P,), of the circuit that the shots are of.
        deviation: standard deviation at this number of shots, (P,).
        one: one estimate, (P,), where it was drawn.
        noiseless: that of the noiseless circuit, (P,), where ``exact`` is of a noisy device.
    """
    if not len(exact):
        return message(title, "This circuit has no parameters")
    x = np.arange(len(exact), dtype=float)
    colour = loss_colour(objective)
    traces: list[dict[str, Any]] = []
    if shots is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": np.concatenate([x, x[::-1]]),
                "y": np.concatenate([exact + deviation, (exact - deviation)[::-1]]),
                "fill": "toself",
                "fillcolor": translucent(colour, 0.25),
                "line": {"width": 0},
                "name": "± 1 s.d.",
                "hoverinfo": "skip",
            }
        )
    if noiseless is None:
        traces.append(line(x, exact, "exact", INK, width=2))
    else:
        traces += [line(x, noiseless, "ideal", INK, width=1.2), line(x, exact, "noisy", DEVICE, width=2)]
    if one is not None:
        dots = line(x, one, "one estimate", colour, hovertemplate="%{y:.3g}")
        traces.append(dots | {"mode": "markers", "marker": {"color": colour, "size": 6}})
    nats = "nats" in loss_unit(objective)
    y = axis("∂ loss / ∂θ, nats" if nats else "∂ loss / ∂θ, no unit", nticks=5, exponentformat="power")
    shape = layout(title, x=axis("parameter k", nticks=8), y=y)
    _one_row(shape)
    return {"data": traces, "layout": shape}
