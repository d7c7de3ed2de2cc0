"""Score-function estimator with leave-one-out baseline, in simulation.

∂L = E_{w~q} g(w) ∂ log q(w) ≈ (1/S) Σ_s (g_s − b_s) ∂ log q(w_s), b_s the mean of the other g (Williams, 1992; Kool et
al., "Buy 4 REINFORCE samples, get a baseline for free", 2019). The engine draws and scores; ℓ is evaluated on drawn
strings only, so networks too large to enumerate can be trained; q(w) of a drawn string is known, so the ELBO can be
too.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import LOG_Q
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate, EstimatorConfig, Work
from qhn_core.objectives.base import ObjectiveConfig

#: Strings a step where none are asked for: up to so many bits, and beyond.
MANY_DRAWS, FEW_DRAWS, FEW_BEYOND = 1024, 8, 24


@ESTIMATORS.register
class ScoreFunction(EstimatorConfig):
    """Unbiased gradient from drawn strings and their scores; simulation only, and fit for networks of any size."""

    label: ClassVar[str] = "Score function (simulation)"
    name: Literal["score_function"] = "score_function"

    shots: int | None = Field(
        None,
        ge=2,
        le=1_000_000,
        description="Strings drawn for each replica and step; not set: 1024 up to 24 bits, 8 beyond",
    )

    def requires(self, objective: ObjectiveConfig) -> frozenset[str]:
        """A simulator that draws strings and scores them."""
        return frozenset({LOG_Q})

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """One execution a replica; twice the shots, as an inner batch is drawn where the objective needs one."""
        return replicas, 2 * replicas * self.draws_on(circuit)

    def draws_on(self, circuit: Circuit) -> int:
        """Strings drawn for each replica and step: few where ℓ is dear, as many steps then beat many draws."""
        return self.shots or (MANY_DRAWS if circuit.n_qubits <= FEW_BEYOND else FEW_DRAWS)

    def estimate(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> Estimate:
        """Unbiased loss and gradient at theta (B, P)."""
        engine, circuit, objective, problem = work
        shots = self.draws_on(circuit)
        bits, log_q = engine.draw(circuit, theta, shots, rng)
        inner = engine.draw(circuit, theta, shots, rng)[0] if objective.needs_inner else None
        g = objective.diagonal_at(bits, problem, step, inner=inner, log_q=log_q)
        advantage = (g - g.mean(axis=1, keepdims=True)) / (shots - 1.0)
        gradient = engine.score(circuit, theta, bits, advantage)
        sampled = objective.sampled(bits, problem, step, log_q=log_q)
        return Estimate(sampled.value, sampled.terms, gradient, bits=bits, log_q=log_q)
