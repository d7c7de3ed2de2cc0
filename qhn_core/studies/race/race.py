"""Several contenders in lockstep: the step of a race, as a pure function of its state.

Contenders that share a circuit and an exact engine are evaluated as one batch of replicas: one forward pass and one
adjoint sweep for all, each with its own diagonal. A contender's history is the same as if it had run alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core import trainer
from qhn_core.estimators.base import Estimate
from qhn_core.objectives.base import Exact
from qhn_core.studies.race.config import RaceConfig
from qhn_core.trainer import Info, Setup, TrainState

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RaceSetup:
    """What a race works with: one set-up per contender, and who is evaluated together."""

    config: RaceConfig
    titles: tuple[str, ...]
    setups: tuple[Setup, ...]
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class RaceState:
    """Where every contender stands, and the seconds of computing that each has used.

    Work done for several contenders at once is charged to them in proportion to their replicas; what one did alone
    (its loss, metrics and update) to itself. Seconds are a measurement: they are not part of any history.
    """

    states: tuple[TrainState, ...]
    seconds: tuple[float, ...]

    @property
    def done(self) -> bool:
        """Whether every contender has finished."""
        return all(state.done for state in self.states)


def prepare(
    config: RaceConfig,
    *,
    uploads: Path | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RaceSetup:
    """Check and build every contender; equal problems are built once (they are cached by content).

    Args:
        config: the race.
        uploads: folder of content-addressed uploaded files.
        progress: called with a fraction from 0 to 1 now and then.
        cancelled: asked now and then; where it says True, :class:`~qhn_core.errors.Cancelled` is raised.
    """
    configs = config.configs()
    setups = []
    for i, run in enumerate(configs):

        def share(fraction: float, i: int = i) -> None:
            if progress is not None:
                progress((i + fraction) / len(configs))

        setups.append(trainer.prepare(run, uploads=uploads, progress=share, cancelled=cancelled))
    titles = tuple(contender.title for contender in config.contenders)
    return RaceSetup(config, titles, tuple(setups), _groups(setups))


def init(setup: RaceSetup) -> RaceState:
    """Every contender at its start; those with the same circuit at the same angles."""
    states = tuple(trainer.init(s) for s in setup.setups)
    return RaceState(states, (0.0,) * len(states))


def step(setup: RaceSetup, state: RaceState) -> tuple[RaceState, tuple[Info | None, ...]]:
    """One step of every contender that is not done; None stands for one that is."""
    states, seconds = list(state.states), list(state.seconds)
    infos: list[Info | None] = [None] * len(states)
    for group in setup.groups:
        running = [i for i in group if not states[i].done]
        found = _estimates(setup, states, running, seconds)
        for i in running:
            began = time.perf_counter()
            states[i], infos[i] = trainer.advance(setup.setups[i], states[i], found[i])
            seconds[i] += time.perf_counter() - began
    return RaceState(tuple(states), tuple(seconds)), tuple(infos)


def _groups(setups: list[Setup]) -> tuple[tuple[int, ...], ...]:
    """Contenders that can be evaluated together, in order."""
    members: dict[Any, list[int]] = {}
    for i, setup in enumerate(setups):
        joint = setup.config.estimator.name == "adjoint"
        key = (setup.circuit.content_hash, setup.config.engine.model_dump_json()) if joint else i
        members.setdefault(key, []).append(i)
    return tuple(tuple(group) for group in members.values())


def _estimates(
    setup: RaceSetup, states: list[TrainState], running: list[int], seconds: list[float]
) -> dict[int, Estimate]:
    if not running:
        return {}
    if len(running) == 1:
        (i,) = running
        began = time.perf_counter()
        found = {i: trainer.estimate(setup.setups[i], states[i])}
        seconds[i] += time.perf_counter() - began
        return found
    return _joint(setup, states, running, seconds)


def _joint(setup: RaceSetup, states: list[TrainState], running: list[int], seconds: list[float]) -> dict[int, Estimate]:
    """Exact estimates of several contenders from one pass over the circuit."""
    sizes = [len(states[i].theta) for i in running]
    ends = np.cumsum(sizes)
    rows = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    own = dict.fromkeys(running, 0.0)

    def diagonal(q: Array) -> tuple[Array, list[Exact]]:
        parts, stacked = [], np.empty_like(q)
        for i, row in zip(running, rows, strict=True):
            began = time.perf_counter()
            side = setup.setups[i]
            exact = side.config.objective.exact(q[row], side.problem, states[i].step)  # type: ignore[arg-type]
            stacked[row] = exact.diagonal
            parts.append(exact)
            own[i] += time.perf_counter() - began
        return stacked, parts

    first = setup.setups[running[0]]
    began = time.perf_counter()
    found = first.engine.evaluate(first.circuit, np.concatenate([states[i].theta for i in running]), diagonal)
    shared = time.perf_counter() - began - sum(own.values())
    estimates = {}
    for i, row, size, exact in zip(running, rows, sizes, found.aux, strict=True):
        seconds[i] += own[i] + shared * size / ends[-1]
        estimates[i] = Estimate(exact.value, exact.terms, found.gradient[row], probs=found.probs[row])
    return estimates
