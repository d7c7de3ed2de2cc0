"""Branches of a run: the loss of each from the step at which it left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.figures.curves import line, step_axis
from app.figures.layout import ROW, TWO_ROWS, axis, layout, message
from app.figures.palette import loss_colour
from app.figures.plain import Figure, thin

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


class Branch(NamedTuple):
    """One run of the tree."""

    name: str
    objective: str
    steps: NDArray[np.int64]  #: (T,), the first where it left
    loss: NDArray[np.float64]  #: (T,), median over starts, nats per example
    mine: bool  #: whether it is the one that the page shows


def tree(branches: Sequence[Branch], *, total: int) -> Figure:
    """The loss of each branch; colour is the loss, dashes tell branches of one loss apart, the shown one is thick."""
    drawn = [branch for branch in branches if len(branch.steps)]
    title = "Branches: loss per example, median over starts"
    if not drawn:
        return message(title, "No step logged yet")
    traces: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for branch in drawn:
        count = seen.setdefault(branch.objective, 0)
        seen[branch.objective] += 1
        keep = thin(branch.loss)
        colour = loss_colour(branch.objective)
        look = {"dash": _DASHES[count % len(_DASHES)], "width": 4 if branch.mine else 2}
        traces.append(line(branch.steps[keep].astype(np.float64), branch.loss[keep], branch.name, colour, **look))
    leaves = [branch for branch in drawn if branch.steps[0] > 0]
    if leaves:
        colours = [loss_colour(branch.objective) for branch in leaves]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [int(branch.steps[0]) for branch in leaves],
                "y": [float(branch.loss[0]) for branch in leaves],
                "marker": {"color": colours, "size": 11, "symbol": "diamond"},
                "name": "leaves here",
                "showlegend": False,
                "hoverinfo": "skip",
            }
        )
    x = step_axis(np.array([0, max(int(branch.steps[-1]) for branch in drawn)]), total)
    shape = layout(title, x=x, y=axis("loss, nats per example"))
    shape["legend"] |= {"orientation": "v"}
    shape["margin"]["t"] = TWO_ROWS + ROW * max(0, len(drawn) - 2)
    return {"data": traces, "layout": shape}
