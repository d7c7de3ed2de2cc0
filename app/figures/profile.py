"""The entanglement of a long circuit: entropy of every cut, and the bond dimension that bounds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import axis, layout
from app.figures.palette import ACCENT, MUTED
from app.figures.plain import Figure

Array = NDArray[np.float64]


def entanglement_profile(entropy: Array, chi: NDArray[np.int64], *, title: str, window: tuple[int, int]) -> Figure:
    """Entropy of each cut in bits, under log₂ χ, which it cannot exceed.

    Args:
        entropy: (N − 1,), bits.
        chi: bond dimension of each cut, (N − 1,).
        title: what circuit it is.
        window: first and last wire of the part that is drawn beside it.
    """
    cuts = np.arange(1, len(entropy) + 1) - 0.5
    bound = np.log2(np.maximum(chi, 1)).astype(np.float64)
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": cuts,
            "y": entropy,
            "name": "entropy",
            "line": {"color": ACCENT, "width": 1.4},
            "fill": "tozeroy",
            "hovertemplate": "%{y:.3f} bits",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": cuts,
            "y": bound,
            "name": "limit log₂ χ",
            "line": {"color": MUTED, "width": 1.2, "dash": "dot", "shape": "hvh"},
            "hovertemplate": "%{y:.0f} bits",
        },
    ]
    shapes = [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": window[0] - 0.5,
            "x1": window[1] + 0.5,
            "y0": 0,
            "y1": 1,
            "fillcolor": ACCENT,
            "opacity": 0.08,
            "line": {"width": 0},
        }
    ]
    top = max(1.0, float(bound.max(initial=0.0)))
    figure_layout = layout(
        title,
        x=axis("cut between wires", range=[0, len(entropy) + 1]),
        y=axis("bits", range=[0, 1.12 * top], rangemode="tozero"),
        shapes=shapes,
    )
    return {"data": traces, "layout": figure_layout}
