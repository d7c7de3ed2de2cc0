"""Mean-field variational Bayes: the product distribution with the largest ELBO; by coordinate ascent over the table.

For q(w) = Π_i Bernoulli(r_i) the optimum of one coordinate, others fixed, is
logit r_i = logit ρ_i − (E[ℓ | w_i = 1] − E[ℓ | w_i = 0]) / β; each update raises the ELBO (β = 1) or its tempered form.
Without a table: :mod:`qhn_core.baselines.products`.
Source: Blei, Kucukelbir, McAuliffe, arXiv:1601.00670 (coordinate ascent variational inference).
"""

from __future__ import annotations

import time
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.baselines.base import BASELINES, BaselineConfig, Rival, of_products, replica_rng
from qhn_core.baselines.products import ascend_from_draws
from qhn_core.baselines.trail import Trail, beside
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


@BASELINES.register
class MeanField(BaselineConfig):
    """Coordinate ascent from random rates to convergence, several times; the start with the best objective is kept.

    Without a table: ascent by scores of drawn strings, which ends with its budget.
    """

    label: ClassVar[str] = "Mean-field Bernoulli"
    name: Literal["mean_field"] = "mean_field"
    beta: float = Field(1.0, gt=0.0, le=100.0, description="Weight β of KL(q‖π) in the objective")
    starts: int = Field(8, ge=1, le=1000, description="Random starts, of which the best is kept")
    sweeps: int = Field(200, ge=1, le=10_000, description="Largest number of sweeps over all bits")
    tolerance: float = Field(1e-10, gt=0.0, le=0.1, description="Stop when no rate moves by more in a sweep")

    evaluations: int = Field(8000, ge=4, le=10_000_000, description="Likelihood evaluations where there is no table")
    lr: float = Field(0.05, gt=0.0, le=10.0, description="Adam's first learning rate where there is no table")
    batch: int | None = Field(
        None, ge=1, le=10_000, description="Training examples of a step where there is no table; all if not set"
    )

    def fit(self, problem: Problem, *, replicas: int = 1, seed: int = 0) -> Rival:
        """The table is enumerated once; every sweep reads it again and spends no further evaluation."""
        start = time.perf_counter()
        if problem.table is None:
            trail = ascend_from_draws(
                problem,
                evaluations=self.evaluations,
                beta=self.beta,
                lr=self.lr,
                batch=self.batch,
                seed=seed,
                replicas=replicas,
            )
            seconds = time.perf_counter() - start
            return of_products(self.name, trail.rates[-1], int(trail.counts[-1]), seconds, trail=trail)
        prior_rates = problem.prior.rates(problem.n_bits)
        first = [replica_rng(seed, r).random((self.starts, problem.n_bits)) for r in range(replicas)]
        trails = [self._ascend(rates, problem.nll, prior_rates) for rates in first]
        return of_products(
            self.name,
            np.concatenate([trail.rates[-1] for trail in trails]),
            2**problem.n_bits,
            time.perf_counter() - start,
            notes=f"Reads the enumerated table in every sweep; the best of {self.starts} starts is kept.",
            trail=beside(trails),
        )

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """As many draws, where there is no table."""
        return self.model_copy(update={"evaluations": max(4, evaluations), "batch": batch})

    def _ascend(self, rates: Array, nll: Array, prior: Array) -> Trail:
        """Coordinate ascent of all starts (S, N) in place; the trail is that of the start which is best by then."""
        prior_logit = np.log(prior) - np.log1p(-prior)
        visited = [rates[np.argmin(self._objective(expected(nll, rates), rates, prior))].copy()]
        for _ in range(self.sweeps):
            before = rates.copy()
            for i in range(rates.shape[1]):
                zero, one = conditional_means(nll, rates, i)
                logit = prior_logit[i] - (one - zero) / self.beta
                rates[:, i] = 1.0 / (1.0 + np.exp(-np.clip(logit, -500.0, 500.0)))
            # The last coordinate's conditional means give E[ℓ] at the new rates.
            means = (1.0 - rates[:, -1]) * zero + rates[:, -1] * one
            visited.append(rates[np.argmin(self._objective(means, rates, prior))].copy())
            if np.abs(rates - before).max() < self.tolerance:
                break
        return Trail(np.arange(len(visited)), "sweeps", np.stack(visited)[:, None])

    def _objective(self, means: Array, rates: Array, prior: Array) -> Array:
        """E[ℓ] + β KL(q‖π) of each start, nats, (S,)."""
        return means + self.beta * bernoulli_kl(rates, prior).sum(axis=1)


def bernoulli_kl(rates: Array, prior: Array) -> Array:
    """KL(Bernoulli(r) ‖ Bernoulli(ρ)) elementwise, nats, with 0·log 0 = 0."""
    from scipy.special import xlogy

    return np.asarray(xlogy(rates, rates / prior) + xlogy(1.0 - rates, (1.0 - rates) / (1.0 - prior)))


def expected(table: Array, rates: Array) -> Array:
    """E[f] under the product of Bernoulli(rates), from f's table of 2**N values: rates (S, N) -> (S,)."""
    zero, one = conditional_means(table, rates, 0)
    return (1.0 - rates[:, 0]) * zero + rates[:, 0] * one


def conditional_means(table: Array, rates: Array, i: int) -> tuple[Array, Array]:
    """(E[f | w_i = 0], E[f | w_i = 1]) under the product of the other bits' rates, from f's table of 2**N values.

    Args:
        table: (2**N,).
        rates: P(bit = 1), one row a distribution, (S, N).
        i: the bit.

    Returns:
        Two arrays (S,).
    """
    tail = np.broadcast_to(table, (len(rates), len(table))) if i == 0 else table[None]
    for r in rates[:, :i].T:
        half = tail.reshape(len(tail), 2, -1)
        tail = (1.0 - r)[:, None] * half[:, 0] + r[:, None] * half[:, 1]
    pair = tail.reshape(len(tail), 2, -1)
    for r in rates[:, :i:-1].T:
        ends = pair.reshape(len(pair), 2, -1, 2)
        pair = (1.0 - r)[:, None, None] * ends[..., 0] + r[:, None, None] * ends[..., 1]
    return pair[:, 0, 0], pair[:, 1, 0]
