"""All networks at once: train against test accuracy, and maps over the strings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, TWO_ROWS, axis, layout
from app.figures.palette import ACCENT, INK, MUTED, PAPER, loss_colour
from app.figures.plain import Figure
from qhn_core.analysis.galaxy import Galaxy

Array = NDArray[np.float64]
#: Diameter of a place that holds all mass, pixels, and of the smallest that is drawn.
_LARGEST, _SMALLEST = 60.0, 4.0
#: Places drawn, those with the most mass first.
_SHOWN = 1500


def galaxy_figure(galaxy: Galaxy, *, objective: str) -> Figure:
    """Every network by its training and test accuracy; area is probability under q, rings are the posterior's.

    A place above the diagonal does better on new examples than on those learned.
    """
    if np.isnan(galaxy.posterior).all():
        return _drawn(galaxy, objective)
    part = slice(0, _SHOWN)
    x, y, mass, exact = galaxy.train[part], galaxy.test[part], galaxy.mass[part], galaxy.posterior[part]
    all_places: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": galaxy.train[part],
        "y": galaxy.test[part],
        "name": "networks there are",
        "marker": {"color": MUTED, "size": 3, "opacity": 0.6},
        "hoverinfo": "skip",
    }
    colour = loss_colour(objective)
    cloud = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": "circuit q",
        "marker": {"color": colour, "size": _size(mass), "opacity": 0.75, "line": {"width": 0}},
        "customdata": np.stack([100 * mass, galaxy.networks[part].astype(float), 100 * exact], axis=1),
        "hovertemplate": "train %{x:.1%}, test %{y:.1%}<br>q %{customdata[0]:.3g} % on %{customdata[1]:.0f} networks"
        "<br>posterior %{customdata[2]:.3g} %<extra></extra>",
    }
    rings = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": "posterior",
        "marker": {"color": "rgba(0,0,0,0)", "size": _size(exact), "line": {"color": INK, "width": 1.3}},
        "hoverinfo": "skip",
    }
    train, test = galaxy.mean
    centre = _centre(galaxy, "mean of q", "a network drawn from q")
    shape = _shape(f"Galaxy of networks: gap of a drawn one {train - test:+.3f}")
    return {"data": [all_places, _same(galaxy), cloud, rings, centre], "layout": shape}


def _drawn(galaxy: Galaxy, objective: str) -> Figure:
    """The galaxy of drawn networks, where all are too many: area is the share of the draws."""
    part = slice(0, _SHOWN)
    size = np.maximum(_SMALLEST, _LARGEST * np.sqrt(galaxy.mass[part]))
    cloud = {
        "type": "scatter",
        "mode": "markers",
        "x": galaxy.train[part],
        "y": galaxy.test[part],
        "name": "drawn networks",
        "marker": {"color": loss_colour(objective), "size": size, "opacity": 0.6, "line": {"width": 0}},
        "customdata": np.stack([100 * galaxy.mass[part], galaxy.networks[part].astype(float)], axis=1),
        "hovertemplate": "train %{x:.1%}, test %{y:.1%}<br>%{customdata[0]:.3g} % of the draws, "
        "%{customdata[1]:.0f} different networks<extra></extra>",
    }
    train, test = galaxy.mean
    centre = _centre(galaxy, "their mean", "mean of the drawn")
    shape = _shape(f"Galaxy of drawn networks: gap of one ≈ {train - test:+.3f}")
    return {"data": [_same(galaxy), cloud, centre], "layout": shape}


def _centre(galaxy: Galaxy, name: str, words: str) -> dict[str, Any]:
    train, test = galaxy.mean
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [train],
        "y": [test],
        "name": name,
        "marker": {"color": INK, "symbol": "x", "size": 13},
        "hovertemplate": f"{words}: train %{{x:.1%}}, test %{{y:.1%}}<extra></extra>",
    }


def _shape(title: str) -> dict[str, Any]:
    axes = {"tickformat": ".0%"}
    title = title.replace("-", "−")
    shape = layout(title, x=axis("training accuracy", **axes), y=axis("test accuracy", **axes), hovermode="closest")
    shape["margin"]["t"] = TWO_ROWS
    shape["legend"]["itemsizing"] = "constant"  # a place's own size is its probability
    return shape


def _same(galaxy: Galaxy) -> dict[str, Any]:
    low = float(min(galaxy.train.min(), galaxy.test.min()))
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [low, 1.0],
        "y": [low, 1.0],
        "name": "train = test",
        "line": {"color": MUTED, "dash": "dot", "width": 1.5},
        "hoverinfo": "skip",
    }


def _size(mass: Array) -> Array:
    """Diameters whose areas are as the masses; nothing below a visible one is drawn."""
    size = _LARGEST * np.sqrt(np.maximum(mass, 0.0))
    return np.where(size >= _SMALLEST, size, 0.0)


def terrain(maps: Sequence[tuple[str, Array]], *, objective: str) -> Figure:
    """Maps over all strings in the order of Gray's code, side by side with one scale: logarithms of probabilities.

    Args:
        maps: (title, values as :func:`~qhn_core.analysis.galaxy.gray_map`), probabilities, all of one shape.
    """
    low, high = -8.0, max(-0.3, *(float(np.log10(max(values.max(), 1e-12))) for _, values in maps))
    traces: list[dict[str, Any]] = []
    shape = layout("Terrain over all strings: neighbours differ in one weight", legend=False, hovermode="closest")
    width = 1.0 / len(maps)
    notes = []
    for k, (title, values) in enumerate(maps):
        name = "" if k == 0 else str(k + 1)
        traces.append(
            {
                "type": "heatmap",
                "z": np.clip(np.log10(np.maximum(values, 1e-300)), low, high),
                "zmin": low,
                "zmax": high,
                "colorscale": [[0, PAPER], [1, loss_colour(objective) if k == 0 else INK if k == 1 else ACCENT]],
                "showscale": False,
                "xaxis": f"x{name}",
                "yaxis": f"y{name}",
                "name": title,
                "customdata": values,
                "hovertemplate": "%{customdata:.3~g}<extra></extra>",
            }
        )
        bare: dict[str, Any] = {"showgrid": False, "showticklabels": False, "ticks": ""}
        domain = [k * width + 0.01, (k + 1) * width - 0.01]
        shape[f"xaxis{name}"] = axis(domain=domain, anchor=f"y{name}", **bare)
        shape[f"yaxis{name}"] = axis(domain=[0, 0.92], anchor=f"x{name}", **bare)
        notes.append(
            {
                "text": title,
                "x": sum(domain) / 2,
                "y": 1.0,
                "xref": "paper",
                "yref": "paper",
                "showarrow": False,
                "xanchor": "center",
                "yanchor": "top",
                "font": {"size": FONT - 2, "color": INK},
            }
        )
    shape["annotations"] = notes
    return {"data": traces, "layout": shape}
