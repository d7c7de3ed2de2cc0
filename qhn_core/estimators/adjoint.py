"""Exact loss and gradient: one forward pass, the objective's diagonal, one adjoint sweep; O(P · 2^N) for any loss."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import PROBABILITIES
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate, EstimatorConfig, Work
from qhn_core.objectives.base import Exact, ObjectiveConfig


@ESTIMATORS.register
class Adjoint(EstimatorConfig):
    """Exact, by reversing the circuit on a simulator: ∂_θ L = ∂_θ Σ_w q(w) g(w) with g frozen."""

    label: ClassVar[str] = "Adjoint (exact)"
    name: Literal["adjoint"] = "adjoint"
    draws: ClassVar[bool] = False

    def requires(self, objective: ObjectiveConfig) -> frozenset[str]:
        """Exact probabilities and gradients of a diagonal observable."""
        return frozenset({PROBABILITIES})

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """One execution a replica, no shots."""
        return replicas, 0

    def estimate(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> Estimate:
        """Exact loss, terms and gradient at theta (B, P), and q beside them."""

        def diagonal(q: Array) -> tuple[Array, Exact]:
            exact = work.objective.exact(q, work.problem, step)
            return exact.diagonal, exact

        found = work.engine.evaluate(work.circuit, theta, diagonal)
        return Estimate(found.aux.value, found.aux.terms, found.gradient, probs=found.probs)
