"""Pictures of lessons as figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.figures.curves import line
from app.figures.layout import FONT, axis, layout
from app.figures.palette import ACCENT, DEVICE, INK, MUTED, PAPER, RIVAL, SECOND, loss_colour
from app.figures.plain import Figure
from app.figures.predictions import decision_boundary, points
from qhn_core.lessons.outcome import Bars, Lines, Plane
from qhn_core.objectives import OBJECTIVES

#: What a series belongs to -> its colour.
_COLOURS = {"rival": RIVAL, "ink": INK, "accent": ACCENT, "device": DEVICE, "second": SECOND}

#: Signs of a network's weights in a line, and what stands between them; letters of names side by side in all.
_SIGNS, _APART, _LETTERS = 5, "\u2004", 80
#: From so many powers of ten on, an axis has marks at these alone; and about how many marks it has at most.
_DECADES, _MARKS = 1.3, 6


def colour_of(name: str) -> str:
    """Colour of what a series belongs to."""
    return _COLOURS.get(name) or loss_colour(name)


def _words(name: str) -> str:
    """A series' name with losses as the field writes them: ``MLE train``."""
    known = OBJECTIVES.names()
    return " ".join(OBJECTIVES[word].short if word in known else word for word in name.split(" "))


def lines_figure(picture: Lines, ghosts: Sequence[Lines] = ()) -> Figure:
    """Curves, with those of runs before as thin grey ones behind them."""
    traces: list[dict[str, Any]] = []
    for ghost in ghosts:
        for series in ghost.series:
            dash = "dash" if series.dashed else "solid"
            name = f"before: {_words(series.name)}".removesuffix(": ")
            traces.append(line(series.x, series.y, name, MUTED, dash=dash, width=1.5, opacity=0.7))
    for series in picture.series:
        more: dict[str, Any] = {"dash": "dash" if series.dashed else "solid", "width": 3}
        if series.marked:
            more["mode"] = "lines+markers"
        name = _words(series.name) or picture.title
        traces.append(line(series.x, series.y, name, colour_of(series.colour), **more))
    x: dict[str, Any] = {} if picture.x_range is None or picture.log_x else {"range": list(picture.x_range)}
    ends = picture.y_range
    y: dict[str, Any] = {} if ends is None else {"range": list(np.log10(ends) if picture.log_y else ends)}
    x |= _log_axis([series.x for series in picture.series]) if picture.log_x else {}
    y |= _log_axis([series.y for series in picture.series]) if picture.log_y else {}
    shape = layout(picture.title, x=axis(picture.x, **x), y=axis(picture.y, **y), legend=len(traces) > 1)
    if picture.levels:
        shape["shapes"] = [_level(value) for value in picture.levels.values()]
        shape["annotations"] = [
            _name(k, v, log=picture.log_y, under=_over(picture, v)) for k, v in picture.levels.items()
        ]
        if picture.y_range is None and not picture.log_y:
            shape["yaxis"]["range"] = _reach(picture, ghosts)
    return {"data": traces, "layout": shape}


def _log_axis(values: Sequence[Any]) -> dict[str, Any]:
    """Powers of ten alone where there are several, and of many only some."""
    held = np.concatenate([np.asarray(part, dtype=float) for part in values])
    held = held[np.isfinite(held) & (held > 0.0)]
    decades = float(np.log10(held.max() / held.min())) if held.size else 0.0
    # Without a format Plotly writes 1p for 10⁻¹².
    apart = {"dtick": int(np.ceil(decades / _MARKS))} if decades >= _DECADES else {}
    return {"type": "log", "exponentformat": "power"} | apart


def bars_figure(picture: Bars) -> Figure:
    """Groups of bars side by side."""
    few, names = len(picture.categories) <= 8 and len(picture.groups) <= 2, [_broken(n) for n in picture.categories]
    level = _level_letters(names)
    traces = [
        {
            "type": "bar",
            "x": names if level else list(picture.categories),
            "y": values,
            "name": _words(name),
            "marker": {"color": [colour_of(c) for c in picture.each] or colour_of(colour)},
            "text": [f"{v:.3g}" for v in values] if few else None,
            "textposition": "auto",
            "hovertemplate": "%{y:.3g}",
        }
        for (name, values), colour in zip(picture.groups.items(), picture.colours, strict=False)
    ]
    x = axis(picture.x, type="category", showgrid=False, tickangle=0 if level else -35)
    y = axis(picture.y, rangemode="tozero")
    shape = layout(picture.title, x=x, y=y, legend=len(traces) > 1, bargap=0.2)
    if picture.levels:
        # Before the bars, and apart from their colours.
        shape["shapes"] = [_level(v) | {"line": {"color": DEVICE, "width": 3}} for v in picture.levels.values()]
        shape["annotations"] = [_name(k, v, log=False) | {"bgcolor": PAPER} for k, v in picture.levels.items()]
    return {"data": traces, "layout": shape}


def plane_figure(picture: Plane) -> Figure:
    """Data on a plane, boundaries of single networks as thin lines, and what all say together as shade."""
    names, no_points = list(picture.class_names), np.zeros((0, 2))
    if picture.proba is not None:
        proba = np.stack([1.0 - picture.proba, picture.proba], axis=-1)
        figure = decision_boundary(
            picture.grid_x,
            picture.grid_y,
            proba,
            x_train=picture.x,
            y_train=picture.y,
            x_test=no_points,
            y_test=np.zeros(0, dtype=np.int64),
            class_names=names,
            feature_names=picture.feature_names,
        )
        figure["layout"]["title"]["text"] = f"<b>{picture.title}</b>"
        figure["data"] = figure["data"][:1] + [_boundary(picture, z) for z in picture.curves] + figure["data"][1:]
        return figure
    traces = [_boundary(picture, z) for z in picture.curves] + points(picture.x, picture.y, names, kind="train")
    x, y = (axis(n, showgrid=False) for n in picture.feature_names)
    x["range"] = [float(picture.grid_x[0]), float(picture.grid_x[-1])]
    y["range"] = [float(picture.grid_y[0]), float(picture.grid_y[-1])]
    return {"data": traces, "layout": layout(picture.title, x=x, y=y, hovermode="closest")}


def _boundary(picture: Plane, z: Any) -> dict[str, Any]:
    return {
        "type": "contour",
        "x": picture.grid_x,
        "y": picture.grid_y,
        "z": z,
        "showscale": False,
        "showlegend": False,
        "hoverinfo": "skip",
        "name": "one drawn network",
        "contours": {"coloring": "none", "start": 0.5, "end": 0.5, "size": 1.0},
        "line": {"width": 2.5 if len(picture.curves) == 1 else 1.2, "color": INK},
    }


def _broken(name: str) -> str:
    """A bar's name in short lines: words one below the other; weights apart, as two minus signs look like one dash."""
    if set(name) <= {"+", "−"} and len(name) > 1:
        parts = [name[i : i + _SIGNS] for i in range(0, len(name), _SIGNS)]
        return "<br>".join(_APART.join(part) for part in parts)
    return name.replace(" ", "<br>")


def _level_letters(names: Sequence[str]) -> bool:
    """Whether names in so many lines stand side by side without being turned."""
    return len(names) * max((len(part) for name in names for part in name.split("<br>")), default=0) <= _LETTERS


def _level(value: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": INK, "width": 2, "dash": "dot"},
    }


def _over(picture: Lines, value: float) -> bool:
    """Whether all curves end above a level, so that its name stands below it."""
    return all(len(s.y) > 0 and s.y[-1] > value for s in picture.series)


def _name(name: str, value: float, *, log: bool, under: bool = False) -> dict[str, Any]:
    return {
        "text": f"{name} = {value:.3g}".replace("-", "−"),
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": float(np.log10(value)) if log else value,
        "yanchor": "top" if under else "bottom",
        "showarrow": False,
        "font": {"size": FONT, "color": INK},
    }


def _reach(picture: Lines, ghosts: Sequence[Lines]) -> list[float]:
    """A range that holds the level lines too, which Plotly does not look at."""
    everything = [s.y for p in (picture, *ghosts) for s in p.series] + [np.array(list(picture.levels.values()))]
    flat = np.concatenate([np.asarray(part, dtype=float) for part in everything])
    low, high = float(np.nanmin(flat)), float(np.nanmax(flat))
    pad = 0.1 * (high - low) or 1.0
    return [low - pad, high + pad]
