"""The prediction film: the vote of all networks, exact Bayes, the best string, and single networks, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app import figures
from app.pictures import Built, Moment, predictions
from qhn_core.analysis.film import followed
from qhn_core.bitstrings import from_index

#: Single networks that are followed.
FOLLOWED = 3
#: Name of each picture -> its title.
CAST = {
    "average": "Vote of all networks",
    "bayes": "Exact Bayes",
    "best": "Best string",
    **{f"drawn{k}": f"Drawn network {k + 1}" for k in range(FOLLOWED)},
}


def film(moment: Moment, who: str) -> Built:
    """One picture of the film, in the form that suits the data: a boundary, or a confusion matrix."""
    draw = predictions(moment.config)[1]
    if who == "average":
        return _quiet(draw, replace(moment, title=CAST[who]))
    if who == "bayes":
        table = moment.problem.table
        if table is None:
            return figures.message(CAST[who], "Too many strings to enumerate"), "Exact Bayes: not known."
        return _quiet(draw, replace(moment, q=moment.problem.posterior, title=CAST[who], name="all 2^N weighed"))
    if who == "best":
        return _alone(draw, moment, best_string(moment), CAST[who], "lowest loss on the training data")
    string = networks(moment)[int(who.removeprefix("drawn"))]
    return _alone(draw, moment, string, CAST[who], pattern(string))


def networks(moment: Moment) -> NDArray[np.uint8]:
    """The networks that are followed through training, (FOLLOWED, N)."""
    if moment.q is None:
        return moment.draws[:FOLLOWED]
    return followed(moment.q, count=FOLLOWED, seed=moment.config.seed)


def best_string(moment: Moment) -> NDArray[np.uint8]:
    """The string of lowest training loss: of all where they are enumerated, else of those drawn."""
    if moment.problem.table is not None:
        return from_index(moment.problem.best[0], moment.problem.n_bits)
    return moment.draws[int(np.argmin(moment.problem.nll_at(moment.draws)))]


def pattern(string: NDArray[np.uint8], most: int = 20) -> str:
    """A string as signs, cut where it is long."""
    signs = "".join("+" if bit else "−" for bit in string[:most])
    return signs if len(string) <= most else f"{signs}…"


def _alone(draw: Callable[[Moment], Built], moment: Moment, string: NDArray[np.uint8], title: str, name: str) -> Built:
    """The predictions of one network."""
    return _quiet(draw, replace(moment, q=None, draws=string[None], title=title, name=name))


def _quiet(draw: Callable[[Moment], Built], moment: Moment) -> Built:
    """A picture without a legend, as six of them stand together."""
    figure, text = draw(moment)
    layout = dict(figure["layout"]) | {"showlegend": False}
    layout["margin"] = dict(layout["margin"]) | {"t": 32}
    return {"data": figure["data"], "layout": layout}, f"{moment.title}. {text}"
