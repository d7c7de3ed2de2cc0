"""What a class answered: bars of how often, or all drawn curves in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from app.figures.layout import axis, layout, message
from app.figures.palette import INK, MUTED
from app.figures.plain import Figure

#: Characters of an answer that its bar carries; the rest shows when one points at it.
_LONGEST = 46


def answer_bars(counts: Mapping[str, int], *, right: str | None = None) -> Figure:
    """One bar an answer, the first on top.

    Args:
        counts: answer -> how often it was given.
        right: the right one, drawn full, once the run is revealed.
    """
    if not counts:
        return message("Answers", "No answers yet")
    names = list(counts)
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": list(counts.values()),
        "y": [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names],
        "customdata": names,
        "hovertemplate": "%{customdata}: %{x}<extra></extra>",
        "text": [str(n) for n in counts.values()],
        "marker": {"color": INK, "opacity": [1.0 if right in (None, name) else 0.35 for name in names]},
    }
    x = axis("answers", rangemode="tozero", dtick=max(1, max(counts.values()) // 6))
    y = axis(autorange="reversed", showgrid=False)
    return {"data": [bars], "layout": layout("Answers", x=x, y=y, legend=False, hovermode="closest", bargap=0.35)}


def answer_curves(
    curves: Sequence[Sequence[float]],
    places: Sequence[float],
    *,
    low: float,
    high: float,
    truth: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Figure:
    """All drawn curves as thin lines, and what happened as a thick one, once it is revealed."""
    if not curves:
        return message("Drawn curves", "No curves yet")
    lines = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(places),
            "y": list(heights),
            "showlegend": False,
            "line": {"color": MUTED, "width": 1.5},
            "opacity": 0.55,
            "hoverinfo": "skip",
        }
        for heights in curves
    ]
    middle = np.median(np.asarray(curves, dtype=np.float64), axis=0)
    lines.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(places),
            "y": middle,
            "name": "median of the class",
            "line": {"color": INK, "width": 3, "dash": "dash"},
        }
    )
    if truth is not None:
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": truth[0],
                "y": truth[1],
                "name": "what happened",
                "line": {"color": INK, "width": 4},
            }
        )
    return {"data": lines, "layout": layout("Drawn curves", x=axis("step"), y=axis(range=[low, high]))}
