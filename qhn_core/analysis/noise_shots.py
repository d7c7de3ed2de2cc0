"""Noise against loss where 4^N density matrices are too large: from shots, and from training under the noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_angles, check_finite, check_int
from qhn_core.circuit import Circuit
from qhn_core.engines import ENGINES
from qhn_core.errors import Cancelled
from qhn_core.kernels import histogram, pack
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems import Problem

Array = NDArray[np.float64]
#: Batches that each number of shots is divided into, for the standard error.
_BATCHES = 8


class SampledSweep(NamedTuple):
    """Estimates at K noise strengths."""

    strengths: Array  #: λ after two-qubit gates, (K,)
    loss: Array  #: nats per example, (K,)
    loss_error: Array  #: its standard error, (K,)
    total_variation: Array  #: ½ Σ |frequency − q| from the noiseless q, (K,); shots alone make it positive
    shots: int  #: at each strength


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

    Raises:
        Cancelled: ``cancelled`` said so between two strengths.
    """
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1]
    grid = np.atleast_1d(check_finite("strengths", strengths))
    size = max(3, check_int("shots", shots, low=32, high=1_000_000) // _BATCHES)
    loss, error, distance = np.empty((3, len(grid)))
    for k, strength in enumerate(grid):
        if cancelled is not None and cancelled():
            raise Cancelled("The noise study was stopped.")
        device = ENGINES.make(
            "pennylane",
            device="qiskit.aer",
            noise_1q=one_qubit_share * float(strength),
            noise_2q=float(strength),
            readout_error=readout_error,
        ).build()
        rng = np.random.Generator(np.random.Philox(key=[seed, k]))
        bits = device.sample(circuit, row, size * _BATCHES, rng)[0].reshape(_BATCHES, size, circuit.n_qubits)
        values = objective.estimate(bits, problem, step).value / problem.n_train
        loss[k], error[k] = values.mean(), values.std(ddof=1) / np.sqrt(_BATCHES)
        seen = histogram(pack(bits.reshape(1, -1, circuit.n_qubits)), circuit.n_qubits)[0]
        distance[k] = 0.5 * np.abs(seen / seen.sum() - ideal).sum()
        if progress is not None:
            progress((k + 1) / len(grid))
    return SampledSweep(grid, loss, error, distance, size * _BATCHES)
