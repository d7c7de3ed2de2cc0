"""Parameter-shift rule: ∂_a L = ½ [E_{q(a+π/2)} g − E_{q(a−π/2)} g] for every angle a of RX, RY, RZ or IsingZZ.

Mitarai et al., arXiv:1803.00745; Schuld et al., arXiv:1811.11184. A parameter that occurs several times, or scaled,
gets the sum over its occurrences, each times its scale. The diagonal g is frozen at θ; from shots it is evaluated on
drawn strings only, and an expectation over q inside it (SELBO, KSD) comes from the batch drawn at θ itself, which is
independent of the shifted batches: the estimate is unbiased.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate
from qhn_core.estimators.draws import (
    DeviceEstimator,
    Indices,
    Unrolled,
    chunks,
    draw,
    occurrences,
    unroll,
)
from qhn_core.kernels import HISTOGRAM_BITS, compiled, unpack
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem


@ESTIMATORS.register
class ParameterShift(DeviceEstimator):
    """Two shifted circuits per angle, each with its own shots: unbiased, and runs on a device."""

    label: ClassVar[str] = "Parameter shift"
    name: Literal["parameter_shift"] = "parameter_shift"

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """Two circuits per occurrence of a parameter and one at θ, for each replica."""
        executions = replicas * (2 * occurrences(circuit) + 1)
        return executions, executions * (self.shots or 0)

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
        """Loss and gradient at theta (B, P); unbiased from shots, exact without."""
        self.requires(objective)
        unrolled = unroll(circuit)
        shifted = _shifted(unrolled.angles(theta))
        if self.shots is None:
            probs = engine.probs(circuit, theta)
            exact = objective.exact(probs, problem, step)
            means = _exact_means(engine, unrolled.circuit, shifted, exact.diagonal)
            return Estimate(exact.value, exact.terms, _gradient(means, unrolled, theta), probs=probs)
        bits = unpack(draw(engine, circuit, theta, self.shots, rng), circuit.n_qubits)
        sampled = objective.estimate(bits, problem, step)
        index = [
            draw(engine, unrolled.circuit, shifted[part], self.shots, rng)
            for part in chunks(shifted.shape[0], circuit.n_qubits)
        ]
        means = _sampled_means(np.concatenate(index), bits, objective, problem, step) if index else np.zeros(0)
        return Estimate(sampled.value, sampled.terms, _gradient(means, unrolled, theta), bits=bits)


def _shifted(angles: Array) -> Array:
    """Angles (B, O) -> (B·O·2, O): every occurrence shifted by +π/2, then by −π/2."""
    replicas, count = angles.shape
    rows = np.repeat(angles[:, None, None, :], 2, axis=2).repeat(count, axis=1)
    at = np.arange(count)
    rows[:, at, 0, at] += 0.5 * np.pi
    rows[:, at, 1, at] -= 0.5 * np.pi
    return rows.reshape(replicas * count * 2, count)


def _gradient(means: Array, unrolled: Unrolled, theta: Array) -> Array:
    pairs = means.reshape(theta.shape[0], unrolled.params.size, 2)
    return unrolled.pull_back(0.5 * (pairs[..., 0] - pairs[..., 1]), theta.shape[1])


def _exact_means(engine: Engine, circuit: Circuit, shifted: Array, diagonal: Array) -> Array:
    """E g of every shifted circuit, with the frozen diagonal of its replica."""
    owner = np.repeat(np.arange(diagonal.shape[0]), shifted.shape[0] // diagonal.shape[0])
    parts = [
        np.einsum("kw,kw->k", engine.probs(circuit, shifted[part]), diagonal[owner[part]])
        for part in chunks(shifted.shape[0], circuit.n_qubits)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _sampled_means(
    index: Indices, bits: NDArray[np.uint8], objective: ObjectiveConfig, problem: Problem, step: int
) -> Array:
    """Mean of g over each shifted circuit's draws (B·O·2, S), evaluated once on every distinct string."""
    replicas, _, n_bits = bits.shape
    if n_bits <= HISTOGRAM_BITS and getattr(problem, "nll", None) is not None:
        strings = np.broadcast_to(np.arange(1 << n_bits), (replicas, 1 << n_bits))
    else:
        strings, index = _distinct(index, replicas)
    table = objective.diagonal_at(unpack(strings, n_bits), problem, step, inner=bits)
    owner = np.repeat(np.arange(replicas), index.shape[0] // replicas)
    means = np.empty(index.shape[0])
    compiled().mean_at(np.ascontiguousarray(table), index, owner, means)
    return means


def _distinct(index: Indices, replicas: int) -> tuple[Indices, Indices]:
    """The distinct strings of each replica (B, U), the shorter rows padded with a repeat, and ``index`` into them."""
    found = [np.unique(rows, return_inverse=True) for rows in index.reshape(replicas, -1)]
    longest = max(values.size for values, _ in found)
    strings = np.stack([np.pad(values, (0, longest - values.size), mode="edge") for values, _ in found])
    where = np.stack([inverse.ravel() for _, inverse in found]).reshape(index.shape)
    return strings, np.ascontiguousarray(where, dtype=np.int64)
