"""Pictures for networks that read images: the weights of each unit as an image, and test images with what is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.figures.layout import FONT, axis, layout, message
from app.figures.palette import ACCENT, INK, MUTED, PAPER, RIVAL, SOFT
from app.figures.plain import Figure

Array = NDArray[np.float64]
#: Units and images shown at most.
MAX_UNITS, MAX_IMAGES = 40, 8
#: From weight −1 over undecided to +1, safe for the colour-blind on both themes.
_SIGNS = [[0.0, "#D55E00"], [0.5, SOFT], [1.0, "#0072B2"]]


def tiles(images: Array, *, columns: int, gap: int = 1) -> Array:
    """Images (k, height, width) side by side in rows of ``columns``, with a pixel of nothing (NaN) between them.

    Between two rows there are ``gap`` such pixels. The last row of pixels comes first, as heat maps are drawn from the
    bottom up.
    """
    count, height, width = images.shape
    rows = -(-count // columns)
    out = np.full((rows * (height + gap) - gap, columns * (width + 1) - 1), np.nan)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + gap), (k % columns) * (width + 1)
        out[top : top + height, left : left + width] = image
    return out[::-1]


def weight_maps(maps: Array, *, names: Sequence[str], title: str) -> Figure:
    """The weights from the inputs to each unit: −1 … +1, 0 where the sign is undecided.

    Args:
        maps: (units, side, side), images, each a mean or one network's weights; or (units, 1, inputs), a row a unit.
        names: of the units.
        title: what they are.
    """
    shown = maps[:MAX_UNITS]
    more = f" (first {len(shown)} of {len(maps)})" if len(maps) > len(shown) else ""
    images = maps.shape[1] == maps.shape[2]
    columns = 1 if not images else 4 if len(shown) <= 12 else 8
    gap = -(-3 * maps.shape[1] // 8) if images else 0  # room for a name above each image
    z = tiles(shown, columns=columns, gap=gap)
    trace = {
        "type": "heatmap",
        "z": z,
        "zmin": -1,
        "zmax": 1,
        "colorscale": _SIGNS,
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": "mean weight %{z:.2f}<extra></extra>",
    }
    words = "orange −1, faint 0, blue +1"
    if not images:
        at = np.arange(len(shown))
        x, y = axis(f"input; {words}", showgrid=False), axis("unit", showgrid=False)
        y |= {"tickvals": at, "ticktext": [str(name) for name in names[: len(shown)]][::-1]}
        return {
            "data": [trace],
            "layout": layout(f"{title}{more}", x=x, y=y, legend=False, hovermode="closest"),
        }
    side, rows = maps.shape[1], -(-len(shown) // columns)
    marks = [
        {
            "text": str(names[k]),
            "x": (k % columns) * (side + 1) - 0.5,
            "y": (rows - 1 - k // columns) * (side + gap) + side - 0.5,
            "xanchor": "left",
            "yanchor": "bottom",
            "xshift": -1,
            "yshift": -3,
            "showarrow": False,
            "font": {"size": FONT - 3, "color": INK},
        }
        for k in range(len(shown))
    ]
    x = axis(words, showticklabels=False, ticks="", showline=False, showgrid=False, constrain="domain")
    y = axis(visible=False, scaleanchor="x", constrain="domain", range=[-0.5, rows * (side + gap) - 0.5])
    figure_layout = layout(f"{title}{more}", x=x, y=y, legend=False, hovermode="closest", annotations=marks)
    return {"data": [trace], "layout": figure_layout}


def image_strip(
    images: Array, proba: Array, labels: NDArray[np.int64], *, class_names: Sequence[str], members: int
) -> Figure:
    """Test images, and under each the class probabilities that the drawn networks give together.

    Args:
        images: (k, side, side), in any units.
        proba: class probabilities, (k, C).
        labels: true classes, (k,).
        class_names: length C.
        members: networks averaged over.
    """
    if not len(images):
        return message("Test images", "No test examples")
    images, proba, labels = images[:MAX_IMAGES], proba[:MAX_IMAGES], labels[:MAX_IMAGES]
    count, names = len(images), [str(name) for name in class_names]
    low, high = images.min(axis=(1, 2), keepdims=True), images.max(axis=(1, 2), keepdims=True)
    picture = {
        "type": "heatmap",
        "z": tiles((images - low) / np.where(high > low, high - low, 1.0), columns=count),
        "colorscale": [[0, PAPER], [1, INK]],
        "showscale": False,
        "hoverinfo": "skip",
    }
    traces: list[dict[str, Any]] = [picture]
    side = images.shape[1]
    marks = []
    for k in range(count):
        said = int(np.argmax(proba[k]))
        right = said == labels[k]
        colours = [(ACCENT if c == labels[k] else RIVAL) for c in range(len(names))]
        start = k * (side + 1) - 0.5
        traces.append(
            {
                "type": "bar",
                "x": start + (np.arange(len(names)) + 0.5) * side / len(names),
                "y": proba[k],
                "width": 0.8 * side / len(names),
                "marker": {"color": colours},
                "yaxis": "y2",
                "customdata": names,
                "hovertemplate": f"true {names[labels[k]]}<br>P(%{{customdata}}) = %{{y:.2f}}<extra></extra>",
            }
        )
        marks.append(
            {
                "text": f"{names[said]} {'✓' if right else '✗, is ' + names[labels[k]]}",
                "x": start + side / 2,
                "y": 0,
                "yref": "paper",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": FONT - 1, "color": INK if right else MUTED},
            }
        )
    figure_layout = layout(
        f"Test images, mean of {members} drawn networks",
        x=axis(visible=False, range=[-0.5, count * (side + 1) - 1.5]),
        y=axis(visible=False, domain=[0.5, 1]),
        yaxis2=axis(domain=[0, 0.44], range=[0, 1], anchor="x", tickvals=[0, 0.5, 1], showgrid=False),
        legend=False,
        hovermode="closest",
        bargap=0,
        annotations=marks,
    )
    figure_layout["margin"] |= {"b": 26}
    return {"data": traces, "layout": figure_layout}
