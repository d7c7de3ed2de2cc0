"""Parameter-shift rule: ∂_a L = ½ [E_{q(a+π/2)} g − E_{q(a−π/2)} g] for every angle a of RX, RY, RZ or IsingZZ.

Mitarai et al., arXiv:1803.00745; Schuld et al., arXiv:1811.11184. A parameter that occurs several times, or scaled,
gets the sum over its occurrences, each times its scale. The diagonal g is frozen at θ; from shots it is evaluated on
drawn strings only, and an expectation over q inside it (SELBO, KSD) comes from the batch drawn at θ itself, which is
independent of the shifted batches: the estimate is unbiased.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from qhn_core.bitstrings import HISTOGRAM_BITS, Bits, Indices, every_string, index_of, unique
from qhn_core.circuits.circuit import Circuit
from qhn_core.compiled import compiled
from qhn_core.engines.base import Tabulates
from qhn_core.estimators.base import ESTIMATORS, Array, Estimate, Work
from qhn_core.estimators.draws import DeviceEstimator, Unrolled, chunks, occurrences, unroll


@ESTIMATORS.register
class ParameterShift(DeviceEstimator):
    """Two shifted circuits per angle, each with its own shots: unbiased, and runs on a device."""

    label: ClassVar[str] = "Parameter shift"
    name: Literal["parameter_shift"] = "parameter_shift"

    def circuits(self, circuit: Circuit, replicas: int) -> tuple[int, int]:
        """Two circuits per occurrence of a parameter and one at θ, for each replica."""
        executions = replicas * (2 * occurrences(circuit) + 1)
        return executions, executions * (self.shots or 0)

    def estimate(self, work: Work, theta: Array, step: int, rng: np.random.Generator) -> Estimate:
        """Loss and gradient at theta (B, P); unbiased from shots, exact without."""
        engine, circuit, objective, problem = work
        self.requires(objective)
        unrolled = unroll(circuit)
        shifted = _shifted(unrolled.angles(theta))
        if self.shots is None:
            probs = engine.probs(circuit, theta)
            exact = objective.exact(probs, problem, step)
            means = _exact_means(engine, unrolled.circuit, shifted, exact.diagonal)
            return Estimate(exact.value, exact.terms, _gradient(means, unrolled, theta), probs=probs)
        bits = engine.sample(circuit, theta, self.shots, rng)
        sampled = objective.sampled(bits, problem, step)
        drawn = [
            engine.sample(unrolled.circuit, shifted[part], self.shots, rng)
            for part in chunks(shifted.shape[0], circuit.n_qubits)
        ]
        means = _sampled_means(drawn, bits, work, step) if drawn else np.zeros(0)
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


def _exact_means(engine: Tabulates, circuit: Circuit, shifted: Array, diagonal: Array) -> Array:
    """E g of every shifted circuit, with the frozen diagonal of its replica."""
    owner = np.repeat(np.arange(diagonal.shape[0]), shifted.shape[0] // diagonal.shape[0])
    parts = [
        np.einsum("kw,kw->k", engine.probs(circuit, shifted[part]), diagonal[owner[part]])
        for part in chunks(shifted.shape[0], circuit.n_qubits)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _sampled_means(drawn: list[Bits], bits: Bits, work: Work, step: int) -> Array:
    """Mean of g over each shifted circuit's draws (B·O·2, S, N, in parts), evaluated once on every distinct string."""
    replicas, _, n_bits = bits.shape
    if n_bits <= HISTOGRAM_BITS and work.problem.table is not None:
        strings = np.broadcast_to(every_string(n_bits), (replicas, 1 << n_bits, n_bits))
        where = np.concatenate([index_of(part) for part in drawn])
    else:
        strings, where = _distinct(np.concatenate(drawn), replicas)
    table = work.objective.diagonal_at(strings, work.problem, step, inner=bits)
    owner = np.repeat(np.arange(replicas), len(where) // replicas)
    means = np.empty(len(where))
    compiled().mean_at(np.ascontiguousarray(table), where, owner, means)
    return means


def _distinct(drawn: Bits, replicas: int) -> tuple[Bits, Indices]:
    """The distinct strings of each replica (B, U, N), the shorter ones padded with a repeat, and which each string is
    of them, (B·O·2, S)."""
    found = [unique(rows) for rows in drawn.reshape(replicas, -1, drawn.shape[-1])]
    longest = max(len(each.bits) for each in found)
    strings = np.stack([np.pad(each.bits, ((0, longest - len(each.bits)), (0, 0)), mode="edge") for each in found])
    where = np.stack([each.inverse for each in found]).reshape(drawn.shape[:2])
    return strings, np.ascontiguousarray(where, dtype=np.int64)
