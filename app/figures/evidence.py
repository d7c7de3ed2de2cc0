"""The evidence ceiling of a race: every ELBO climbing to log p(D)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from app.figures.layout import FONT, TWO_ROWS
from app.figures.palette import INK, PAPER
from app.figures.plain import Figure
from app.figures.race import Side, View, short_names
from app.figures.race_curves import ends, race_curves
from app.figures.rules import across, note
from qhn_core.metrics import METRICS


def evidence_ceiling(
    sides: Sequence[Side], *, log_evidence: float, kl: Mapping[str, float], view: View, shifted: bool
) -> Figure:
    """Each contender's ELBO climbing to the log evidence; the gap is KL(q‖posterior).

    Args:
        sides: values are ELBOs in nats, (T, B), each start shifted to the common ceiling where they differ.
        log_evidence: the ceiling log p(D), nats.
        kl: contender -> median over starts of the KL at the step looked at, nats: what its curve lacks to the ceiling.
        view: axes and options.
        shifted: whether starts have different data, and so different ceilings.
    """
    title = "Evidence ceiling: log p(D) − ELBO = KL(q‖posterior)"
    shown = [side for side in sides if len(side.x)]
    names = short_names([side.title for side in shown])
    said = _said(shown)
    named = [
        replace(side, legend=f"{name}: {said}KL {_number(kl, side)}") for side, name in zip(shown, names, strict=True)
    ]
    plain_view = View(view.x, view.log_x, False, view.smoothing, view.seeds, view.total, view.step)
    figure = race_curves(named, title=title, unit="nats", view=plain_view)
    if not named or not figure["data"]:
        return figure
    shape = figure["layout"]
    shape["shapes"].append(across(log_evidence, INK, "solid", 2.5) | {"layer": "above"})
    words = "mean log p(D)" if shifted else "log p(D)"
    notes = [note(f"<b>{words} = {log_evidence:.2f}</b>".replace("-", "−"), 0.01, log_evidence, "left", "bottom")]
    best = min(named, key=lambda s: _last_gap(s, log_evidence))
    gap = _gap_arrow(best, log_evidence, kl, log_x=view.log_x)
    lowest = min(float(np.nanmin(ends(s.values[[0, -1, s.at % len(s.x)]])[0])) for s in named)
    room = max(log_evidence - lowest, 1e-3)
    shape["yaxis"]["range"] = [lowest - 0.08 * room, log_evidence + 0.16 * room]
    shape["annotations"] = [*shape["annotations"], *notes, *gap]
    shape["margin"]["t"] = max(TWO_ROWS, shape["margin"]["t"])
    return figure


def _said(sides: Sequence[Side]) -> str:
    """The word before a KL that is one of several starts'."""
    return "median " if max((side.values.shape[1] for side in sides), default=1) > 1 else ""


def _number(kl: Mapping[str, float], side: Side) -> str:
    return METRICS["kl_posterior"].text(kl.get(side.title, np.nan))


def _last_gap(side: Side, ceiling: float) -> float:
    return ceiling - float(np.nanmedian(side.values[side.at % len(side.x)]))


def _gap_arrow(side: Side, ceiling: float, kl: Mapping[str, float], *, log_x: bool) -> list[dict[str, Any]]:
    """A double arrow between the nearest curve and the ceiling, with the gap's number; none left of a log axis."""
    at = side.at % len(side.x)
    x, y = float(side.x[at]), float(np.nanmedian(side.values[at]))
    late = x > 0.5 * float(side.x[-1] or 1.0)
    if log_x:
        if x <= 0.0:
            return []
        x = float(np.log10(x))  # annotations, unlike shapes, are placed in the axis' own coordinate
    arrow = {
        "x": x, "y": ceiling, "ax": x, "ay": y, "axref": "x", "ayref": "y", "text": "",
        "showarrow": True, "arrowhead": 2, "arrowside": "end+start", "arrowwidth": 2, "arrowcolor": INK,
    }  # fmt: skip
    label = {
        "text": f"{_said([side])}KL(q‖posterior) = {_number(kl, side)} nats",
        "x": x,
        "xanchor": "right" if late else "left",
        "xshift": -8 if late else 8,
        "y": 0.5 * (y + ceiling),
        "yanchor": "middle",
        "showarrow": False,
        "font": {"size": FONT, "color": INK},
        "bgcolor": PAPER,
        "opacity": 0.9,
    }
    return [arrow, label]
