"""A race as its figures see it: contenders with their looks and values, and how the reader wants to see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.figures.palette import loss_colour

Array = NDArray[np.float64]

_DASHES = ("solid", "dashdot", "dot", "longdash")
#: Most letters of a name in a legend; width of a legend, of an entry without its name, and of a letter, pixels.
_LONGEST, _WIDTH, _ENTRY, _LETTER = 19, 350.0, 45.0, 5.7
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")


@dataclass(frozen=True)
class Style:
    """How a contender looks in every plot: colour by its loss; the second of a loss has another dash and marker."""

    colour: str
    dash: str
    symbol: str


@dataclass(frozen=True, eq=False)
class Side:
    """One contender's values of one quantity.

    Args:
        title: its name.
        style: its look.
        x: steps or seconds of the logged steps, (T,).
        values: (T, B).
        at: index into x of the step that is looked at; −1 for the newest.
        legend: what the legend says; by default the title, cut where it is long.
    """

    title: str
    style: Style
    x: Array
    values: Array
    at: int = -1
    legend: str = ""


@dataclass(frozen=True)
class View:
    """What the reader chose.

    Args:
        x: title of the horizontal axis, ``step`` or ``seconds``.
        log_x, log_y: logarithmic axes; what is not positive is left out.
        smoothing: weight of the moving average, 0 … 1.
        seeds: whether every start is drawn, a seed each.
        total: steps of the whole race, in view while nothing is logged; 0 for seconds.
        step: the step looked at, which vertical lines mark; None for none.
    """

    x: str = "step"
    log_x: bool = False
    log_y: bool = False
    smoothing: float = 0.0
    seeds: bool = False
    total: int = 0
    step: float | None = None


def styles(objectives: Sequence[str]) -> list[Style]:
    """A look for each contender, told apart by colour between losses and by dash within one."""
    seen: dict[str, int] = {}
    found = []
    for name in objectives:
        k = seen[name] = seen.get(name, -1) + 1
        found.append(Style(loss_colour(name), _DASHES[k % 4], _SYMBOLS[k % 4]))
    return found


def short_names(titles: Sequence[str]) -> list[str]:
    """Titles for a legend, the long ones cut where that leaves them distinct."""
    cut = [title if len(title) <= _LONGEST else f"{title[:_LONGEST].rsplit(' ', 1)[0]}…" for title in titles]
    return cut if len(set(cut)) == len(cut) else list(titles)


def legend_rows(names: Sequence[str]) -> int:
    """Rows that a legend of a chart of half the page's width takes: one, or columns of equal width."""
    widths = [_ENTRY + _LETTER * len(name) for name in names]
    if sum(widths) <= _WIDTH:
        return 1
    return -(-len(names) // max(1, int(_WIDTH // max(widths))))
