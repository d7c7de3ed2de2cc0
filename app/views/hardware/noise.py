"""Noise study: noise strength against loss, for the trained circuit and for training under the noise."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from app import figures, state
from app.figures.noise import distance_curve, noise_curve
from app.jobs import Job, Watch, jobs
from app.live_chart import live_chart
from app.resting import gently
from app.views.hardware.device import Device
from app.views.hardware.shots import loss_choice
from app.views.hardware.source import Source
from qhn_core.analysis.dial import exact_values
from qhn_core.objectives.base import ObjectiveConfig

Array = NDArray[np.float64]
#: λ after two-qubit gates, as fractions of the largest.
_GRID = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
_LARGEST = {"2": 0.02, "5": 0.05, "10": 0.1, "20": 0.2, "50": 0.5, "100": 1.0}
_SHARES = {"0": 0.0, "0.1": 0.1, "0.5": 0.5, "1": 1.0}
#: Largest N of exact density matrices here, and of training under noise.
EXACT, _TRAINABLE = 9, 6
#: Shots at each strength beyond that.
SHOTS = 1024
_STEPS, _HEIGHT = 30, 330
#: Pixels of a menu.
_WIDTH = 112
#: Strengths trained at, as fractions of the largest. At 0 they show what further steps alone give.
_TRAINED_AT = (0.0, 0.1, 0.5, 1.0)
_FURTHER = (
    f" Squares: the best of {_STEPS} further Adam steps from these angles under that noise; at λ₂ = 0, what further "
    "steps give without noise."
)
_FLOOR = " Finite shots alone make a distance (dashed), and more of it where noise spreads q over more strings."


class Study(NamedTuple):
    """Loss and distance against strength; ``error``, ``shots`` and ``floor`` are None where they are exact."""

    strengths: Array
    loss: Array
    error: Array | None
    distance: Array
    uniform: float
    shots: int | None = None
    floor: float | None = None


def show(source: Source, device: Device) -> bool:
    """Controls and charts; returns whether more will come by itself."""
    if not _ready():
        return True
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    with row:
        objective = loss_choice(source, "noise_loss", avoid_elbo=source.circuit.n_qubits > EXACT, width=_WIDTH)
        end = "The strongest noise of two-qubit gates that is tried: the end of the x axis."
        largest = _LARGEST[_pick("Largest λ₂, %", "noise_top", _LARGEST, "20", end)]
        beside = "How noisy one-qubit gates are beside two-qubit gates; on real devices they are better."
        share = _SHARES[_pick("λ₁ / λ₂", "noise_share", _SHARES, "0.1", beside)]
    if objective.needs_log_q and source.circuit.n_qubits > EXACT:
        st.info(f"Beyond {EXACT} qubits the study draws shots, and shots never tell {objective.short}.")
        return False
    readout = device.noise[2]
    key = (*source.key, objective.model_dump_json(), largest, share, readout)
    work = partial(_study, source, objective, largest * np.array(_GRID), share, readout)
    study = jobs().get(("hardware", "noise", *key), work, patience=0.4)
    trained = _training(source, objective, largest, share, readout, key, row)
    _charts(source, objective, study.result, None if trained is None else trained.partial)
    with st.container():  # under the charts, which so stay where they are when a bar comes or goes
        _progress(study, trained)
    exactly = "exact density matrices" if source.circuit.n_qubits <= EXACT else f"{SHOTS:,} shots each"
    st.caption(
        f"A depolarising channel after every gate, ρ → (1−λ)ρ + λ I/2ᵏ (Qiskit's λ; PennyLane's one-qubit p is ¾λ): "
        f"λ₂ after two-qubit gates, λ₁ = {share:g} λ₂ after one-qubit gates, readout error {readout:.1%}; {exactly}."
        + (_FURTHER if trained is not None else "")
        + (_FLOOR if source.circuit.n_qubits > EXACT else "")
        + (" At λ₂ = 0 readout errors remain." if readout else "")
    )
    return any(job is not None and not job.ready for job in (study, trained))


def _ready() -> bool:
    from app.views.hardware.device import loading

    job = loading()
    if not job.ready:
        st.progress(job.fraction, text="Loading Qiskit …")
    return job.ready


def _pick(label: str, name: str, offered: dict[str, float], first: str, text: str) -> str:
    names = list(offered)
    at = names.index(state.choice(name, names, first))
    picked = str(st.selectbox(label, names, at, key=f"hardware.{name}", help=text, width=_WIDTH))
    state.keep_choice(name, picked)
    return picked


def _study(
    source: Source, objective: ObjectiveConfig, strengths: Array, share: float, readout: float, watch: Watch
) -> Study:
    common: dict[str, Any] = {
        "strengths": strengths,
        "one_qubit_share": share,
        "readout_error": readout,
        "step": source.step,
        "progress": gently(watch.progress),
        "cancelled": watch.cancelled,
    }
    flat = np.full_like(source.q, 1.0 / source.q.size)
    uniform = exact_values(flat, source.problem, objective, step=source.step).loss
    if source.circuit.n_qubits <= EXACT:
        from qhn_core.analysis.noise import noise_sweep

        found = noise_sweep(source.circuit, source.theta, source.problem, objective, **common)
        return Study(strengths, found.loss[:, 0], None, found.total_variation[:, 0], uniform)
    from qhn_core.analysis.noise_shots import sampled_sweep

    seen = sampled_sweep(source.circuit, source.theta, source.problem, objective, ideal=source.q, shots=SHOTS, **common)
    return Study(strengths, seen.loss, seen.loss_error, seen.total_variation, uniform, seen.shots, seen.floor)


def _training(
    source: Source,
    objective: ObjectiveConfig,
    largest: float,
    share: float,
    readout: float,
    key: tuple[Any, ...],
    place: DeltaGenerator,
) -> Job | None:
    """Training under the noise at a few strengths, once asked for."""
    name = ("hardware", "noisy training", *key)
    job = jobs().known(name)
    running = job is not None and not job.ready
    failed = job is not None and bool(job.message)
    small = source.circuit.n_qubits <= _TRAINABLE
    with place:
        pressed = st.button(
            "Train under noise too",
            key="hardware.noise.train",
            disabled=(job is not None and not failed) or not small,
            help=f"{_STEPS} further steps from these angles, on the exact noisy loss, at {len(_TRAINED_AT)} strengths"
            if small
            else f"Exact training under noise is small: up to {_TRAINABLE} qubits. Use Train here for more.",
        )
        if st.button(
            "Cancel",
            key="hardware.noise.cancel",
            disabled=not running,
            help="End the training under noise; what is there stays",
        ):
            jobs().drop(name)
            return None
    if not pressed:
        return job
    jobs().drop(name)
    work = partial(_train, source, objective, largest * np.array(_TRAINED_AT), share, readout)
    return jobs().get(name, work, patience=0.1, lasting=True)


def _train(
    source: Source, objective: ObjectiveConfig, strengths: Array, share: float, readout: float, watch: Watch
) -> dict[float, float]:
    """λ -> exact noisy loss after training on at it."""
    from qhn_core.analysis.noise_training import train_under_noise

    found: dict[float, float] = {}
    told = gently(watch.progress)
    for k, strength in enumerate(strengths):
        trained = train_under_noise(
            source.circuit,
            source.theta,
            source.problem,
            objective,
            noise_1q=share * float(strength),
            noise_2q=float(strength),
            readout_error=readout,
            steps=_STEPS,
            schedule_step=source.step,
            progress=lambda fraction, k=k: told((k + fraction) / len(strengths)),  # type: ignore[misc]
            cancelled=watch.cancelled,
        )
        found[float(strength)] = trained.best
        watch.share(dict(found))
    return found


def _progress(study: Job, trained: Job | None) -> None:
    for job, what in ((study, "Sweeping the noise"), (trained, "Training under noise")):
        if job is None:
            continue
        if job.message:
            st.error(job.message, icon=":material/error:")
        elif not job.ready:
            st.progress(job.fraction, text=f"{what} … {job.fraction:.0%}, {time.monotonic() - job.began:.0f} s")


def _charts(
    source: Source, objective: ObjectiveConfig, study: Study | None, trained: dict[float, float] | None
) -> None:
    left, right = st.columns([1.25, 1], gap="small")
    name = objective.short
    title = f"{name} against noise strength"
    if study is None:
        for column, chart, what in ((left, "noise-study", title), (right, "noise-distance", "Total variation")):
            with column:
                figure = figures.message(what, "Simulating the noise …")
                live_chart(figure, name=chart, alt=f"{what}: being calculated.", height=_HEIGHT)
        return
    with left:
        figure = noise_curve(
            study.strengths,
            study.loss,
            error=study.error,
            uniform=study.uniform,
            trained=trained,
            objective=objective.name,
            title=title,
        )
        alt = f"{title}: {study.loss[0]:.3g} without noise, {study.loss[-1]:.3g} at λ₂ = {study.strengths[-1]:.2g}."
        live_chart(figure, name="noise-study", alt=alt, height=_HEIGHT)
    with right:
        figure = distance_curve(study.strengths, study.distance, floor=study.floor, shots=study.shots)
        alt = f"Total variation from the noiseless circuit, up to {study.distance[-1]:.2f}."
        if study.floor is not None:
            alt += f" Of {study.shots:,} draws each; as many noiseless draws are {study.floor:.2f} away on average."
        live_chart(figure, name="noise-distance", alt=alt, height=_HEIGHT)
