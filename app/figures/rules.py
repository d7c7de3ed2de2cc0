"""Lines and words laid over a plot: levels across, uprights, notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.figures.layout import FONT
from app.figures.palette import INK, MUTED, PAPER, RIVAL

#: Dash patterns of rivals' levels.
_RIVAL_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "dash", "dot")


def across(y: float, colour: str, dash: str, width: float) -> dict[str, Any]:
    """A line at height ``y`` from edge to edge, under the curves; ``width`` in pixels."""
    where = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "layer": "below"}
    return where | {"line": {"color": colour, "dash": dash, "width": width}}


def upright(x: float, colour: str = MUTED) -> dict[str, Any]:
    """A dotted line at ``x`` from bottom to top."""
    where = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x}
    return where | {"line": {"color": colour, "dash": "dot", "width": 1.5}}


def note(text: str, x: float, y: float, xanchor: str, yanchor: str) -> dict[str, Any]:
    """Words at ``x`` from 0 (left) to 1 (right) of the plot, and at height ``y`` in the data's unit."""
    where = {"text": text, "xref": "paper", "x": x, "xanchor": xanchor, "y": y, "yanchor": yanchor}
    return where | {"showarrow": False, "font": {"size": FONT, "color": INK}}


def level_lines(levels: Mapping[str, float], *, log: bool) -> list[dict[str, Any]]:
    """A grey line at each level; on a logarithmic axis without those that are not positive."""
    shown = [(k, v) for k, v in enumerate(levels.values()) if np.isfinite(v) and (v > 0 or not log)]
    return [across(v, RIVAL, _RIVAL_DASHES[k % len(_RIVAL_DASHES)], 1.8) for k, v in shown]


def level_names(levels: Mapping[str, float], *, log: bool) -> list[dict[str, Any]]:
    """Names on the rivals' lines, alternately left and right so that close ones do not cover each other."""
    known = sorted(((v, k) for k, v in levels.items() if np.isfinite(v) and (v > 0 or not log)), reverse=True)
    notes = []
    for i, (value, name) in enumerate(known):
        right = i % 2 == 0
        notes.append(
            {
                "text": name,
                "xref": "paper",
                "x": 0.995 if right else 0.55,
                "xanchor": "right",
                "y": float(np.log10(value)) if log else value,
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": FONT - 3, "color": MUTED},
                "bgcolor": PAPER,
                "opacity": 0.85,
                "borderpad": 0,
            }
        )
    return notes
