"""What a finite number of shots does at fixed angles: spread of loss and MMD, and noise of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.metrics import DEFAULT_GAMMA
from qhn_core.checks import check_angles, check_int
from qhn_core.circuits.circuit import Circuit
from qhn_core.engines.base import Engine
from qhn_core.errors import Cancelled
from qhn_core.estimators.base import Work
from qhn_core.estimators.parameter_shift import ParameterShift
from qhn_core.kernels import kernel_of
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]


class ShotNoise(NamedTuple):
    """Repeated estimates at K numbers of shots, beside the exact values of the noiseless circuit.

    NaN where a quantity does not exist: ``loss`` and gradients of an objective that needs log q (the ELBO), which no
    number of shots gives.
    """

    shots: NDArray[np.int64]  #: (K,)
    loss: Array  #: estimates, nats per example, (K, repeats)
    mmd2: Array  #: unbiased estimates of MMD²(q, π), (K, repeats)
    gradient_error: Array  #: ‖ĝ − g‖ of each repeated gradient of the loss per example, (K, gradients)
    exact_loss: float
    exact_mmd2: float
    exact_gradient_norm: float


def shot_noise(
    circuit: Circuit,
    theta: ArrayLike,
    problem: Problem,
    objective: ObjectiveConfig,
    *,
    engine: Engine,
    exact_engine: Engine,
    shots: Sequence[int] = (32, 128, 512, 2048, 8192),
    repeats: int = 30,
    gradients: int = 5,
    step: int = 0,
    seed: int = 0,
    cancelled: Callable[[], bool] | None = None,
) -> ShotNoise:
    """Spread of what shots give at theta (P,), against the exact values.

    Args:
        engine: the device that gives shots.
        exact_engine: an exact one, for the values without shot noise and without device noise.
        shots: numbers of shots, each at least 3.
        repeats: independent estimates of loss and MMD at each.
        gradients: parameter-shift gradients at each, of 2·(occurrences) + 1 circuits; 0 for none.
        step: where the objective's schedules are taken.
        seed: of the draws.
        cancelled: asked between numbers of shots; True raises :class:`Cancelled`.
    """
    check_int("repeats", repeats, low=1, high=10_000)
    check_int("gradients", gradients, low=0, high=1000)
    sizes = np.array([check_int("shots", s, low=3, high=1_000_000) for s in shots], dtype=np.int64)
    row = np.atleast_2d(check_angles(theta, circuit.n_params))[:1]
    kernel = kernel_of(getattr(objective, "gamma", DEFAULT_GAMMA), problem.n_bits)
    exact = exact_engine.evaluate(circuit, row, lambda q: _diagonal(objective, q, problem, step))
    n, rates = problem.n_train, problem.prior.rates(problem.n_bits)
    estimable = not objective.needs_log_q
    loss, mmd2 = np.full((2, len(sizes), repeats), np.nan)
    errors = np.full((len(sizes), gradients), np.nan)
    for k, size in enumerate(sizes):
        if cancelled is not None and cancelled():
            raise Cancelled("The study of shots was stopped.")
        rng = np.random.Generator(np.random.Philox(key=[seed, k]))
        bits = engine.sample(circuit, np.repeat(row, repeats, axis=0), int(size), rng)
        mmd2[k] = kernel.mmd2_unbiased(bits, rates)
        if not estimable:
            continue
        loss[k] = objective.sampled(bits, problem, step).value / n
        if gradients and circuit.n_params:
            work = Work(engine, circuit, objective, problem)
            found = ParameterShift(shots=int(size)).estimate(work, np.repeat(row, gradients, axis=0), step, rng)
            errors[k] = np.linalg.norm(found.gradient - exact.gradient, axis=1) / n
    return ShotNoise(
        shots=sizes,
        loss=loss,
        mmd2=mmd2,
        gradient_error=errors,
        exact_loss=float(exact.aux[0]) / n,
        exact_mmd2=float(kernel.mmd2(exact.probs, np.exp(problem.log_prior))[0]),
        exact_gradient_norm=float(np.linalg.norm(exact.gradient)) / n,
    )


def _diagonal(objective: ObjectiveConfig, q: Array, problem: Problem, step: int) -> tuple[Array, Array]:
    found = objective.exact(q, problem, step)
    return found.diagonal, found.value
