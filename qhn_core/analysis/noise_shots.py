"""Noise against loss where 4^N density matrices are too large: from shots, and from training under the noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import histogram
from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines import ENGINES
from qhn_core.errors import Cancelled
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Batches that each number of shots is divided into, for the standard error.
_BATCHES = 8
#: Shots of a job: Aer holds Python's interpreter for as long as a job takes, and everything else waits.
_AT_ONCE = 64


class SampledSweep(NamedTuple):
    """Estimates at K noise strengths."""

    strengths: Array  #: λ after two-qubit gates, (K,)
    loss: Array  #: nats per example, (K,)
    loss_error: Array  #: its standard error, (K,)
    total_variation: Array  #: ½ Σ |frequency − q| from the noiseless q, (K,); shots alone make it positive
    shots: int  #: at each strength
    floor: float  #: expected total variation of so many draws from the noiseless q itself


def shot_distance(q: Array, shots: int) -> float:
    """E ½ Σ_w |frequency − q| of ``shots`` draws from q (2**N,) itself, exactly.

    De Moivre: E|X − Sp| = 2 m (S choose m) p^m (1 − p)^(S−m+1), m = ⌊Sp⌋ + 1, for a binomial X.
    """
    from scipy.special import gammaln

    p = np.asarray(q, dtype=np.float64)
    p = p[(p > 0.0) & (p < 1.0)]
    m = np.floor(shots * p) + 1.0
    ways = gammaln(shots + 1.0) - gammaln(m + 1.0) - gammaln(np.maximum(shots - m, 0.0) + 1.0)
    each = 2.0 * m * np.exp(ways + m * np.log(p) + (shots - m + 1.0) * np.log1p(-p))
    return float(0.5 * each[m <= shots].sum() / shots)


def sampled_sweep(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    ideal: Array,
    strengths: ArrayLike,
    one_qubit_share: float = 0.1,
    readout_error: float = 0.0,
    shots: int = 1024,
    step: int = 0,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SampledSweep:
    """Loss of theta (P,) under growing noise, estimated from Aer's shots.

    Args:
        objective: one that shots can estimate (not the ELBO).
        ideal: noiseless q, (2**N,).
        strengths: λ after two-qubit gates (Qiskit's convention), each in [0, 1].
        one_qubit_share: λ after one-qubit gates as a fraction of that.
        shots: at each strength; a multiple of 8 is used.
        progress: told the finished fraction, and ``cancelled`` asked, at every job of a few shots.

    Raises:
        Cancelled: ``cancelled`` said so between two jobs.
    """
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1]
    grid = np.atleast_1d(check_finite("strengths", strengths))
    size = max(3, check_int("shots", shots, low=32, high=1_000_000) // _BATCHES)
    total = size * _BATCHES
    loss, error, distance = np.empty((3, len(grid)))
    for k, strength in enumerate(grid):
        device = ENGINES.make(
            "pennylane",
            device="qiskit.aer",
            noise_1q=one_qubit_share * float(strength),
            noise_2q=float(strength),
            readout_error=readout_error,
        ).build()
        rng = np.random.Generator(np.random.Philox(key=[seed, k]))
        drawn: list[NDArray[np.uint8]] = []
        for start in range(0, total, _AT_ONCE):
            if cancelled is not None and cancelled():
                raise Cancelled("The noise study was stopped.")
            drawn.append(device.sample(circuit, row, min(_AT_ONCE, total - start), rng)[0])
            if progress is not None:
                progress((k + min(1.0, (start + _AT_ONCE) / total)) / len(grid))
        bits = np.concatenate(drawn).reshape(_BATCHES, size, circuit.n_qubits)
        values = objective.sampled(bits, problem, step).value / problem.n_train
        loss[k], error[k] = values.mean(), values.std(ddof=1) / np.sqrt(_BATCHES)
        seen = histogram(bits.reshape(1, -1, circuit.n_qubits))[0]
        distance[k] = 0.5 * np.abs(seen / seen.sum() - ideal).sum()
    return SampledSweep(grid, loss, error, distance, total, shot_distance(ideal, total))
