"""Arrays to Plotly figures: pure functions, no framework.

A figure is a mapping with ``data`` and ``layout``, ready for the live chart;
``plotly.graph_objects.Figure(resolve(figure))`` makes a Figure object of it. (Building Figure objects several times a
second would cost the training thread its time: their validation takes tens of milliseconds.)
"""

from app.figures.circuit import circuit_diagram, diagram_height
from app.figures.curves import GAPS, band, gap_curves, gap_name, line, loss_curves, median, spread
from app.figures.layout import FONT, axis, layout, message, named
from app.figures.palette import CLASSES, INK, MUTED, RIVAL, SYMBOLS, TOKENS, loss_colour, translucent
from app.figures.plain import Figure, plain, resolve, thin
from app.figures.predictions import (
    confusion,
    confusion_counts,
    cost_histogram,
    decision_boundary,
    extent,
    points,
)
from app.figures.strings import index_of, marginal_bars, weight_rows

__all__ = [
    "CLASSES",
    "FONT",
    "GAPS",
    "INK",
    "MUTED",
    "RIVAL",
    "SYMBOLS",
    "TOKENS",
    "Figure",
    "axis",
    "band",
    "circuit_diagram",
    "confusion",
    "confusion_counts",
    "cost_histogram",
    "decision_boundary",
    "diagram_height",
    "extent",
    "gap_curves",
    "gap_name",
    "index_of",
    "layout",
    "line",
    "loss_colour",
    "loss_curves",
    "marginal_bars",
    "median",
    "message",
    "named",
    "plain",
    "points",
    "resolve",
    "spread",
    "thin",
    "translucent",
    "weight_rows",
]
