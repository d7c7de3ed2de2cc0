"""What the drawn networks predict together: the decision boundary, the confusion matrix, the cost of drawn strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, CLASSES, INK, PALEST, PAPER, RIVAL, SYMBOLS, loss_colour, translucent
from app.figures.plain import Figure

#: Smallest disagreement of the drawn networks, nats, that has a line of its own.
_LEAST_DOUBT = 0.05

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def extent(x: Array, margin: float = 0.12) -> tuple[float, float]:
    """Range of a feature with a margin on both sides; at least a unit wide around a constant one."""
    low, high = (float(x.min()), float(x.max())) if x.size else (-1.0, 1.0)
    pad = margin * (high - low) or 0.5
    return low - pad, high + pad


def points(x: Array, y: Labels, names: Sequence[str], *, kind: str, limit: int = 300) -> list[dict[str, Any]]:
    """Scatter traces of labelled 2-D points, one a class; ``kind`` "train" is large and outlined, "test" small."""
    train = kind == "train"
    traces = []
    for c, name in enumerate(names):
        own = x[y == c][:limit]
        marker = {
            "symbol": SYMBOLS[c % len(SYMBOLS)],
            "size": 11 if train else 5,
            "opacity": 1.0 if train else 0.55,
            "color": CLASSES[c % len(CLASSES)],
            "line": {"width": 1.8 if train else 0, "color": INK},
        }
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": own[:, 0],
                "y": own[:, 1],
                "name": f"{name}" if train else f"{name}, test",
                "showlegend": train,
                "marker": marker,
                "hovertemplate": f"{name} ({kind})<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>",
            }
        )
    return traces


def decision_boundary(
    grid_x: Array,
    grid_y: Array,
    proba: Array,
    *,
    x_train: Array,
    y_train: Labels,
    x_test: Array,
    y_test: Labels,
    class_names: Sequence[str],
    feature_names: Sequence[str] = ("x1", "x2"),
    doubt: Array | None = None,
) -> Figure:
    """Predictive mean over a plane, with its uncertainty, and the data on top.

    Args:
        grid_x, grid_y: coordinates, (G,) and (H,).
        proba: E_q p(y | x, w), (H, G, C): colour is the class, its strength the probability.
        x_train, y_train, x_test, y_test: the data, features (n, 2).
        class_names: length C.
        feature_names: for the axes.
        doubt: mutual information between label and weights, nats, (H, G): how far the drawn networks disagree; as
            dotted contours.
    """
    n_classes = proba.shape[2]
    traces = _shades(grid_x, grid_y, proba, class_names)
    ordered = np.sort(proba, axis=2)
    lead = proba[:, :, 1] - proba[:, :, 0] if n_classes == 2 else ordered[:, :, -1] - ordered[:, :, -2]
    start = 0.0 if n_classes == 2 else 0.02
    traces.append(_contour(grid_x, grid_y, lead, "decision boundary", start, start, 1.0, 2.5, "solid"))
    title = "Decision boundary"
    if doubt is not None and float(doubt.max()) > _LEAST_DOUBT:
        title += f" <span style='font-size:{FONT - 2}px'>dotted: networks disagree</span>"
        traces.append(_contour(grid_x, grid_y, doubt, "disagreement, nats", _LEAST_DOUBT, 0.65, 0.1, 1, "dot"))
    traces += points(x_test, y_test, class_names, kind="test")
    traces += points(x_train, y_train, class_names, kind="train", limit=500)
    x = axis(feature_names[0], range=[float(grid_x[0]), float(grid_x[-1])], showgrid=False)
    y = axis(feature_names[1], range=[float(grid_y[0]), float(grid_y[-1])], showgrid=False)
    return {"data": traces, "layout": layout(title, x=x, y=y, hovermode="closest")}


def _shades(x: Array, y: Array, proba: Array, names: Sequence[str]) -> list[dict[str, Any]]:
    """The class as colour and its probability as strength: one layer for two classes, else one a class."""
    n_classes = proba.shape[2]
    faint, strong = 0.0, 0.62
    base = {"type": "heatmap", "x": x, "y": y, "zmax": 1.0, "zsmooth": "fast", "showscale": False}
    if n_classes == 2:
        scale = [
            [0.0, translucent(CLASSES[0], strong)],
            [0.5, translucent(CLASSES[0], faint)],
            [0.5, translucent(CLASSES[1], faint)],
            [1.0, translucent(CLASSES[1], strong)],
        ]
        text = f"P({names[1]}) = %{{z:.2f}}<extra></extra>"
        return [{**base, "z": proba[:, :, 1], "zmin": 0.0, "colorscale": scale, "hovertemplate": text, "name": "P"}]
    layers: list[dict[str, Any]] = []
    for c, name in enumerate(names):
        colour = CLASSES[c % len(CLASSES)]
        scale = [[0.0, translucent(colour, faint)], [1.0, translucent(colour, strong)]]
        last = c == n_classes - 1
        hover = {"hovertemplate": f"P({name}) = %{{z:.2f}}<extra></extra>"} if last else {"hoverinfo": "skip"}
        layers.append(
            {**base, "z": proba[:, :, c], "zmin": 1.0 / n_classes, "colorscale": scale, "name": name, **hover}
        )
    return layers


def _contour(
    x: Array, y: Array, z: Array, name: str, start: float, end: float, size: float, width: float, dash: str
) -> dict[str, Any]:
    return {
        "type": "contour",
        "x": x,
        "y": y,
        "z": z,
        "name": name,
        "showscale": False,
        "showlegend": False,
        "hoverinfo": "skip",
        "contours": {"coloring": "none", "start": start, "end": end, "size": size},
        "line": {"width": width, "color": INK, "dash": dash, "smoothing": 1.0},
    }


def confusion_counts(proba: Array, labels: Labels) -> Array:
    """Confusion matrix (C, C), rows true, columns predicted; a tie within 1e-6 is shared among the tied classes."""
    n_classes = proba.shape[1]
    tied = proba >= proba.max(axis=1, keepdims=True) - 1e-6
    share = tied / tied.sum(axis=1, keepdims=True)
    matrix = np.zeros((n_classes, n_classes))
    np.add.at(matrix, labels, share)
    return matrix


def confusion(matrix: Array, *, class_names: Sequence[str], split: str = "test") -> Figure:
    """Confusion matrix: counts in the cells, colour by share of the true class.

    Args:
        matrix: counts (C, C), rows true, columns predicted; halves come from ties.
        class_names: length C.
        split: which examples, for the axis.
    """
    total = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, total, out=np.zeros_like(matrix), where=total > 0)
    names = [str(name) for name in class_names]
    cell = np.array([[f"{value:.4g}" for value in row] for row in matrix])
    many = len(names) > 4  # then the few that are wrong are lost among zeros
    trace = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": share,
        "zmin": 0,
        "zmax": PALEST,
        "colorscale": [[0, PAPER], [1, ACCENT]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": np.where(matrix == 0.0, "", cell) if many else cell,
        "customdata": cell,
        "texttemplate": "%{text}",
        # Plotly's own choice of a contrasting colour does not see the theme through translucent backgrounds.
        "textfont": {"size": FONT - 2 if many else FONT + 4, "color": INK},
        "hovertemplate": "true %{y}, predicted %{x}<br>%{customdata} examples (%{z:.0%} of the class)<extra></extra>",
    }
    correct = float(np.trace(matrix) / matrix.sum()) if matrix.sum() else float("nan")
    x = axis(f"predicted, {split} set", type="category", showgrid=False)
    y = axis("true", type="category", showgrid=False, categoryorder="array", categoryarray=names[::-1])
    title = f"Confusion: {correct:.3f} correct"  # a column of three is about 255 pixels wide
    return {"data": [trace], "layout": layout(title, x=x, y=y, legend=False, hovermode="closest")}


def cost_histogram(
    costs: Array, probs: Array | None, *, objective: str, drawn: Array | None = None, bins: int = 40
) -> Figure:
    """Where the circuit's mass lies on the cost axis, beside the uniform distribution over all strings.

    Args:
        costs: cost of every string, (2**N,).
        probs: exact q, (2**N,), or None.
        objective: the loss's name, for its colour.
        drawn: costs of drawn strings, used where ``probs`` is None.
    """
    low, high = float(costs.min()), float(costs.max())
    if not high > low:
        return message("Cost of the drawn strings", "All strings cost the same")
    edges = np.linspace(low, high, bins + 1)
    uniform = np.histogram(costs, edges)[0] / len(costs)
    if probs is not None:
        mass = np.histogram(costs, edges, weights=probs)[0]
    else:
        sample = np.zeros(0) if drawn is None else drawn
        mass = np.histogram(sample, edges)[0] / max(len(sample), 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    traces = [
        {"type": "bar", "x": middle, "y": mass, "name": "circuit", "marker": {"color": loss_colour(objective)}},
        {
            "type": "scatter",
            "x": middle,
            "y": uniform,
            "name": "all strings alike",
            "mode": "lines",
            "line": {"color": RIVAL, "shape": "hvh", "width": 2},
        },
    ]
    x, y = axis("cost"), axis("share of mass", rangemode="tozero")
    return {"data": traces, "layout": layout("Cost of the drawn strings", x=x, y=y, bargap=0.05)}
