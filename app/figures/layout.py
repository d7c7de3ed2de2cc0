"""The look that all figures share: fonts for the back of a room, quiet grid, legend above the plot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.figures.palette import GRID, INK, MUTED

FONT = 14
#: Margin above a plot whose legend may take two rows, and what each further row takes, pixels.
TWO_ROWS, ROW = 80, 20
_EMPTY: Mapping[str, Any] = {}


def axis(title: str = "", **more: Any) -> dict[str, Any]:
    """An axis with a quiet grid."""
    return {
        "title": {"text": title, "font": {"size": FONT, "color": MUTED}, "standoff": 6},
        "tickfont": {"size": FONT - 1, "color": MUTED},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "automargin": True,
        **more,
    }


def small(words: str) -> str:
    """What follows a title in small letters, with the space before it, where a chart that is narrow breaks it."""
    return f" <span style='font-size:{FONT - 2}px'>{words}</span>" if words else ""


def named(figure: Mapping[str, Any], words: str) -> dict[str, Any]:
    """The figure with small words after its title, such as which start it shows."""
    shape = dict(figure["layout"])
    heading = dict(shape["title"])
    heading["text"] += small(words)
    return {"data": figure["data"], "layout": shape | {"title": heading}}


def captioned(along: Mapping[str, Any], *words: str) -> dict[str, Any]:
    """An axis whose title goes on in small letters: what lines and bands are. Empty words are left out."""
    said = small("; ".join(filter(None, words)))
    return {**along, "title": {**along["title"], "text": along["title"]["text"] + said}}


def layout(
    title: str,
    *,
    x: Mapping[str, Any] = _EMPTY,
    y: Mapping[str, Any] = _EMPTY,
    legend: bool = True,
    **more: Any,
) -> dict[str, Any]:
    """Layout with a title at the left, the legend under it, and hover along x."""
    return {
        "title": {
            "text": f"<b>{title}</b>",
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
            "pad": {"t": 6},
            "font": {"size": FONT + 1, "color": INK},
        },
        "font": {"size": FONT, "color": INK},
        "margin": {"l": 8, "r": 12, "t": 54 if legend else 32, "b": 8},
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "font": {"size": FONT - 1, "color": INK},
            "bgcolor": "rgba(0,0,0,0)",
            "itemwidth": 30,
            "traceorder": "normal",
        },
        "hovermode": "x unified",
        "hoverlabel": {"font": {"size": FONT - 1}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": dict(x) or axis(),
        "yaxis": dict(y) or axis(),
        **more,
    }


def message(title: str, text: str) -> dict[str, Any]:
    """A figure that says in words why there is nothing to plot."""
    hidden = axis(visible=False)
    note = {
        "text": text,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": FONT, "color": MUTED},
    }
    return {"data": [], "layout": layout(title, x=hidden, y=hidden, legend=False, annotations=[note])}
