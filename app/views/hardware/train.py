"""Train here: the run's configuration on the device, after its cost was shown and confirmed."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import services, state
from app.controls import about_text
from app.describe import loss_names
from app.jobs import Job, Watch, jobs
from app.remote import agree_to, digest
from app.views.hardware import trained
from app.views.hardware.deploy import PAGE
from app.views.hardware.device import Device, engine_of
from app.views.hardware.shots import loss_choice
from app.views.hardware.source import Source
from qhn_core.config import ConfigError, RunConfig
from qhn_core.errors import QHNError
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.planning import Plan, plan

ESTIMATORS = {"spsa": "SPSA", "parameter_shift": "Parameter shift"}
SHOTS = ("64", "256", "1024", "4096")
#: Circuits timed together, as a step sends many at once.
_TIMED = 4
#: In the session: the configuration that waits for a yes.
_ASKED = "hardware.asked"


def show(source: Source, device: Device) -> bool:
    """Settings, cost, confirmation and the live loss; returns whether more will come by itself."""
    settings, right = st.columns([1, 1.5], gap="medium")
    with settings:
        config, objective = _settings(source, device)
        needs, problem = _planned(config)
        timing = _timing(source, device, config, needs)
        if objective.needs_log_q:
            _refuse(problem, objective)
        elif problem:
            st.error(problem, icon=":material/block:")
        elif config is not None and needs is not None:
            _confirm(source, config, needs, device, timing)
    with right:
        active = trained.show(source)
    return active or (timing is not None and not timing.ready)


def _settings(source: Source, device: Device) -> tuple[RunConfig | None, ObjectiveConfig]:
    """The widgets; the configuration they make, None while the device is not ready."""
    left, right = st.columns(2, gap="small")
    with left:
        objective = loss_choice(source, "train_loss", avoid_elbo=False)
    with right:
        name = str(
            st.selectbox(
                "Gradient",
                list(ESTIMATORS),
                list(ESTIMATORS).index(state.choice("gradient", list(ESTIMATORS), "spsa")),
                format_func=ESTIMATORS.__getitem__,
                key="hardware.gradient",
                help="How the slope is measured: SPSA takes three circuits a step, parameter shift two an angle.",
            )
        )
        state.keep_choice("gradient", name)
    left, right = st.columns(2, gap="small")
    with left:
        at = SHOTS.index(state.choice("train_shots", SHOTS, "256"))
        shots = int(
            st.selectbox(
                "Shots a circuit",
                SHOTS,
                at,
                key="hardware.train.shots",
                help="How often each circuit is measured: more shots make each step surer and dearer.",
            )
        )
        state.keep_choice("train_shots", shots)
    with right:
        first = min(max(state.number("steps", 20) or 20, 1), 500)
        steps = int(
            st.number_input(
                "Steps",
                1,
                500,
                first,
                key="hardware.train.steps",
                help="How often the angles move; each step costs circuits.",
            )
        )
        state.keep_choice("steps", steps)
    if device.config is None:
        return None, objective
    options: dict[str, Any] = source.config.to_dict()
    if options["optimiser"]["name"] == "lbfgs":
        options["optimiser"] = {"name": "adam"}  # line searches are misled by shots
    options |= {
        "objective": objective.model_dump(mode="json"),
        "engine": device.config.model_dump(mode="json"),
        "estimator": {"name": name, "shots": shots},
        "steps": steps,
        "replicas": 1,
        "data_draws": 1,
        "log_every": 1,
    }
    try:
        return RunConfig.parse(options), objective
    except ConfigError as error:
        st.error(str(error))
        return None, objective


def _planned(config: RunConfig | None) -> tuple[Plan | None, str]:
    if config is None:
        return None, ""
    try:
        return plan(config, services.uploads()), ""
    except QHNError as error:
        return None, str(error)


def _refuse(problem: str, objective: ObjectiveConfig) -> None:
    """A loss that shots cannot train (the ELBO): the reason, and the way out."""
    st.error(problem or f"{objective.short} needs log q(w), which shots never tell.", icon=":material/block:")
    if other := objective.stand_in:
        words = f"Switch to {loss_names()[other]}"
        st.button(
            words,
            key="hardware.to_stand_in",
            type="primary",
            on_click=_switch,
            args=(other,),
            width="stretch",
            help="Train a loss that can be told from shots alone",
        )


def _switch(loss: str) -> None:
    state.keep_choice("train_loss", loss)
    state.renew("train_loss")


def _timing(source: Source, device: Device, config: RunConfig | None, needs: Plan | None) -> Job | None:
    """Seconds a circuit takes, measured once on devices of this machine."""
    if config is None or needs is None or device.remote:
        return None
    shots = int(getattr(config.estimator, "shots", None) or 1)
    key = ("hardware", "timing", source.circuit.content_hash, *device.key, shots)
    return jobs().get(key, partial(_time, source, device, shots), patience=0.1, lasting=True)


def _time(source: Source, device: Device, shots: int, watch: Watch) -> float:
    engine, rng = engine_of(device), np.random.default_rng(0)
    engine.sample(source.circuit, source.theta, 2, rng)  # translation and compilation happen once a run
    watch.progress(0.3)
    rows = np.repeat(source.theta[None], _TIMED, axis=0) + 1e-3 * rng.standard_normal((_TIMED, source.theta.size))
    began = time.perf_counter()
    engine.sample(source.circuit, rows, shots, rng)
    return (time.perf_counter() - began) / _TIMED


def _confirm(source: Source, config: RunConfig, needs: Plan, device: Device, timing: Job | None) -> None:
    """What it costs, and nothing is sent before it was confirmed."""
    circuits, shots = needs.cost(config.steps)
    if device.remote:
        took = "queue and run time unknown; **may cost money**"
    elif timing is None or timing.result is None:
        took = timing.message if timing is not None and timing.message else "timing one circuit …"
    else:
        took = f"**{about_text(circuits * timing.result)}** ({1000 * timing.result:.3g} ms a circuit)"
    st.markdown(
        f"A step: **{needs.circuits_per_step:,}** circuits, {needs.shots_per_step:,} shots  \n"
        f"In total: **{circuits:,}** circuits, **{shots:,}** shots  \n{took}",
        help="From the run's initial angles, one start. Also logged with step 0, before the first update.",
    )
    text = digest(config.to_json())
    if state.recall(_ASKED) != text:
        label = "Train on this device"
        st.button(
            label,
            key="hardware.train",
            type="primary",
            icon=":material/play_arrow:",
            on_click=state.remember,
            args=(_ASKED, text),
            width="stretch",
            help="Begin: circuits go to the device, step by step",
        )
        return
    st.warning(f"Send {circuits:,} circuits to {device.label}?{_stopped_first()}")
    left, right = st.columns(2, gap="small")
    with left:
        args = (config, source.run or trained.SETTINGS)
        st.button(
            "Send",
            key="hardware.send",
            type="primary",
            on_click=_send,
            args=args,
            width="stretch",
            help="Send these jobs now",
        )
    with right:
        st.button(
            "Not now",
            key="hardware.not_now",
            on_click=state.remember,
            args=(_ASKED, None),
            width="stretch",
            help="Send nothing",
        )


def _stopped_first() -> str:
    """What becomes of the run that a second one takes the place of."""
    run = state.parameter(trained.RUN)
    status = trained.status_of(run) if run else None
    if status is None or not status.active:
        return ""
    name = trained.short(status.name)
    return f" It takes the place of {name}, which is stopped at step {status.step}; Runs can resume it."


def _send(config: RunConfig, of: str) -> None:
    if state.recall(_ASKED) is None:  # a second click
        return
    state.remember(_ASKED, None)
    PAGE.guarded(_start, config, of)


def _start(config: RunConfig, of: str) -> None:
    before = state.parameter(trained.RUN)
    status = trained.status_of(before) if before else None
    if status is not None and status.active:
        services.supervisor().stop(status.run_id)
    run = services.supervisor().start(config)
    agree_to(run)
    state.keep_choice(trained.RUN, run)
    state.keep_choice(trained.OF, of)
