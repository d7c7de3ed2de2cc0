"""Dependence between weights: mutual information matrices side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, INK, MUTED, PAPER
from app.figures.plain import Figure
from app.figures.rules import note

Array = NDArray[np.float64]


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
        # Narrow lines: three of them stand side by side on a telephone.
        nearest = f"KL to nearest<br>product {floor if floor > 1e-9 else 0:.3g} nats"
        words = f"<b>{name.replace(', ', ',<br>')}</b><br>{nearest}"
        small_ink = {"yref": "paper", "font": {"size": FONT - 2, "color": INK}}
        notes.append(note(words, 0.5 * (domain[0] + domain[1]), 1.0, "center", "bottom") | small_ink)
    shape["annotations"] = notes
    shape["margin"] = {"l": 8, "r": 8, "t": 106, "b": 8}
    return {"data": traces, "layout": shape}
