"""What small circuits have worked out in a moment: a gradient, and the step that a resting run has reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from app import services
from app.views.train.shown import Array, Shown
from qhn_core.errors import QHNError

if TYPE_CHECKING:
    from qhn_core.trainer import Setup

#: Qubits, and amplitudes of all starts together, up to which loss and gradient are worked out for what is shown.
_QUICK_QUBITS, _QUICK_AMPLITUDES = 14, 1 << 20


def gradient_of(shown: Shown, replica: int) -> Array | None:
    """∂L/n of one start at its angles, (P,), nats per radian; None where it would draw strings or take long."""
    setup, theta = shown.setup, shown.theta
    if setup is None or theta is None or replica >= len(theta) or not _is_quick(shown):
        return None
    return _gradient(setup, theta.tobytes(), theta.shape, shown.step)[replica]


def _is_quick(shown: Shown) -> bool:
    """Whether a step at other angles is worked out in a moment, without drawing."""
    setup = shown.setup
    if setup is None or setup.config != shown.config or shown.config.estimator.draws:
        return False
    n_qubits = setup.plan.n_qubits
    few = n_qubits <= _QUICK_QUBITS and shown.config.replicas << n_qubits <= _QUICK_AMPLITUDES
    return shown.enumerable and few


@lru_cache(maxsize=4)
def _gradient(setup: Setup, angles: bytes, shape: tuple[int, int], step: int) -> Array:
    from qhn_core import trainer

    theta = np.frombuffer(angles, dtype=np.float64).reshape(shape)
    state = trainer.TrainState(step, theta, {}, np.full(len(theta), np.inf))
    return trainer.estimate(setup, state).gradient / setup.n_train


def as_reached(shown: Shown, run_id: str) -> Shown:
    """A resting run after its last update.

    A step is logged when the next one is made, from the angles at which that begins. Where this is quick it is worked
    out here ahead, number by number as it will be logged, so that a step that was made is the step that is seen.
    """
    setup = shown.setup
    if not shown.rests or setup is None or not _is_quick(shown):
        return shown
    state = services.supervisor().newest_state(run_id)
    if state is None or state.done or (len(shown.steps) and state.step <= shown.steps[-1]):
        return shown
    try:
        row, probs = _row(setup, state.theta.tobytes(), state.theta.shape, state.step)
    except QHNError:  # its next step fails, or that is why it rests: the run says so itself
        return shown
    reached = replace(shown, step=state.step, theta=state.theta, probs=probs, bits=None)
    if row is None:  # not a step that is logged
        return reached
    unknown = np.full(len(state.theta), np.nan)
    before = shown.history if len(shown.steps) else {name: np.empty((0, len(unknown))) for name in row}
    history = {name: np.vstack([rows, row.get(name, unknown)]) for name, rows in before.items()}
    return replace(reached, steps=np.append(shown.steps, state.step), history=history)


@lru_cache(maxsize=4)
def _row(
    setup: Setup, angles: bytes, shape: tuple[int, int], step: int
) -> tuple[Mapping[str, Array] | None, Array | None]:
    """What a step at these angles logs, and its distributions."""
    from qhn_core import trainer

    theta, optimiser = np.frombuffer(angles, dtype=np.float64).reshape(shape), setup.config.optimiser
    state = trainer.TrainState(step, theta, optimiser.init(theta), np.full(len(theta), np.inf))
    info = trainer.step(setup, state)[1]
    return info.row, info.probs
