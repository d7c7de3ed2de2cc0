"""Mean-field variational Bayes: the product distribution with the largest ELBO, by coordinate ascent.

For q(w) = Π_i Bernoulli(r_i) the optimum of one coordinate, others fixed, is
logit r_i = logit ρ_i − (E[ℓ | w_i = 1] − E[ℓ | w_i = 0]) / β; each update raises the ELBO (β = 1) or its tempered form.
Source: Blei, Kucukelbir, McAuliffe, arXiv:1601.00670 (coordinate ascent variational inference).
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, product_distribution, replica_rng
from qhn_core.baselines.trail import Trail, beside
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


@BASELINES.register
class MeanField(BaselineConfig):
    """Coordinate ascent from random rates, to convergence."""

    label: ClassVar[str] = "Mean-field Bernoulli"
    name: Literal["mean_field"] = "mean_field"
    beta: float = Field(1.0, gt=0.0, le=100.0, description="Weight β of KL(q‖π) in the objective")
    sweeps: int = Field(200, ge=1, le=10_000, description="Largest number of sweeps over all bits")
    tolerance: float = Field(1e-10, gt=0.0, le=0.1, description="Stop when no rate moves by more in a sweep")

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """The table is enumerated once; every sweep reads it again and spends no further evaluation."""
        start = time.perf_counter()
        prior_rates = problem.prior.rates(problem.n_bits)
        prior_logit = np.log(prior_rates) - np.log1p(-prior_rates)
        rates = np.stack([replica_rng(seed, r).random(problem.n_bits) for r in range(replicas)])
        trails = [self._ascend(rate, problem.nll, prior_logit) for rate in rates]
        return Rival(
            self.name,
            product_distribution(rates),
            2**problem.n_bits,
            time.perf_counter() - start,
            notes="Reads the enumerated table in every sweep.",
            trail=beside(trails),
        )

    def _ascend(self, rate: Array, nll: Array, prior_logit: Array) -> Trail:
        """Coordinate ascent in place; the trail counts sweeps."""
        visited = [rate.copy()]
        for _ in range(self.sweeps):
            largest = 0.0
            for i in range(len(rate)):
                zero, one = conditional_means(nll, rate, i)
                logit = prior_logit[i] - (one - zero) / self.beta
                new = 1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0)))
                largest = max(largest, abs(new - rate[i]))
                rate[i] = new
            visited.append(rate.copy())
            if largest < self.tolerance:
                break
        return Trail(np.arange(len(visited)), "sweeps", np.stack(visited)[:, None])


def conditional_means(table: Array, rate: Array, i: int) -> tuple[float, float]:
    """(E[f | w_i = 0], E[f | w_i = 1]) under the product of the other bits' rates, from f's table of 2**N values."""
    tail = table
    for r in rate[:i]:
        half = tail.reshape(2, -1)
        tail = (1.0 - r) * half[0] + r * half[1]
    pair = tail.reshape(2, -1)
    for r in rate[:i:-1]:
        pair = pair.reshape(2, -1, 2) @ np.array([1.0 - r, r])
    return float(pair[0, 0]), float(pair[1, 0])
