"""Score-function estimator with leave-one-out baseline, in simulation.

∂L = E_{w~q} g(w) ∂ log q(w) ≈ (1/S) Σ_s (g_s − b_s) ∂ log q(w_s), b_s the mean of the other g (Williams, 1992; Kool et
al., "Buy 4 REINFORCE samples, get a baseline for free", 2019). The sum is the gradient of the diagonal observable
Σ_s (g_s − b_s) / (S q(w_s)) 1_{w_s}, so one adjoint sweep gives it whatever S. ℓ is evaluated on drawn strings only,
so networks too large to enumerate can be trained; q(w) of a drawn string is known, so the ELBO can be too.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import AMPLITUDE_OF_SAMPLE, GRADIENT, PROBABILITIES, Engine
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate, EstimatorConfig
from qhn_core.estimators.draws import draw_from
from qhn_core.kernels import unpack
from qhn_core.objectives.base import ObjectiveConfig, Sampled
from qhn_core.problems.problem import Problem


class _Drawn(NamedTuple):
    bits: NDArray[np.uint8]
    log_q: Array
    sampled: Sampled


@ESTIMATORS.register
class ScoreFunction(EstimatorConfig):
    """Unbiased gradient from drawn strings and their scores; simulation only, and fit for 21 to 24 bits."""

    label: ClassVar[str] = "Score function (simulation)"
    name: Literal["score_function"] = "score_function"

    shots: int = Field(1024, ge=2, le=1_000_000, description="Strings drawn for each replica and step")

    def requires(self, objective: ObjectiveConfig) -> frozenset[str]:
        """A simulator: probabilities and the gradient of a diagonal, and log q of drawn strings for the ELBO."""
        known = {AMPLITUDE_OF_SAMPLE} if objective.needs_log_q else set()
        return frozenset({PROBABILITIES, GRADIENT, *known})

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """One execution a replica; twice the shots, as an inner batch is drawn where the objective needs one."""
        return replicas, 2 * replicas * self.shots

    def estimate(
        self,
        *,
        engine: Engine,
        circuit: Circuit,
        theta: Array,
        objective: ObjectiveConfig,
        problem: Problem,
        step: int,
        rng: np.random.Generator,
    ) -> Estimate:
        """Unbiased loss and gradient at theta (B, P)."""

        def diagonal(q: Array) -> tuple[Array, _Drawn]:
            index = draw_from(q, self.shots, rng)
            bits = unpack(index, circuit.n_qubits)
            inner = unpack(draw_from(q, self.shots, rng), circuit.n_qubits) if objective.needs_inner else None
            probs = np.take_along_axis(q, index, axis=1)
            log_q = np.log(probs)
            g = objective.diagonal_at(bits, problem, step, inner=inner, log_q=log_q)
            advantage = (g - g.mean(axis=1, keepdims=True)) / (self.shots - 1.0)
            weights = np.zeros(q.shape)
            for b in range(q.shape[0]):
                np.add.at(weights[b], index[b], advantage[b] / probs[b])
            return weights, _Drawn(bits, log_q, objective.estimate(bits, problem, step, log_q=log_q))

        found = engine.evaluate(circuit, theta, diagonal)
        bits, log_q, sampled = found.aux
        known = found.probs if getattr(problem, "nll", None) is not None else None
        return Estimate(sampled.value, sampled.terms, found.gradient, probs=known, bits=bits, log_q=log_q)
