"""The decision boundary of a two-input problem: class probabilities and uncertainty on a grid."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.predictive import Predictive, Uncertainty
from qhn_core.checks import check_int
from qhn_core.errors import Unsupported
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


#: Most memory for the predictions of all functions on the grid; the grid gets coarser, down to 24 points a side.
MAX_BYTES = 96_000_000
COARSEST = 24


class Boundary(NamedTuple):
    """Values on the grid, row r at ``DecisionGrid.y[r]`` and column c at ``DecisionGrid.x[c]``."""

    proba: Array  #: E_q p(y|x,w), (rows, columns, C)
    entropy: Array  #: of ``proba``, nats, (rows, columns)
    mutual_information: Array  #: the part of it from not knowing w, nats, (rows, columns)


class DecisionGrid:
    """A grid over the plane of a problem's two inputs.

    Args:
        problem: with two input features.
        resolution: points along each side; fewer for networks with very many different functions.
        margin: how far the grid reaches beyond the data, as a fraction of their range.
    """

    def __init__(self, problem: Problem, *, resolution: int = 48, margin: float = 0.1) -> None:
        data = problem.dataset
        if problem.network is None or data is None or data.n_features != 2:
            raise Unsupported("A decision boundary can be drawn for two input features; see the confusion matrix.")
        check_int("resolution", resolution, low=2, high=512)
        points = np.concatenate([data.x_train, data.x_test])
        low, high = points.min(axis=0), points.max(axis=0)
        reach = margin * np.maximum(high - low, 1e-9)
        if problem.table is not None:
            table = problem.network.functions(points[:COARSEST])
            columns = table.n_classes if table.n_classes > 2 else 1
            affordable = int(np.sqrt(MAX_BYTES / (8 * table.n_functions * columns)))
            resolution = min(resolution, max(COARSEST, affordable))
        self.x, self.y = np.linspace(low - reach, high + reach, resolution).T
        self.points = np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2)
        self._predictive = Predictive(problem, x=self.points, max_bytes=MAX_BYTES)

    def of(self, q: ArrayLike) -> Boundary:
        """From exact q (2**N,)."""
        return self._shaped(self._predictive.uncertainty(np.asarray(q)[None]))

    def of_drawn(self, bits: ArrayLike) -> Boundary:
        """From drawn strings (S, N)."""
        return self._shaped(self._predictive.drawn_uncertainty(np.asarray(bits)[None]))

    def _shaped(self, found: Uncertainty) -> Boundary:
        size = (len(self.y), len(self.x))
        return Boundary(
            found.proba[0].reshape(*size, -1),
            found.entropy[0].reshape(size),
            found.mutual_information[0].reshape(size),
        )
