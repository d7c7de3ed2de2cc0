"""A run from start to end, with the estimates of logged steps: all steps at once where that can be, else one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.engines.base import DescentTask
from qhn_core.errors import Cancelled
from qhn_core.estimators.base import Estimate
from qhn_core.objectives.tables import terms_of
from qhn_core.optimisers.base import Array
from qhn_core.trainer.setup import Setup
from qhn_core.trainer.steps import advance, estimate, init


class Passage(NamedTuple):
    """A run from start to end."""

    theta: Array  #: the last angles, (B, P)
    steps: NDArray[np.int64]  #: steps that were logged, (K,)
    estimates: list[Estimate]  #: of these steps


def descend(setup: Setup, *, every: int, cancelled: Callable[[], bool] = lambda: False) -> Passage:
    """Train from start to end; every so many steps, and the last, the estimate is kept.

    Args:
        setup: of an exact estimator, which knows q.
        every: steps from one kept estimate to the next.
        cancelled: asked now and then; where it says True, :class:`~qhn_core.errors.Cancelled` is raised.
    """
    return _at_once(setup, every, cancelled) or _one_by_one(setup, every, cancelled)


def _one_by_one(setup: Setup, every: int, cancelled: Callable[[], bool]) -> Passage:
    now, steps, estimates = init(setup), [], []
    while not now.done:
        if cancelled():
            raise Cancelled("nobody waits for it")
        found = estimate(setup, now)
        now, info = advance(setup, now, found)
        if info.done or info.step % every == 0:
            steps.append(info.step)
            estimates.append(found)
    return Passage(now.theta, np.array(steps), estimates)


def _at_once(setup: Setup, every: int, cancelled: Callable[[], bool]) -> Passage | None:
    """None where a run is not of that form, or a number was not finite: step by step the error has a place."""
    config = setup.config
    if config.estimator.name != "adjoint" or config.batch is not None or setup.problem.table is None:
        return None
    loss, update = config.objective.by_rows(setup.problem), config.optimiser.by_rows(config.steps)
    if loss is None or update is None:
        return None
    kept = np.union1d(np.arange(0, config.steps + 1, every), [config.steps])
    task = DescentTask(loss, update, setup.n_train, kept, cancelled)
    found = setup.engine.descend(setup.circuit, init(setup).theta, task)
    if found is None:
        return None
    estimates = []
    for k, step in enumerate(kept):
        value, terms = terms_of(loss, found.fit[k], found.penalty[k], loss.weight(int(step)))
        estimates.append(Estimate(value, terms, found.gradient[k], probs=found.probs[k]))
    return Passage(found.theta, kept, estimates)
