"""One binary network as a picture: units in columns, a line a weight, its colour and dash the sign."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, CLASSES, INK, PAPER
from app.figures.plain import Figure

Array = NDArray[np.float64]
_WEIGHT, _BIAS = re.compile(r"W(\d+)\[(\d+),(\d+)\]"), re.compile(r"b(\d+)\[(\d+)\]")
#: Weights beyond which lines cannot be told apart.
MOST = 200


def network_diagram(weights: Array, labels: Sequence[str], *, title: str = "This network") -> Figure:
    """The network of these weights.

    Args:
        weights: (N,), as the bits stand for them.
        labels: their names, ``W1[input,unit]`` and ``b1[unit]``.
        title: of the picture.
    """
    edges, biases = _parts(weights, labels)
    if not edges or len(weights) > MOST:
        return message(title, f"{len(weights)} weights: too many to draw" if edges else "No layers to draw")
    sizes: dict[int, int] = {}
    for (layer, i, j), _ in edges:
        sizes[layer - 1] = max(sizes.get(layer - 1, 0), i + 1)
        sizes[layer] = max(sizes.get(layer, 0), j + 1)
    traces = [
        _lines([e for e in edges if e[1] > 0], sizes, "plus", ACCENT, "solid"),
        _lines([e for e in edges if e[1] <= 0], sizes, "minus", CLASSES[0], "dash"),
        *_names(edges, sizes),
        _units(sizes, biases),
    ]
    hidden: dict[str, Any] = {"showticklabels": False, "showgrid": False, "ticks": ""}
    last = max(sizes)
    x = axis(range=[-0.35, last + 0.35], **hidden)
    y = axis(range=[-0.72, 0.72], **hidden)
    return {"data": traces, "layout": layout(title, x=x, y=y, hovermode="closest")}


def _parts(weights: Array, labels: Sequence[str]) -> tuple[list[tuple[tuple[int, int, int], float]], dict[Any, float]]:
    edges, biases = [], {}
    for value, label in zip(weights.tolist(), labels, strict=True):
        if found := _WEIGHT.fullmatch(label):
            edges.append(((int(found[1]), int(found[2]), int(found[3])), value))
        elif found := _BIAS.fullmatch(label):
            biases[int(found[1]), int(found[2])] = value
    return edges, biases


def _height(unit: int, size: int) -> float:
    return 0.0 if size < 2 else 0.5 - unit / (size - 1)


def _lines(
    edges: Sequence[tuple[tuple[int, int, int], float]], sizes: dict[int, int], name: str, colour: str, dash: str
) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[float | None] = []
    for (layer, i, j), _ in edges:
        x += [layer - 1, layer, None]
        y += [_height(i, sizes[layer - 1]), _height(j, sizes[layer]), None]
    line = {"color": colour, "width": 3, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line, "hoverinfo": "skip"}


def _names(
    edges: Sequence[tuple[tuple[int, int, int], float]], sizes: dict[int, int], *, at: float = 0.3
) -> list[dict[str, Any]]:
    """The weights as numbers on their lines, where there are few."""
    if len(edges) > 24:
        return []
    x = [layer - 1 + at for (layer, _, _), _ in edges]
    y = [(1 - at) * _height(i, sizes[layer - 1]) + at * _height(j, sizes[layer]) for (layer, i, j), _ in edges]
    text = [signed(value) for _, value in edges]
    font, ground = {"size": FONT - 2, "color": INK}, {"size": 22, "color": PAPER, "opacity": 1}
    return [
        {"type": "scatter", "mode": "markers+text", "x": x, "y": y, "text": text, "textfont": font, "marker": ground}
        | {"hoverinfo": "skip", "name": "weights", "showlegend": False}
    ]


def _units(sizes: dict[int, int], biases: dict[Any, float]) -> dict[str, Any]:
    places = [(layer, unit) for layer, size in sorted(sizes.items()) for unit in range(size)]
    text = [
        f"x{unit + 1}" if layer == 0 else signed(biases[layer, unit]) if (layer, unit) in biases else ""
        for layer, unit in places
    ]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [layer for layer, _ in places],
        "y": [_height(unit, sizes[layer]) for layer, unit in places],
        "text": text,
        "textfont": {"size": FONT - 1, "color": INK},
        "marker": {"size": 34, "color": PAPER, "line": {"color": INK, "width": 2}},
        "name": "units, with their bias",
        "hoverinfo": "skip",
    }


def signed(value: float) -> str:
    """A weight as people write it: ``+1``, ``−1``."""
    return f"{value:+g}".replace("-", "−")
