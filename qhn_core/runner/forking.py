"""A run that goes on from a step of another one, with another loss or setting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from qhn_core.config import RunConfig
from qhn_core.errors import InvalidArgument
from qhn_core.planning import plan
from qhn_core.trainer import TrainState

#: Sections that decide what a loss's value means.
_JUDGED_BY = ("objective", "dataset", "network", "prior", "data_draws")


def branch(state: TrainState, before: RunConfig, now: RunConfig, *, uploads: Path | None = None) -> TrainState:
    """The state of ``before`` at its step, as the one from which ``now`` goes on.

    Steps count on, so that schedules and random numbers are those of the same step; with the same settings every later
    step comes out bit by bit as it did. What the optimiser remembers goes with it, unless it is another optimiser.
    """
    if now.steps <= state.step:
        raise InvalidArgument(
            "steps", expected=f"more than {state.step}, where the branch begins", got=now.steps, remedy="Raise Steps."
        )
    if now.replicas != before.replicas:
        raise InvalidArgument("replicas", expected=f"{before.replicas}, as in the run it leaves", got=now.replicas)
    circuits = [plan(config, uploads).circuit for config in (before, now)]
    if circuits[0].content_hash != circuits[1].content_hash:
        raise InvalidArgument(
            "ansatz",
            expected="the circuit of the run it leaves, to which the angles belong",
            got=f"{circuits[1].name}, {circuits[1].n_qubits} qubits, {circuits[1].n_params} angles",
            remedy="Change the loss, the optimiser or the data, and keep circuit and number of weights.",
        )
    same_optimiser = before.optimiser.name == now.optimiser.name
    memory = state.optimiser if same_optimiser else now.optimiser.init(state.theta)
    branched = replace(state, optimiser=memory, done=False)
    if any(getattr(before, part) != getattr(now, part) for part in _JUDGED_BY):
        return replace(branched, best=np.full(now.replicas, np.inf), stale=0)
    return branched
