"""Deploy: draw the weights of a trained run on the device, and see how good the drawn networks are."""

from __future__ import annotations

import time
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from app import figures, state
from app.describe import duration_text
from app.figures.devices import distance_bars, score_bars
from app.figures.palette import DEVICE
from app.figures.shots import string_histogram
from app.live_chart import live_chart
from app.views._explore_jobs import Job, Watch, jobs
from app.views._hardware_device import Device, engine_of, exact_engine
from app.views._hardware_source import Source
from qhn_core.analysis.deployment import Deployment, deploy
from qhn_core.analysis.drawn_scores import DrawnScores

SHOTS = ("256", "1024", "4096", "8192")
HEIGHT = 300


class Done(NamedTuple):
    """What came back."""

    found: Deployment
    seconds: float


def show(source: Source, device: Device) -> bool:
    """Controls, charts and numbers; returns whether more will come by itself."""
    left, middle, cancel, right = st.columns([1, 1.2, 0.8, 3.4], gap="small", vertical_alignment="bottom")
    with left:
        shots = str(
            st.selectbox("Shots", SHOTS, SHOTS.index(state.choice("draws", SHOTS, "1024")), key="hardware.draws")
        )
        state.keep_choice("draws", shots)
    key = ("hardware", "deploy", *source.key, *device.key, shots)
    job = jobs().known(key)
    running = job is not None and not job.ready
    with middle:
        pressed = st.button(
            "Draw weights",
            key="hardware.deploy",
            type="primary",
            icon=":material/casino:",
            width="stretch",
            disabled=running or device.config is None,
        )
    if pressed and not running:
        jobs().drop(key)
        job = jobs().get(key, partial(_work, source, device, int(shots)), patience=0.3, lasting=True)
        running = not job.ready
    with cancel:
        if st.button("Cancel", key="hardware.deploy.cancel", width="stretch", disabled=not running):
            jobs().drop(key)
            job, running = None, False
    with right:
        _status(device, job, int(shots))
    done: Done | None = job.result if job is not None else None
    _charts(source, device, None if done is None else done.found, int(shots))
    return running


def _work(source: Source, device: Device, shots: int, watch: Watch) -> Done:
    engine, began = engine_of(device), time.monotonic()
    found = deploy(
        source.circuit,
        source.theta,
        source.problem,
        engine=engine,
        exact_engine=exact_engine(),
        shots=shots,
        parts=1 if device.remote else parts(source),
        progress=watch.progress,
        cancelled=watch.cancelled,
    )
    return Done(found, time.monotonic() - began)


def parts(source: Source) -> int:
    """Jobs that shots are divided into on this machine, for progress and Cancel.

    Few where a job's price is one density matrix, however many shots it gives; more where every shot is simulated.
    """
    return 2 if source.circuit.n_qubits <= 10 else 8


def _status(device: Device, job: Job | None, shots: int) -> None:
    if device.waiting:
        st.caption(":material/hourglass_top: Loading Qiskit …")
    elif job is None:
        where = "jobs leave this machine and may cost money" if device.remote else device.label
        st.caption(f"1 circuit, {shots:,} shots on {where}.")
    elif job.message:
        st.error(job.message, icon=":material/error:")
    elif not job.ready:
        waited = time.monotonic() - job.began
        st.progress(job.fraction, text=f"Drawing on {device.label} … {job.fraction:.0%}, {waited:.0f} s")
    elif job.result is not None:
        st.caption(f"{shots:,} shots on {device.label} in {duration_text(job.result.seconds)}.")


def _charts(source: Source, device: Device, found: Deployment | None, shots: int) -> None:
    left, right = st.columns([1.25, 1], gap="small")
    colour = figures.loss_colour(source.objective.name)
    with left:
        seen = np.zeros_like(source.q) if found is None else found.seen
        figure = string_histogram(
            source.q,
            seen,
            shots=shots,
            title="Ideal and device" if found is None else f"Ideal and {device.label.split(',')[0]}",
            drawn="device",
            colour=DEVICE if not device.perfect else colour,
        )
        alt = (
            "Exact probabilities of the likeliest strings; nothing drawn yet."
            if found is None
            else f"Likeliest strings, ideal against {device.label}: total variation {found.total_variation:.3f}."
        )
        live_chart(figure, name="deploy-histogram", alt=alt, height=HEIGHT)
    with right:
        _distance(found)
    scores = None if found is None else (found.ideal_scores, found.scores)
    if found is not None and scores is not None and scores[0] is not None and scores[1] is not None:
        _scores(scores[0], scores[1])
    elif found is not None:
        st.caption("Without a network and test labels there is no accuracy: distances only.")


def _distance(found: Deployment | None) -> None:
    """Total variation distance, beside what shots alone produce."""
    if found is None:
        figure = figures.message("Total variation distance", "Draw weights to see what the device makes of them")
        live_chart(figure, name="deploy-distance", alt="Total variation distance: nothing drawn yet.", height=HEIGHT)
        return
    mean, high = found.shot_variation
    figure = distance_bars(found.total_variation, mean, high)
    alt = (
        f"Total variation distance {found.total_variation:.3f}; an ideal sampler with as many shots has {mean:.3f} "
        f"on average and less than {high:.3f} in 95 of 100 cases."
    )
    live_chart(figure, name="deploy-distance", alt=alt, height=HEIGHT)


def _scores(ideal: DrawnScores, device: DrawnScores) -> None:
    left, right = st.columns(2, gap="small")
    for column, name, fields, unit in (
        (left, "accuracy", ("accuracy", "vote_accuracy"), "share correct"),
        (right, "nll", ("nll", "vote_nll"), "nats per example"),
    ):
        rows: list[tuple[str, tuple[float, float], tuple[float, float]]] = [
            (label, tuple(getattr(ideal, part)), tuple(getattr(device, part)))
            for label, part in zip(("one drawn network", "all of them together"), fields, strict=True)
        ]
        title = {"accuracy": "Test accuracy", "nll": "Test NLL"}[name]
        words = "; ".join(f"{r[0]}: ideal {r[1][0]:.3f}, device {r[2][0]:.3f} ± {r[2][1]:.3f}" for r in rows)
        with column:
            figure = score_bars(rows, title=title, unit=unit)
            live_chart(figure, name=f"deploy-{name}", alt=f"{title}: {words}.", height=210)
