"""What the Hardware page looks at: the angles of a trained run, or of the current settings before training."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services, starts, state
from app.describe import headline
from app.views.hardware.device import exact_engine
from app.views.train.data import config_of, of_preview, of_run, why_lost
from qhn_core.bitstrings import MAX_TABULATED
from qhn_core.circuits.circuit import Circuit
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Views that compare with exact values of all 2**N strings, and how they are called in a sentence.
_EXACT = {"shots": "the dial compares estimates", "noise": "the noise study compares noisy circuits"}
_SETTINGS = "settings"
#: Runs offered.
_RUNS = 40
#: Under which the session keeps why a run cannot be shown, and what is shown in its place.
_LOST = "hardware.lost"


@dataclass(frozen=True, eq=False)
class Source:
    """One circuit at one set of angles.

    Args:
        name: what to call it.
        run: its run; None for the current settings.
        config: of the run.
        circuit, theta: circuit and angles (P,), radians.
        problem: what its strings are judged by.
        step: updates that led to theta.
        replica: which start it is.
        q: exact distribution, (2**N,); empty beyond 20 qubits.
        key: what calculations about it are kept under.
    """

    name: str
    run: str | None
    config: RunConfig
    circuit: Circuit
    theta: Array
    problem: Problem
    step: int
    replica: int
    q: Array
    key: tuple[Hashable, ...]

    @property
    def enumerated(self) -> bool:
        """Whether exact values over all 2**N strings are at hand."""
        return self.q.size > 0

    @property
    def objective(self) -> ObjectiveConfig:
        """The run's loss."""
        return self.config.objective


@dataclass(frozen=True)
class Chosen:
    """A run or the current settings, before its circuit is at hand."""

    run: str | None
    config: RunConfig
    n_qubits: int


def choose() -> Chosen:
    """The selectbox of runs, holding what the URL says; the newest trained run at first."""
    records = [r for r in services.store().list(limit=_RUNS) if r.step > 0]
    names = {r.id: f"{r.name} · {r.id}" for r in records}
    wanted, problem = _wanted(list(names))
    if problem:
        state.show_run(None)
        state.remember(_LOST, (problem, wanted))
    if wanted not in (_SETTINGS, *names):
        names[wanted] = wanted  # an older run, named by a link
    offered = [*names, _SETTINGS]
    picked = str(
        st.selectbox(
            "Circuit of",
            offered,
            offered.index(wanted),
            format_func=lambda key: names.get(key, "Current settings, not trained"),
            key="hardware.run",
            help="The run whose circuit is put on the device.",
        )
    )
    run = None if picked == _SETTINGS else picked
    if picked != wanted:
        state.remember(_LOST, None)
    config = state.read_config()
    if run is not None:
        try:
            config = config_of(run)
        except QHNError as error:
            st.error(str(error))
            run = None
    state.keep_choice("source", _SETTINGS if run is None else None)
    if run is None:
        state.write_config(config)
    elif run != state.run_id():
        state.open_run(run, config)
    else:
        state.show_run(run)
    return Chosen(run, config, _qubits(config))


def lost(chosen: Chosen) -> str:
    """Why the run that a link named is not the one shown; empty if it is, or since another was chosen."""
    problem, instead = state.recall(_LOST) or ("", None)
    return str(problem) if instead == (chosen.run or _SETTINGS) else ""


def _wanted(known: list[str]) -> tuple[str, str]:
    """What the URL asks for: a run, the settings, or nothing; and why it cannot have its run, if so."""
    run, problem = state.run_id(), ""
    if state.choice("source", (_SETTINGS,), "") == _SETTINGS:
        return _SETTINGS, ""
    if run is not None:
        problem = "" if run in known else why_lost(run)
        if not problem:
            return run, ""
    if state.CONFIG in st.query_params or not known:
        return _SETTINGS, problem
    return known[0], problem


def _qubits(config: RunConfig) -> int:
    from qhn_core.planning import plan

    try:
        return plan(config, services.uploads()).n_qubits
    except QHNError:
        return config.network.n_bits if config.network is not None else 0


def open_source(chosen: Chosen) -> Source | str | None:
    """The circuit at its angles; a message where it cannot be had, None while it is being made."""
    try:
        shown = of_preview(chosen.config) if chosen.run is None else of_run(chosen.run, chosen.config)
    except QHNError as error:
        return str(error)
    if shown.setup is None or shown.theta is None:
        return shown.note or None
    losses = shown.history.get("loss", np.zeros((0, 1)))
    active = shown.status is not None and shown.status.active
    choice = starts.chosen(chosen.config.replicas)
    start = starts.start_of(choice, losses, replicas=chosen.config.replicas, active=active, steps=shown.steps)
    replica = min(start, len(shown.theta) - 1)
    problem = shown.problem(replica)
    if problem is None:
        return None
    theta = np.array(shown.theta[replica])
    q = exact_engine().probs(shown.setup.circuit, theta) if shown.enumerable else np.zeros(0)
    name = "current settings" if chosen.run is None else services.store().get(chosen.run).name
    key = (shown.setup.circuit.content_hash, theta.tobytes(), chosen.config.to_json(), replica)
    return Source(name, chosen.run, chosen.config, shown.setup.circuit, theta, problem, shown.step, replica, q, key)


def not_exact(source: Source, view: str) -> str:
    """Why a view cannot be had for this circuit: it needs exact values; empty where it can."""
    if source.enumerated or view not in _EXACT:
        return ""
    return (
        f"{source.circuit.n_qubits} qubits: {_EXACT[view]} with exact values over all 2^N strings, and those end at "
        f"{MAX_TABULATED} qubits. Deploy and Train here need shots alone."
    )


def pick_start(chosen: Chosen) -> None:
    """Which of the run's starts is looked at."""
    if chosen.config.replicas > 1:
        starts.pick(chosen.config.replicas, key=f"hardware.start.{chosen.run}", label="Start", width="stretch")


def title(source: Source) -> str:
    """What is looked at, in one line."""
    if source.run is None:
        return headline(source.config)
    loss = source.config.objective.title
    where = f"step {source.step}, start {source.replica + 1}"
    parts = (f"**{source.name}**", "" if loss in source.name else loss, where, f"{source.circuit.n_qubits} qubits")
    return " · ".join(filter(None, parts))
