"""From a run, a preview or an instant result to what the Train page shows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app import services
from app.jobs import Watch, jobs
from app.pictures import SHOTS
from app.previews import draw_strings, simulator
from app.views.train import instant
from app.views.train.quick import as_reached
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError


def of_preview(config: RunConfig) -> Shown:
    """What a configuration looks like before its first step."""
    found = services.previews().get(config)
    row = found.row or {}
    return Shown(
        key=f"preview:{hashlib.sha256(config.to_json().encode()).hexdigest()}",
        config=config,
        status=None,
        steps=np.zeros(1 if row else 0, dtype=np.int64),
        history={name: value[None] for name, value in row.items()},
        setup=found.setup,
        theta=found.theta,
        probs=found.probs,
        bits=found.bits,
        note=found.message,
    )


def of_instant(config: RunConfig, *, patience: float = instant.PATIENCE) -> Shown:
    """Where a configuration ends, trained at once; its preview where that takes longer than so many seconds."""
    job = instant.result(config, patience=patience)
    if job.result is None:
        return replace(of_preview(config), pending=not job.ready, note=job.message)
    found: instant.Instant = job.result
    return Shown(
        key=instant.name_of(config),
        config=config,
        status=None,
        steps=found.steps,
        history=found.history,
        setup=found.setup,
        step=int(found.steps[-1]),
        theta=found.theta,
        took=found.seconds,
    )


def of_run(run_id: str, config: RunConfig) -> Shown:
    """Where a run stands; raises UnknownRun if there is none of this id."""
    supervisor = services.supervisor()
    status = supervisor.status(run_id)
    rows = supervisor.curves(run_id)
    snapshot = supervisor.snapshot(run_id)
    setup, note = supervisor.setup(run_id), ""
    if setup is None and not status.active:
        found = services.previews().get(config)
        setup, note = found.setup, found.message
    shown = Shown(f"run:{run_id}", config, status, rows.steps, rows.history, setup, note=note)
    if snapshot is not None:
        s = snapshot
        shown = replace(shown, step=s.step, theta=s.theta, probs=s.probs, bits=s.bits)
        return with_strings(as_reached(shown, run_id))
    return _before_the_first_step(shown) if status.active else shown


def _before_the_first_step(shown: Shown) -> Shown:
    """A run that is being prepared, as its preview showed it, so that nothing vanishes when Train is pressed."""
    found = services.previews().peek(shown.config)
    if found.row is None:
        return shown
    first = {name: value[None] for name, value in found.row.items()}
    return replace(
        shown,
        steps=np.zeros(1, dtype=np.int64),
        history=first,
        setup=shown.setup or found.setup,
        theta=found.theta,
        probs=found.probs,
        bits=found.bits,
    )


def with_strings(shown: Shown) -> Shown:
    """A resting run with strings drawn at its angles where neither they nor its distribution are in memory.

    This takes seconds at 24 qubits, so it is done in the background; a run under way brings its own.
    """
    setup, theta = shown.setup, shown.theta
    if not shown.rests or shown.bits is not None or setup is None or theta is None or shown.enumerable:
        return shown
    if simulator(shown.config, setup.circuit) is None:
        return replace(shown, note=f"{setup.plan.n_qubits} qubits: too many to simulate on this machine.")
    seed = shown.config.seed

    def work(watch: Watch) -> NDArray[np.uint8]:
        return draw_strings(setup, theta, SHOTS, seed=seed, step=shown.step, cancelled=watch.cancelled)[0]

    job = jobs().get(("train", "strings", shown.key, shown.step), work)
    return replace(shown, bits=job.result, pending=not job.ready, note=shown.note or job.message)


@lru_cache(maxsize=128)
def _config(run_id: str, text: str) -> RunConfig:
    return RunConfig.from_json(text)


def config_of(run_id: str) -> RunConfig:
    """A run's configuration; raises UnknownRun or ConfigError."""
    return _config(run_id, services.store().get(run_id).config_json)


def is_active(run_id: str | None) -> bool:
    """Whether the run is queued, preparing, running or paused."""
    if run_id is None:
        return False
    try:
        return services.supervisor().status(run_id).active
    except QHNError:
        return False


def why_lost(run_id: str) -> str:
    """Why there is no such run to be shown; empty if there is."""
    try:
        services.supervisor().status(run_id)
    except QHNError as error:
        return str(error)
    return ""


def wait_for_setup(run_id: str | None, config: RunConfig, timeout: float) -> None:
    """Give the setup of a configuration, or of a run that is no longer in memory, a moment to be ready."""
    if run_id is None:
        services.previews().wait(config, timeout)
    elif services.supervisor().setup(run_id) is None and not is_active(run_id):
        services.previews().wait(config_of(run_id), timeout)
