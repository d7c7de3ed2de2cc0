"""Deploy: draw the weights of a trained run on the device, and see how good the drawn networks are."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from app import figures, state
from app.controls import Controls
from app.describe import duration_text
from app.figures.devices import distance_bars, marginal_scatter, score_bars, surprise
from app.figures.palette import DEVICE
from app.figures.shots import string_histogram
from app.jobs import Job, Watch, jobs
from app.live_chart import live_chart
from app.remote import Question, digest
from app.views.hardware.device import Device, engine_of, exact_engine
from app.views.hardware.source import Source
from qhn_core.analysis.deployment import Deployment, deploy
from qhn_core.analysis.drawn_scores import DrawnScores
from qhn_core.engines.devices.retry import stopping
from qhn_core.engines.statevector import MAX_QUBITS
from qhn_core.planning import RemoteCost

SHOTS = ("64", "256", "1024", "4096", "8192")
HEIGHT = 300
_DRAW = "Draw weights"
PAGE = Controls("hardware", problem="hardware.problem")
QUESTION = Question("hardware.question")


class Done(NamedTuple):
    """What came back."""

    found: Deployment
    seconds: float


def show(source: Source, device: Device) -> bool:
    """Controls, charts and numbers; returns whether more will come by itself."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        shots = str(
            st.selectbox(
                "Shots",
                SHOTS,
                SHOTS.index(state.choice("draws", SHOTS, "1024")),
                key="hardware.draws",
                width=110,
                help="How many networks are drawn: more shots make shares more precise.",
            )
        )
        state.keep_choice("draws", shots)
        wish = Wish(source, device, int(shots))
        running = wish.running
        PAGE.button(
            _DRAW,
            "casino",
            _pressed,
            wish,
            wish.about,
            primary=True,
            off=running or device.config is None,
            key="deploy",
            hint="Measure the circuit on the chosen device: each shot is one network",
        )
        st.button(
            "Cancel",
            key="hardware.deploy.cancel",
            on_click=_cancel,
            args=(wish, wish.key),
            disabled=not running,
            help="Leave off waiting for the device",
        )
        job = jobs().known(wish.key)
        with st.container():
            _status(wish, job)
    with st.container():  # one place, whether or not there is a question: the charts below keep theirs
        if QUESTION.parts() == (_DRAW, wish.about):
            QUESTION.show(PAGE, RemoteCost(1, wish.shots, (device.label,)), partial(_draw, wish))
    done: Done | None = job.result if job is not None else None
    _charts(source, device, None if done is None else done.found, int(shots))
    return job is not None and not job.ready


@dataclass(frozen=True, eq=False)
class Wish:
    """What Draw weights would draw: whose circuit, where, and how often it is measured."""

    source: Source
    device: Device
    shots: int

    @property
    def number(self) -> int:
        """Which draw is shown, from 1; the same number draws the same strings again, on a simulator."""
        return max(int(state.recall(f"hardware.draw.{self._name}", state.number("draw", 1) or 1)), 1)

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What its result is kept under."""
        return (*self._base, self.number)

    @property
    def about(self) -> str:
        """What the button and its question are about: another text once this draw is there."""
        job = jobs().known(self.key)
        return f"{self._name}.{self.number}.{job is not None and job.result is not None}"

    @property
    def running(self) -> bool:
        """Whether it is being drawn."""
        job = jobs().known(self.key)
        return job is not None and not job.ready

    def turn_to(self, number: int) -> None:
        """Show another draw."""
        state.remember(f"hardware.draw.{self._name}", number)
        state.keep_choice("draw", number)

    @property
    def _base(self) -> tuple[Hashable, ...]:
        return ("hardware", "deploy", *self.source.key, *self.device.key, str(self.shots))

    @property
    def _name(self) -> str:
        return digest(repr(self._base))


def _pressed(wish: Wish, about: str) -> None:
    """Draw, or ask first where the job leaves this machine. A second click does nothing."""
    if wish.running or wish.about != about:
        return
    if wish.device.remote:
        QUESTION.ask(_DRAW, wish.about)
    else:
        _draw(wish)


def _draw(wish: Wish) -> None:
    """Draw anew after a draw that worked, the same once more after one that did not."""
    job = jobs().known(wish.key)
    wish.turn_to(wish.number + (job is not None and job.result is not None))
    jobs().drop(wish.key)
    jobs().get(wish.key, partial(_work, wish, wish.number - 1), patience=0.3, lasting=True)


def _cancel(wish: Wish, key: tuple[Hashable, ...]) -> None:
    """Give up the draw under way, and go back to the one before it."""
    if wish.key != key:  # a second click
        return
    jobs().drop(key)
    if wish.number > 1:
        wish.turn_to(wish.number - 1)


def _work(wish: Wish, seed: int, watch: Watch) -> Done:
    source, began = wish.source, time.monotonic()
    with stopping(watch.cancelled):  # Cancel does not wait for a device, and calls its job back
        found = deploy(
            source.circuit,
            source.theta,
            source.problem,
            engine=engine_of(wish.device),
            exact_engine=exact_engine(),
            shots=wish.shots,
            seed=seed,
            parts=1 if wish.device.remote else parts(source),
            progress=watch.progress,
            cancelled=watch.cancelled,
        )
    return Done(found, time.monotonic() - began)


def parts(source: Source) -> int:
    """Jobs that shots are divided into on this machine, for progress and Cancel.

    Few where a job's price is one density matrix, however many shots it gives; more where every shot is simulated.
    """
    return 2 if source.circuit.n_qubits <= 10 else 8


def _status(wish: Wish, job: Job | None) -> None:
    device, drawn = wish.device, f"Draw {wish.number}: {wish.shots:,} shots on {wish.device.label}"
    if device.waiting:
        st.caption(":material/hourglass_top: Loading Qiskit …")
    elif job is None:
        leaves = ", which leave this machine and may cost money" if device.remote else ""
        st.caption(f"1 circuit, {wish.shots:,} shots on {device.label}{leaves}.")
    elif job.message:
        st.error(job.message, icon=":material/error:")
    elif not job.ready:
        waited = time.monotonic() - job.began
        st.progress(job.fraction, text=f"Drawing on {device.label} … {job.fraction:.0%}, {waited:.0f} s")
    elif job.result is not None:
        st.caption(f"{drawn} in {duration_text(job.result.seconds)}.")


def _charts(source: Source, device: Device, found: Deployment | None, shots: int) -> None:
    left, right = st.columns([1.25, 1], gap="small")
    colour = figures.loss_colour(source.objective.name)
    with left:
        if source.circuit.n_qubits > MAX_QUBITS:
            figure, alt = _marginals(device, found, shots)
        elif found is None and not source.enumerated:
            figure = figures.message("Ideal and device", "Nothing drawn yet: press Draw weights")
            alt = "Ideal and device: nothing drawn yet."
        else:
            figure, alt = _histogram(source, device, found, shots, colour)
        name = "deploy-marginals" if source.circuit.n_qubits > MAX_QUBITS else "deploy-histogram"
        live_chart(figure, name=name, alt=alt, height=HEIGHT)
    with right:
        if source.circuit.n_qubits > MAX_QUBITS:
            _surprise(found)
        else:
            _distance(found)
    scores = None if found is None else (found.ideal_scores, found.scores)
    if found is not None and scores is not None and scores[0] is not None and scores[1] is not None:
        _scores(scores[0], scores[1])
    elif found is not None:
        st.caption("Without a network and test labels there is no accuracy: distances only.")


def _histogram(
    source: Source, device: Device, found: Deployment | None, shots: int, colour: str
) -> tuple[figures.Figure, str]:
    figure = string_histogram(
        source.q if found is None else found.ideal,
        np.zeros_like(source.q) if found is None else found.seen,
        listed=None if found is None else found.listed,
        shots=shots,
        title=_title(device, found),
        drawn="device",
        colour=DEVICE if not device.perfect else colour,
    )
    alt = (
        "Exact probabilities of the likeliest strings; nothing drawn yet."
        if found is None
        else f"Likeliest strings, ideal against {device.label}: total variation {found.total_variation:.3f}."
    )
    return figure, alt


def _title(device: Device, found: Deployment | None) -> str:
    if found is None:
        return "Ideal and device"
    return "Exact and drawn" if device.perfect else f"Ideal and {device.label.split(',')[0]}"


def _marginals(device: Device, found: Deployment | None, shots: int) -> tuple[figures.Figure, str]:
    """Every bit's marginal: of many bits hardly any string is drawn twice, so strings cannot be set side by side."""
    title = "How often each bit is 1: ideal and device"
    if found is None or found.wide is None:
        return figures.message(title, "Nothing drawn yet: press Draw weights"), f"{title}: nothing drawn yet."
    drawn, ideal = found.wide.marginals
    sigma = np.sqrt(np.maximum(ideal * (1.0 - ideal), 1e-12) / shots)
    outside = float((np.abs(drawn - ideal) > 2.0 * sigma + 1e-9).mean())
    worst = float(np.abs(drawn - ideal).max())
    alt = (
        f"{len(ideal)} bits on {device.label}: {outside:.0%} lie outside 2 standard deviations of the shots "
        f"(about 5 % do by shots alone); the largest difference is {worst:.3f}."
    )
    return marginal_scatter(ideal, drawn, shots=shots, title=f"{title}; {outside:.0%} outside 2 σ"), alt


def _surprise(found: Deployment | None) -> None:
    """How improbable the ideal circuit finds the strings that it and the device drew."""
    title = "How likely the ideal circuit draws these strings"
    if found is None or found.wide is None:
        figure = figures.message(title, "Nothing drawn yet: press Draw weights")
        live_chart(figure, name="deploy-surprise", alt=f"{title}: nothing drawn yet.", height=HEIGHT)
        return
    told = []
    for name, values in (("ideal", found.wide.ideal_log_q), ("device", found.wide.log_q)):
        known = values[np.isfinite(values)]
        never = len(values) - len(known)
        error = known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else float("nan")
        mean = -known.mean() if len(known) else float("nan")
        told.append(f"{name} {mean:.2f} ± {error:.2f}" + (f" ({never} that it never draws)" if never else ""))
    figure = surprise(found.wide.ideal_log_q, found.wide.log_q, title="−log q: " + ", ".join(told))
    alt = f"Mean −log q of a drawn string in nats: {'; '.join(told)}."
    live_chart(figure, name="deploy-surprise", alt=alt, height=HEIGHT)


def _distance(found: Deployment | None) -> None:
    """Total variation distance, beside what shots alone produce."""
    if found is None:
        figure = figures.message("Total variation distance", "Nothing drawn yet: press Draw weights")
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
