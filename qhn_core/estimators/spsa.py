"""Simultaneous perturbation: ĝ = [L(θ + cΔ) − L(θ − cΔ)] / (2c) · Δ with random signs Δ (Spall, IEEE TAC 37, 1992).

Two circuits whatever the number of parameters; the bias is O(c²). Averaging over several Δ lowers the variance.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from qhn_core.circuits.circuit import Circuit
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate, Work
from qhn_core.estimators.draws import DeviceEstimator, chunks


@ESTIMATORS.register
class SPSA(DeviceEstimator):
    """All angles perturbed at once by ±c: two circuits a direction, whatever the number of parameters."""

    label: ClassVar[str] = "SPSA"
    name: Literal["spsa"] = "spsa"

    c: float = Field(0.1, gt=0.0, le=1.6, description="Size of the perturbation, radians")
    averages: int = Field(1, ge=1, le=1000, description="Random directions averaged in a step")

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """Two circuits per direction and one at θ, for each replica."""
        executions = replicas * (2 * self.averages + 1)
        return executions, executions * (self.shots or 0)

    def estimate(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> Estimate:
        """Loss at theta (B, P), and its gradient up to O(c²) in expectation."""
        self.requires(work.objective)
        signs = 2.0 * rng.integers(0, 2, size=(self.averages, *theta.shape)) - 1.0
        offsets = self.c * np.stack([signs, -signs], axis=1)  # (averages, 2, B, P)
        everywhere = np.concatenate([theta[None], (theta + offsets).reshape(2 * self.averages, *theta.shape)])
        estimates = self._losses(work, everywhere, step, rng)
        ends = np.stack([e.value for e in estimates[1:]]).reshape(self.averages, 2, theta.shape[0])
        slope = (ends[:, 0] - ends[:, 1]) / (2.0 * self.c)
        return estimates[0]._replace(gradient=(slope[..., None] * signs).mean(axis=0))

    def _losses(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> list[Estimate]:
        """Loss at each theta[k], for theta (K, B, P); one engine call for as many as fit."""
        engine, circuit, objective, problem = work
        (groups, replicas, n_params), n_qubits = theta.shape, circuit.n_qubits
        none = np.zeros((replicas, n_params))
        found: list[Estimate] = []
        per_call = max(1, next(chunks(1 << 30, n_qubits)).stop // replicas)
        for start in range(0, groups, per_call):
            part = theta[start : start + per_call]
            rows = part.reshape(part.shape[0] * replicas, n_params)
            if self.shots is None:
                for q in engine.probs(circuit, rows).reshape(-1, replicas, 1 << n_qubits):
                    exact = objective.exact(q, problem, step)
                    found.append(Estimate(exact.value, exact.terms, none, probs=q))
                continue
            drawn = engine.sample(circuit, rows, self.shots, rng)
            for bits in drawn.reshape(-1, replicas, self.shots, n_qubits):
                sampled = objective.sampled(bits, problem, step)
                found.append(Estimate(sampled.value, sampled.terms, none, bits=bits))
        return found
