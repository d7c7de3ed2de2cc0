"""Exact Bayes: predictions averaged under the enumerated posterior, the target of the ELBO."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival
from qhn_core.problems.problem import Problem


@BASELINES.register
class ExactBayes(BaselineConfig):
    """p(w|D) = exp(log π(w) − ℓ(w) − log Z) over all 2**N strings."""

    label: ClassVar[str] = "Exact Bayes (enumerated)"
    name: Literal["exact_bayes"] = "exact_bayes"
    stochastic: ClassVar[bool] = False
    needs_table: ClassVar[bool] = True
    trailless: ClassVar[str] = "averages over all strings at once"

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """All replicas end alike."""
        start = time.perf_counter()
        probs = np.repeat(problem.posterior[None, :], replicas, axis=0)
        return Rival(self.name, probs, 2**problem.n_bits, time.perf_counter() - start)
