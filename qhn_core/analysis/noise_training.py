"""Training under noise on small circuits: exact noisy probabilities, parameter shift, Adam.

The parameter-shift rule holds for the noisy distribution as for the ideal one, since every depolarising channel is
independent of the angles. All shifted circuits of a step are one job of Aer's density-matrix simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.noise import noisy_probs
from qhn_core.bitstrings import Bits, from_index
from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.tabulated import draw_index
from qhn_core.errors import Cancelled
from qhn_core.estimators.base import Work
from qhn_core.estimators.parameter_shift import ParameterShift
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.optimisers import OPTIMISERS
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


class NoisyTraining(NamedTuple):
    """What training under noise came to."""

    loss: Array  #: noisy loss per example before each update and after the last, nats, (steps + 1,)
    theta: Array  #: the angles with the smallest of them, radians, (P,)

    @property
    def best(self) -> float:
        """Smallest noisy loss per example, nats."""
        return float(self.loss.min())


class NoisyEngine:
    """As much of an engine as the parameter shift needs, by density matrices.

    Args:
        noise_1q, noise_2q, readout_error: as in :func:`noisy_probs`.
        keep: circuits whose distributions are kept, so that estimates of other numbers of shots cost nothing more.
    """

    def __init__(self, noise_1q: float, noise_2q: float, readout_error: float, *, keep: int = 0) -> None:
        self._noise = {"noise_1q": noise_1q, "noise_2q": noise_2q, "readout_error": readout_error}
        self._keep = keep
        self._kept: dict[tuple[str, bytes], Array] = {}

    def probs(self, circuit: Circuit, theta: ArrayLike) -> Array:
        """Exact noisy q, (2**N,) or (B, 2**N), at theta (P,) or (B, P)."""
        angles = check_angles(theta, circuit.n_params)
        rows = np.atleast_2d(angles)
        keys = [(circuit.content_hash, row.tobytes()) for row in rows]
        found = [self._kept.get(key) for key in keys]
        missing = [k for k, q in enumerate(found) if q is None]
        if missing:
            for k, q in zip(missing, noisy_probs(circuit, rows[missing], **self._noise), strict=True):
                found[k] = q
                if len(self._kept) < self._keep:
                    self._kept[keys[k]] = q
        out = np.stack([q for q in found if q is not None])
        return out if angles.ndim == 2 else out[0]

    def sample(self, circuit: Circuit, theta: ArrayLike, shots: int, rng: np.random.Generator) -> Bits:
        """Strings (B, shots, N) drawn from them at theta (B, P)."""
        q = np.maximum(self.probs(circuit, np.atleast_2d(theta)), 0.0)
        return from_index(draw_index(q / q.sum(axis=1, keepdims=True), shots, rng), circuit.n_qubits)


def train_under_noise(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    noise_1q: float,
    noise_2q: float,
    readout_error: float = 0.0,
    steps: int = 30,
    schedule_step: int = 0,
    rate: float = 0.1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> NoisyTraining:
    """Adam on the exact noisy loss, from theta (P,).

    Args:
        noise_1q, noise_2q: depolarising λ after every one- and two-qubit gate (Qiskit's convention).
        readout_error: probability that a measured bit is read wrongly.
        schedule_step: where the objective's schedules are taken.
        rate: Adam's learning rate.

    Raises:
        TooLarge: more qubits than density matrices are made for.
        Cancelled: ``cancelled`` said so between two steps.
    """
    check_int("steps", steps, low=1, high=10_000)
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1].copy()
    work = Work(NoisyEngine(noise_1q, noise_2q, readout_error), circuit, objective, problem)
    adam, n = OPTIMISERS.make("adam", lr=rate), problem.n_train
    memory, loss, best = adam.init(row), np.empty(steps + 1), row
    for step in range(steps + 1):
        if cancelled is not None and cancelled():
            raise Cancelled("Training under noise was stopped.")
        found = ParameterShift(shots=None).estimate(work, row, schedule_step, np.random.default_rng(0))
        loss[step] = found.value[0] / n
        if loss[step] <= loss[: step + 1].min():
            best = row
        if step < steps:
            value, slope = found.value / n, found.gradient / n
            row, memory = adam.step(row, slope, memory, step=step, closure=_elsewhere(value, slope), value=value)
        if progress is not None:
            progress((step + 1) / (steps + 1))
    return NoisyTraining(loss, best[0])


def _elsewhere(loss: Array, gradient: Array) -> Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]:
    """What an optimiser with a line search would ask; Adam does not."""
    return lambda theta, replicas: (loss[replicas], gradient[replicas])
