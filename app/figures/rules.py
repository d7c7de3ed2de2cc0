"""Lines and words laid over a plot: levels across, uprights, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT
from app.figures.palette import INK, MUTED, RIVAL

#: Dash patterns of rivals' levels.
_RIVAL_DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot", "dash", "dot")
#: Size of the letters of a rival's name, pixels, and its line's height as a share of a low plot's; most letters of a
#: whole name; pixels that a letter takes, and pixels between plot and name.
_NAME, _LINE = FONT - 3, 0.13
_LONGEST, _LETTER, _SPACE = 11, 5.6, 9


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


def level_names(levels: Mapping[str, float], *, log: bool, reach: tuple[float, float]) -> list[dict[str, Any]]:
    """The rivals' names, right of the plot, where they cover no curve: each at its line, or near it.

    Of a long name the first word.

    Args:
        levels: name -> value.
        log: whether the axis is logarithmic.
        reach: lowest and highest value of the curves.
    """
    known = {name: v for name, v in levels.items() if np.isfinite(v) and (v > 0 or not log)}
    if not known:
        return []
    names = sorted(known, key=lambda name: known[name])
    places, ends = np.array([known[name] for name in names]), np.array(reach)
    if log:
        places, ends = np.log10(places), np.log10(ends)
    return [
        {
            "text": name if len(name) <= _LONGEST else name.split()[0],
            "xref": "paper",
            "x": 1,
            "xanchor": "left",
            "xshift": _SPACE,
            "y": float(y),
            "yanchor": "middle",
            "showarrow": False,
            "font": {"size": _NAME, "color": MUTED},
        }
        for name, y in zip(names, _apart(places, ends), strict=True)
    ]


def names_room(names: Sequence[Mapping[str, Any]]) -> float:
    """Pixels right of the plot that names of :func:`level_names` take."""
    return _SPACE + _LETTER * max(len(name["text"]) for name in names)


def _apart(places: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places in rising order, moved until no two names touch, within the curves' range where there is room."""
    low, high = float(np.nanmin([*places, *ends])), float(np.nanmax([*places, *ends]))
    step = _LINE * max(high - low, 1e-12)
    found = places.copy()
    for k in range(1, len(found)):
        found[k] = max(found[k], found[k - 1] + step)
    found[-1] = min(found[-1], max(high, low + step * (len(found) - 1)))
    for k in range(len(found) - 2, -1, -1):
        found[k] = min(found[k], found[k + 1] - step)
    return found
