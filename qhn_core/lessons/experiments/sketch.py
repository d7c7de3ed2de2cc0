"""Drawn networks as lines over two features: one, many, and what all say together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.bitstrings import from_index
from qhn_core.config import RunConfig
from qhn_core.errors import Unsupported
from qhn_core.lessons.experiments.base import EXPERIMENTS, ExperimentConfig
from qhn_core.lessons.outcome import Outcome, Plane, Watch
from qhn_core.lessons.trained import draw, trained

Array = NDArray[np.float64]
#: Places along each side of a picture, and of those that each of them stands for.
_PLACES, _FINE = 40, 4


@EXPERIMENTS.register
class Sketch(ExperimentConfig):
    """Train, draw some networks, and draw where each says one half.

    The data need two features and two classes.
    """

    label = "Drawn networks as lines"

    name: Literal["sketch"] = "sketch"
    networks: int = Field(12, ge=1, le=40, description="Networks drawn")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the draws")

    def values(self, config: RunConfig) -> tuple[str, ...]:
        """How many different networks were drawn, what share of the plane they disagree about, effective networks."""
        return ("networks", "different", "disputed", "effective", "weights", "strings")

    def pictures(self) -> tuple[str, ...]:
        """One network, several, and their vote."""
        return ("one", "many", "together")

    def measure(self, config: RunConfig, *, until: int | None, watch: Watch) -> Outcome:
        """Train and draw."""
        course, q = trained(config, watch)
        problem = course.setup.problem
        data = problem.dataset
        if data is None or data.n_features != 2 or data.n_classes != 2:
            raise Unsupported("Lines of networks can be drawn for two features and two classes.")
        rng = np.random.Generator(np.random.Philox(key=[self.seed, 1]))
        drawn = draw(q, self.networks, rng)
        grid = DecisionGrid(problem, resolution=_FINE * _PLACES)
        x, y = _coarse(grid.x), _coarse(grid.y)
        bits = from_index(drawn, problem.n_bits)
        says = np.stack([grid.of_drawn(string[None]).proba[:, :, 1] > 0.5 for string in bits])
        single = [_coarse(plane) for plane in says.astype(np.float64)]
        votes = says.mean(axis=0)
        plus = q[q > 0]
        numbers = {
            "networks": float(self.networks),
            "different": float(len(np.unique(drawn))),
            "disputed": float(np.mean((votes > 0.0) & (votes < 1.0))),
            "effective": float(np.exp(-(plus * np.log(plus)).sum())),
            "weights": float(problem.n_bits),
            "strings": float(q.size),
        }

        def plane(title: str, curves: list[np.ndarray], proba: np.ndarray | None) -> Plane:
            names = [str(name) for name in data.class_names] or ["0", "1"]
            return Plane(title, x, y, proba, data.x_train, data.y_train, names, ("component 1", "component 2"), curves)

        pictures = {
            "one": plane("One drawn network", single[:1], None),
            "many": plane(f"{self.networks} drawn networks", single, None),
            "together": plane("All networks together, weighed by q", single, _coarse(grid.of(q).proba[:, :, 1])),
        }
        return Outcome(numbers, pictures)


def _coarse(values: Array) -> Array:
    """Means over blocks of places: where a network changes its mind within one, its line goes through the middle.

    (Of ones and zeros alone a contour would be a staircase.)
    """
    block = max(1, len(values) // _PLACES)
    size = len(values) // block * block
    for axis in range(values.ndim):
        cut = np.moveaxis(values, axis, 0)[:size]
        values = np.moveaxis(cut.reshape(size // block, block, *cut.shape[1:]).mean(axis=1), 0, axis)
    return values
