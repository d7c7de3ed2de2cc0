"""Training as a pure function: ``state, info = step(setup, state)``. No threads, no files, no clock.

Steps are counted 0 … T, T being ``config.steps``. The step at t < T evaluates loss and gradient at θ_t, logs them, and
updates to θ_{t+1}; the one at t = T only logs. So a run is T + 1 calls, and a state can be saved between any two.
Everything random at step t comes from a generator keyed by (seed, t): there is no generator state to save.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from qhn_core.ansatze import initial_angles
from qhn_core.config import RunConfig
from qhn_core.errors import InvalidArgument
from qhn_core.estimators.base import Estimate, Work
from qhn_core.optimisers.base import Array, clipped
from qhn_core.problems.minibatch import minibatch
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.trainer.judging import judged, loss_error, metric_bits, with_table
from qhn_core.trainer.setup import Setup
from qhn_core.trainer.state import Info, TrainState
from qhn_core.trainer.streams import generator

#: Handed to estimators that draw nothing: making a generator costs a tenth of a small step.
_UNDRAWN = np.random.Generator(np.random.Philox(0))


def init(setup: Setup) -> TrainState:
    """The state before step 0; replica r's angles depend on (seed, r) alone."""
    config = setup.config
    theta = initial_angles(
        setup.circuit,
        replicas=config.replicas,
        seed=config.seed,
        kind=config.ansatz.init,
        scale=config.ansatz.scale,
    )
    return TrainState(0, theta, config.optimiser.init(theta), np.full(config.replicas, np.inf))


def step(setup: Setup, state: TrainState) -> tuple[TrainState, Info]:
    """One step: :func:`estimate`, then :func:`advance`. A state that is done stays as it is."""
    if state.done:
        return state, Info(state.step, None, None, None, True, "finished")
    return advance(setup, state, estimate(setup, state))


def estimate(setup: Setup, state: TrainState) -> Estimate:
    """Loss and gradient (not ÷ n) of all replicas at θ_t."""
    return _estimate(setup, state.theta, state.step, _of_step(setup, state.step))


def advance(setup: Setup, state: TrainState, found: Estimate) -> tuple[TrainState, Info]:
    """Log where it is due, and update the angles unless this was the last step."""
    config, n = setup.config, setup.n_train
    found = with_table(setup, state, found)
    value, gradient = found.value / n, found.gradient / n
    _check_finite(value, gradient, state.step)
    improved = np.count_nonzero(value < state.best) > 0
    best, stale = np.minimum(value, state.best), 0 if improved else state.stale + 1
    reason = _why_stop(config, state.step, stale)
    row, bits = None, found.bits
    if reason or state.step % config.log_every == 0:
        shown = judged(setup, state, found)
        bits = metric_bits(setup, state, shown)
        row = setup.metrics.row(
            value=shown.value / n,
            terms=shown.terms,
            gradient=gradient,
            probs=shown.probs,
            bits=bits,
            log_q=shown.log_q,
            error=None if shown.bits is None else loss_error(setup, shown.bits, state.step, log_q=shown.log_q),
        )
    info = Info(state.step, row, found.probs, bits, bool(reason), reason)
    if reason:
        return TrainState(state.step, state.theta, state.optimiser, best, stale, done=True), info
    theta, memory = config.optimiser.step(
        state.theta,
        clipped(gradient, config.optimiser.clip),
        state.optimiser,
        step=state.step,
        closure=_closure(setup, state.step),
        value=value,
    )
    return TrainState(state.step + 1, theta, memory, best, stale), info


def _closure(setup: Setup, at_step: int) -> Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]:
    """Loss and gradient ÷ n of chosen replicas elsewhere, with the random numbers of step ``at_step``."""

    def evaluate(theta: Array, replicas: NDArray[np.intp]) -> tuple[Array, Array]:
        found = _estimate(setup, theta, at_step, _select(_of_step(setup, at_step), replicas))
        return found.value / setup.n_train, found.gradient / setup.n_train

    return evaluate


def _of_step(setup: Setup, at_step: int) -> Problem:
    """The problem that a step looks at: all training examples, or a batch drawn by (seed, step)."""
    batch = setup.config.batch
    if batch is None:
        return setup.problem
    rows = generator(setup.config.seed, at_step, 2).permutation(setup.n_train)[:batch]
    return minibatch(setup.problem, np.sort(rows))


def _select(task: Problem, replicas: NDArray[np.intp]) -> Problem:
    """The problem of chosen replicas."""
    return task.of_replicas(replicas) if isinstance(task, ProblemStack) else task


def _estimate(setup: Setup, theta: Array, at_step: int, task: Problem) -> Estimate:
    config = setup.config
    work = Work(setup.engine, setup.circuit, config.objective, task)
    rng = generator(config.seed, at_step) if config.estimator.draws else _UNDRAWN
    return config.estimator.estimate(work, theta, at_step, rng)


def _why_stop(config: RunConfig, at_step: int, stale: int) -> str:
    patience = config.optimiser.early_stop
    if at_step >= config.steps:
        return f"all {config.steps} steps done"
    if patience is not None and stale >= patience:
        return f"stopped early: no loss improved in {patience} steps"
    return ""


def _check_finite(value: Array, gradient: Array, at_step: int) -> None:
    if isfinite(np.vdot(value, value)) and isfinite(np.vdot(gradient, gradient)):
        return
    good = np.isfinite(value) & np.isfinite(gradient).all(axis=1)
    if not good.all():
        raise InvalidArgument(
            "optimiser",
            expected="a finite loss and gradient",
            got=f"NaN or infinity at step {at_step} in replica {int(np.argmin(good))}",
            remedy="Lower the learning rate, or clip the gradient.",
        )
