"""Where one start of a run has been: its angles at chosen steps, found by training it once more.

For runs of an earlier version, which kept the angles of their last step only. An exact run is determined by its
configuration, and replica r depends on (seed, r) alone, so its way can be gone again without the other replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.ansatze import initial_angles
from qhn_core.checks import check_int
from qhn_core.config import RunConfig
from qhn_core.engines.auto import OWN
from qhn_core.errors import Cancelled, TooLarge, Unsupported
from qhn_core.planning import plan

#: Most work in one replay: steps times strings.
MOST_WORK = 1 << 26


class Way(NamedTuple):
    """Angles at some steps of a run."""

    steps: NDArray[np.int64]  #: (K,), increasing; first 0, or where a branch begins
    theta: NDArray[np.float64]  #: (K, P), radians


def check_replay(config: RunConfig, steps: int, *, uploads: Path | None = None) -> None:
    """Raise where a run cannot be gone through again: shots, a device, or too much work."""
    if config.estimator.name != "adjoint" or config.engine.name not in OWN:
        raise Unsupported("Only exact runs can be gone through step by step; this one draws shots or uses a device.")
    work = steps << plan(config, uploads).n_qubits
    if work > MOST_WORK:
        raise TooLarge(f"Going through {steps} steps again would take too long; only the last step is shown.")


def replay(
    config: RunConfig,
    *,
    replica: int,
    steps: int,
    points: int = 41,
    uploads: Path | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Way:
    """Train replica ``replica`` again up to ``steps`` updates, keeping about ``points`` evenly spaced steps.

    Early stopping, which looks at all replicas, is left out: give the number of steps that the run made.

    Raises:
        Unsupported, TooLarge: see :func:`check_replay`.
        Cancelled: ``cancelled`` said so.
    """
    check_int("replica", replica, low=0, high=config.replicas - 1)
    check_int("steps", steps, low=0, high=config.steps)
    check_replay(config, steps, uploads=uploads)
    setup = trainer.prepare(_alone(config, replica), uploads=uploads, cancelled=cancelled)
    state = _start(setup, config, replica)
    wanted = np.unique(np.linspace(0, steps, min(points, steps + 1)).round().astype(np.int64))
    kept = []
    for t in range(steps + 1):
        if cancelled is not None and cancelled():
            raise Cancelled("The replay was stopped.")
        if t in wanted:
            kept.append(state.theta[0])
        if t < steps:
            state, _ = trainer.step(setup, state)
        if progress is not None and t % 10 == 0:
            progress(t / max(steps, 1))
    return Way(wanted, np.array(kept))


def _alone(config: RunConfig, replica: int) -> RunConfig:
    """The configuration of one replica, with its own draw of the data, and nothing logged on the way."""
    seed = (config.dataset.seed + replica % config.data_draws) % 2**32
    return config.model_copy(
        update={
            "dataset": config.dataset.model_copy(update={"seed": seed}),
            "optimiser": config.optimiser.model_copy(update={"early_stop": None}),
            "replicas": 1,
            "data_draws": 1,
            "log_every": config.steps,
        }
    )


def _start(setup: trainer.Setup, config: RunConfig, replica: int) -> trainer.TrainState:
    angles = initial_angles(
        setup.circuit,
        replicas=replica + 1,
        seed=config.seed,
        kind=config.ansatz.init,
        scale=config.ansatz.scale,
    )[replica:]
    return replace(trainer.init(setup), theta=angles, optimiser=config.optimiser.init(angles))
