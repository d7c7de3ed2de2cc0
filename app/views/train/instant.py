"""Instant: small settings are trained anew at every change, and the page shows where the run ends.

Nothing of it is kept in the store: Train makes the same run again, and keeps it. Training is the trainer's own, so the
numbers are those of that run, bit for bit; only fewer steps are logged, as metrics take longer than small steps.
"""

from __future__ import annotations

import hashlib
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app import services, state
from app.jobs import Job, Jobs, Watch
from qhn_core.config import RunConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qhn_core.trainer import Setup

#: Most qubits, and most updates of all starts together, that are trained at every change.
MOST_QUBITS, MOST_UPDATES = 9, 10_000
#: Steps that are logged, about.
LOGGED = 40
#: Seconds that the page keeps what it showed before while it waits.
PATIENCE = 1.5
_KEY, _ON = "train.instant", "train.instant.on"
_PREFIX = "instant:"


class Instant(NamedTuple):
    """A run from start to end.

    Args:
        config: what was asked for; its ``log_every`` is that of the run which Train would make.
        setup: its problem and circuit.
        steps, history: logged steps (T,), and metric -> (T, B).
        theta: the final angles, (B, P).
        seconds: how long it took.
    """

    config: RunConfig
    setup: Setup
    steps: NDArray[np.int64]
    history: dict[str, NDArray[np.float64]]
    theta: NDArray[np.float64]
    seconds: float


@st.cache_resource(show_spinner=False)
def _results() -> Jobs:
    return Jobs(keep=24)


def why_not(config: RunConfig | None, n_qubits: int | None) -> str:
    """Why these settings are not trained at every change; empty if they can be."""
    if config is None or n_qubits is None:
        return "Not while the settings cannot run."
    if n_qubits > MOST_QUBITS:
        return f"For at most {MOST_QUBITS} qubits; this network has {n_qubits} weights."
    exact = config.estimator.name == "adjoint" and config.engine.name in ("auto", "statevector")
    if not exact or config.optimiser.name == "lbfgs" or config.batch is not None:
        return "Not for shots, devices, minibatches and line searches (L-BFGS)."
    if config.steps * config.replicas > MOST_UPDATES:
        return f"For at most {MOST_UPDATES:,} updates in all: fewer steps or starts make it instant."
    return ""


def switch(config: RunConfig | None, n_qubits: int | None) -> None:
    """The switch, which says why where it cannot be used."""
    reason = why_not(config, n_qubits)
    st.toggle(
        "Instant",
        is_wanted(),
        key=_KEY,
        disabled=bool(reason),
        on_change=_switched,
        help=f"Train anew at every change, and show the end at once; Train keeps it. {reason}".strip(),
    )


def _switched() -> None:
    state.remember(_ON, bool(state.widget(_KEY, False)))
    state.remember("train.rerun", True)


def is_wanted() -> bool:
    """Whether the switch is on."""
    return bool(state.recall(_ON, False))


def is_on(config: RunConfig | None, n_qubits: int | None) -> bool:
    """Whether these settings are trained at every change."""
    return is_wanted() and not why_not(config, n_qubits)


def name_of(config: RunConfig) -> str:
    """What the result of these settings is called, among runs' ids."""
    return _PREFIX + hashlib.sha256(config.to_json().encode()).hexdigest()[:32]


def result(config: RunConfig, *, patience: float = PATIENCE) -> Job:
    """The finished run, or how far it is after so many seconds."""
    work = partial(trained, config, services.uploads())
    return _results().get((name_of(config),), work, patience=patience)


def known(name: str) -> Instant | None:
    """A result by its name, where it is still in memory."""
    job = _results().known((name,)) if name.startswith(_PREFIX) else None
    return None if job is None else job.result


def trained(config: RunConfig, uploads: Path, watch: Watch) -> Instant:
    """Train from start to end."""
    from qhn_core import trainer

    began = time.perf_counter()
    stride = config.log_every * max(1, config.steps // (LOGGED * config.log_every))
    # logged below, all steps together
    unlogged = config.model_copy(update={"log_every": config.steps + 1})
    setup = trainer.prepare(unlogged, uploads=uploads, cancelled=watch.cancelled)
    found = trainer.descend(setup, every=stride, cancelled=watch.cancelled)
    history = trainer.rows(setup, found.estimates)
    return Instant(config, setup, found.steps, history, found.theta, time.perf_counter() - began)
