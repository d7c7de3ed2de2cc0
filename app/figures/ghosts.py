"""Curves of runs before, thin behind those of now, on axes that hold both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import History, line, median
from app.figures.palette import INK, loss_colour
from app.figures.plain import Figure, thin

Array = NDArray[np.float64]
#: Opacity of the newest ghost; each older one has a share of the one after it.
_OPACITY, _FADING = 0.6, 0.6
#: Room above and below the curves, as a share of their range.
_ROOM = 0.06


@dataclass(frozen=True, eq=False)
class Ghost:
    """What is left of a run in the charts of the next one.

    Args:
        steps: logged steps, (T,).
        history: name -> (T, B).
        objective: its loss's name, for the colour.
        label: what the legend calls it.
    """

    steps: NDArray[Any]
    history: History
    objective: str
    label: str


def haunted(figure: Figure, ghosts: Sequence[Ghost], dashes: Mapping[str, str]) -> Figure:
    """The figure with the ghosts' curves behind its own, and axes that hold both from the first step on.

    Args:
        figure: curves over steps.
        ghosts: newest first.
        dashes: name in the history -> dash of its curve.
    """
    traces = [trace for age, ghost in enumerate(ghosts) for trace in _traces(ghost, age, dashes)]
    if not traces or not figure["data"]:
        return figure
    layout = dict(figure["layout"])
    shown = [trace for trace in figure["data"] if trace.get("showlegend", True)]
    low, high = _extent([*traces, *shown])
    room = _ROOM * max(high - low, 1e-9)
    last = max(float(np.max(trace["x"])) for trace in [*traces, *shown])
    asked = (layout["xaxis"].get("range") or [0.0, 0.0])[1]
    layout["xaxis"] = {k: v for k, v in layout["xaxis"].items() if k != "rangemode"} | {"range": [0, max(last, asked)]}
    layout["yaxis"] = dict(layout["yaxis"]) | {"range": [low - room, high + room]}
    return {"data": [*traces, *figure["data"]], "layout": layout}


def marked(figure: Figure, step: int) -> Figure:
    """Curves over steps with an upright line at the step that is looked back at."""
    line_at = {
        "type": "line",
        "x0": step,
        "x1": step,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": INK, "width": 2, "dash": "dot"},
    }
    layout = dict(figure["layout"])
    return {"data": figure["data"], "layout": layout | {"shapes": [*layout.get("shapes", ()), line_at]}}


def _traces(ghost: Ghost, age: int, dashes: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for place, (name, dash) in enumerate(dashes.items()):
        values = ghost.history.get(name)
        if values is None or len(ghost.steps) < 2 or np.isnan(values).all():
            continue
        middle = median(values)
        keep = thin(middle, 160)
        found.append(
            line(
                np.asarray(ghost.steps)[keep],
                middle[keep],
                ghost.label,
                loss_colour(ghost.objective),
                dash=dash,
                width=1.3,
                opacity=_OPACITY * _FADING**age,
                showlegend=not place and not age,
                hoverinfo="skip",
                hovertemplate=None,
                meta="ghost",
            )
        )
    return found


def _extent(traces: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    values = np.concatenate([np.asarray(trace["y"], dtype=float) for trace in traces])
    return float(np.nanmin(values)), float(np.nanmax(values))
