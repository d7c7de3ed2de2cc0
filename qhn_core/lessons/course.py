"""A run as far as it has come, for the pictures of a lesson."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.config import RunConfig

Array = NDArray[np.float64]
#: Metrics whose course is kept, each the median over starts.
METRICS = (
    "loss",
    "nll_train",
    "nll_test",
    "predictive_nll_train",
    "predictive_nll_test",
    "accuracy_train",
    "accuracy_test",
    "entropy_bits",
    "effective_networks",
    "kl_prior",
    "kl_posterior",
    "mmd2",
    "elbo",
    "grad_norm",
)


@dataclass(eq=False)
class Course:
    """One contender's run so far."""

    name: str
    config: RunConfig
    setup: trainer.Setup
    steps: list[int] = field(default_factory=list)
    rows: list[dict[str, Array]] = field(default_factory=list)
    theta: Array | None = None
    probs: Array | None = None

    def metric(self, name: str) -> Array:
        """Median over starts at each logged step, (T,)."""
        if name == "effective_networks":
            return np.array([np.median(np.exp2(row["entropy_bits"])) for row in self.rows])
        return np.array([np.median(row[name]) for row in self.rows])

    @cached_property
    def grid(self) -> DecisionGrid:
        """Where its predictions are drawn; for two inputs only."""
        return DecisionGrid(self.setup.problem, resolution=40)

    def middle(self) -> int:
        """The start of median final loss."""
        losses = self.rows[-1]["loss"]
        return int(np.argsort(losses, kind="stable")[(len(losses) - 1) // 2])
