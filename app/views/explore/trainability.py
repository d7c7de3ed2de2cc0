"""Explore: variance of the gradient against size, depth, initialisation and loss, and where the run stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from app import services, state
from app.describe import loss_names
from app.figures.trainability import Curve, steepness, variance_curves
from app.jobs import Job, Watch, jobs, result
from app.live_chart import live_chart
from app.numbers import digits
from app.views.explore.focus import Focus, View
from qhn_core.analysis.trainability import GradientVariance, gradient_variance, relative_gradient
from qhn_core.studies.variance import MOST_QUBITS, STARTS, Against, Series, compare_variance

AGAINST: dict[str, str] = {"qubits": "number of qubits N", "layers": "circuit layers"}
#: Random starts of a point.
STARTS_PER_POINT = 64
HEIGHT = 300


def show(view: View, focus: Focus) -> None:
    """What to measure, the curves with their slopes, and the run beside random starts."""
    against, losses, starts, pressed = _controls()
    key = ("variance", focus.chosen.key, against, tuple(losses), tuple(starts))
    job = jobs().known(key)
    if pressed and losses and starts and (job is None or (job.ready and job.result is None)):
        jobs().drop(key)
        job = jobs().get(key, lambda watch: _measure(focus, against, losses, starts, watch), lasting=True)
    left, right = st.columns([1.35, 1], gap="small")
    with left:
        _curves(view, focus, job, against)
    with right:
        _standing(view, focus)


def _controls() -> tuple[Against, list[str], list[str], bool]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        key = "explore.against"
        chosen = st.segmented_control(
            "Against",
            list(AGAINST),
            default=state.choice("against", list(AGAINST), "qubits"),
            key=key,
            required=True,
            on_change=lambda: state.keep_choice("against", state.widget(key)),
            help="What grows along x: the number of qubits, or of layers.",
        )
        losses = st.pills(
            "Losses",
            list(loss_names()),
            selection_mode="multi",
            default=list(loss_names()),
            format_func=lambda name: loss_names()[name],
            key="explore.losses",
            help="Losses whose slope is measured.",
        )
        starts = st.pills(
            "Initial angles",
            list(STARTS),
            selection_mode="multi",
            default=list(STARTS),
            key="explore.starts",
            help="Where training would begin: anywhere, or near zero.",
        )
        pressed = st.button(
            "Measure",
            type="primary",
            icon=":material/speed:",
            key="explore.measure",
            help="Measure how steep the loss is at random starts",
        )
    against: Against = "layers" if chosen == "layers" else "qubits"
    return against, list(losses), list(starts), pressed


def _measure(focus: Focus, against: Against, losses: list[str], starts: list[str], watch: Watch) -> list[Series]:
    if against == "layers" and focus.problem.n_bits > MOST_QUBITS:
        from qhn_core.errors import TooLarge

        raise TooLarge(f"A scan over depth is offered up to {MOST_QUBITS} qubits; this run has {focus.problem.n_bits}.")
    return compare_variance(
        focus.config,
        against=against,
        losses=losses,
        starts=starts,
        replicas=STARTS_PER_POINT,
        uploads=services.uploads(),
        progress=watch.progress,
        share=watch.share,
        cancelled=watch.cancelled,
    )


def _curves(view: View, focus: Focus, job: Job | None, against: Against) -> None:
    series: list[Series] = []
    if job is not None:
        series = job.result or job.partial or []
        view.waiting |= not job.ready
        if job.message:
            st.info(job.message, icon=":material/info:")
        elif not job.ready:
            st.progress(job.fraction, text=f"Measuring {STARTS_PER_POINT} random starts a point: {job.fraction:.0%}")
    curves = [
        Curve(
            s.loss,
            s.start,
            s.scan.values,
            *(np.array(v) for v in zip(*[(p.variance, p.error) for p in s.scan.points], strict=True)),
        )
        for s in series
    ]
    here: float = focus.problem.n_bits if against == "qubits" else focus.config.ansatz.layers
    live_chart(
        variance_curves(curves, against=AGAINST[against], labels=loss_names(), here=here if curves else None),
        name="trainability",
        alt=_told(series, against),
        height=HEIGHT,
    )
    if series:
        _slopes(series, against)
    else:
        st.caption("Measures Var ∂L over random starts, exactly, for each loss and initialisation; a few seconds.")


def _told(series: list[Series], against: str) -> str:
    if not series:
        return "Gradient variance over random starts: not measured yet."
    first = series[0]
    return (
        f"Gradient variance against {AGAINST[against]}, {len(series)} curves; {loss_names()[first.loss]} from "
        f"{first.start} angles changes by a factor {first.scan.slope.factor:.3g} a step."
    )


def _slopes(series: list[Series], against: str) -> None:
    unit = "qubit" if against == "qubits" else "layer"
    rows: list[dict[str, Any]] = [
        {
            "Loss": loss_names()[s.loss],
            "Initial angles": s.start,
            f"× per {unit}": s.scan.slope.factor,
            "log slope": s.scan.slope.slope,
            "± se": s.scan.slope.error,
        }
        for s in series
    ]
    number = st.column_config.NumberColumn
    st.dataframe(
        rows,
        hide_index=True,
        height=148,
        column_config={
            f"× per {unit}": number(format="%.3f", help="What each further one multiplies the variance by"),
            "log slope": number(format="%.3f"),
            "± se": number(format="%.3f"),
        },
        key="explore.slopes",
    )


def _standing(view: View, focus: Focus) -> None:
    if focus.problem.n_bits > MOST_QUBITS:
        st.caption(f"The run is set beside random starts up to {MOST_QUBITS} qubits.")
        return

    def work(watch: Watch) -> GradientVariance:
        from qhn_core.engines import engine

        config = focus.config
        return gradient_variance(
            focus.circuit,
            focus.problem,
            config.objective,
            engine=engine("statevector"),
            replicas=STARTS_PER_POINT,
            seed=config.seed + 1,
            cancelled=watch.cancelled,
        )

    found: GradientVariance | None = result(view.ask(focus.key, "standing", 0, work), "Drawing random starts")
    if found is None:
        return
    chosen = focus.chosen
    steps = chosen.steps
    norms = chosen.history.get("grad_norm", np.zeros((0, 1)))
    ratio = relative_gradient(norms, found)
    live_chart(
        steepness(steps, ratio, objective=focus.objective, total=focus.config.steps),
        name="steepness",
        alt="Mean squared gradient of the run over that of random starts, by step.",
        height=HEIGHT,
    )
    told = f"Random uniform starts of this circuit: Var ∂L/n = {digits(found.variance)} per rad²"
    told += f", {found.active} of {found.n_params} angles move the loss."
    if len(steps):
        last = digits(float(np.nanmedian(ratio[-1])))
        told += f" At step {int(steps[-1])} this run's squared gradient is {last} of that."
    st.caption(told)
