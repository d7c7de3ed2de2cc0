"""Train here: the run's configuration on the device, after its cost was shown and confirmed."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import figures, services, state
from app.controls import Controls, about_text
from app.describe import duration_text, loss_names
from app.figures.devices import device_loss
from app.jobs import Job, Watch, jobs
from app.live_chart import live_chart
from app.remote import agree_to, agreed_to, digest, is_remote, total
from app.views.hardware.deploy import PAGE, QUESTION
from app.views.hardware.device import Device, engine_of
from app.views.hardware.shots import loss_choice
from app.views.hardware.source import Source
from app.views.train.data import config_of
from qhn_core.analysis.dial import exact_values
from qhn_core.config import ConfigError, RunConfig
from qhn_core.errors import QHNError
from qhn_core.objectives.base import ObjectiveConfig
from qhn_core.planning import Plan, plan
from qhn_core.runner import RunState, RunStatus

ESTIMATORS = {"spsa": "SPSA", "parameter_shift": "Parameter shift"}
SHOTS = ("64", "256", "1024", "4096")
#: Circuits timed together, as a step sends many at once.
_TIMED = 4
_HEIGHT = 400
#: In the URL: the run trained on the device, and whose circuit it was (a run, or the settings). In the session: the
#: configuration that waits for a yes.
_RUN, _OF, _ASKED = "trained", "trained_of", "hardware.asked"
_SETTINGS = "settings"
#: What the circuit and the exact value of a loss depend on.
_PROBLEM = ("dataset", "network", "prior", "ansatz", "seed")
_RESUME = "Resume"
#: The buttons of the question whether to resume: that about a new run may be open at the same time.
_AGAIN = Controls("hardware.again", problem="hardware.problem")


def show(source: Source, device: Device) -> bool:
    """Settings, cost, confirmation and the live loss; returns whether more will come by itself."""
    settings, right = st.columns([1, 2.1], gap="medium")
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
        active = _run(source)
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
        args = (config, source.run or _SETTINGS)
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
    run = state.parameter(_RUN)
    status = _status(run) if run else None
    if status is None or not status.active:
        return ""
    return f" It takes the place of {_short(status.name)}, which is stopped at step {status.step}; Runs can resume it."


def _send(config: RunConfig, of: str) -> None:
    if state.recall(_ASKED) is None:  # a second click
        return
    state.remember(_ASKED, None)
    PAGE.guarded(_start, config, of)


def _start(config: RunConfig, of: str) -> None:
    before = state.parameter(_RUN)
    status = _status(before) if before else None
    if status is not None and status.active:
        services.supervisor().stop(status.run_id)
    run = services.supervisor().start(config)
    agree_to(run)
    state.keep_choice(_RUN, run)
    state.keep_choice(_OF, of)


def _status(run: str) -> RunStatus | None:
    try:
        return services.supervisor().status(run)
    except QHNError:
        return None


def _run(source: Source) -> bool:
    """The live loss of the run on the device, with its buttons; returns whether it goes on by itself."""
    run = state.parameter(_RUN)
    status = _status(run) if run else None
    with st.container():  # one place, whatever it holds: what stands below must not move, or it would be made anew
        if problem := state.recall("hardware.problem", ""):
            st.error(str(problem), icon=":material/error:")
        elif status is not None:
            _progress(status)
    with st.container():
        if run is not None and status is not None and QUESTION.parts() == (_RESUME, run) and _resumable(status):
            cost = total([(config_of(run), status.step)])
            QUESTION.show(_AGAIN, cost, partial(_resume, run, agreed=True))
    if run is None or status is None:
        text = "Nothing sent yet"
        figure = figures.message("Loss on the device", text)
        live_chart(figure, name="hardware-loss", alt=f"Loss on the device: {text}.", height=_HEIGHT)
        return False
    rows, config = services.supervisor().curves(run), config_of(run)
    loss = rows.history.get("loss", np.zeros((0, 1)))
    name, own = config.objective.short, _is_of(source, run, config)
    figure = device_loss(
        rows.steps,
        loss,
        objective=config.objective.name,
        title=f"{name} on {_device_name(config)}, from shots" + ("" if own else f" · {_short(_origin(status))}"),
        total=config.steps,
        reference=_reference(source, config) if own else None,
    )
    now = f"{float(loss[-1].mean()):.3g} at step {int(rows.steps[-1])}" if len(loss) else "no step yet"
    live_chart(figure, name="hardware-loss", alt=f"Estimated {name} on the device: {now}.", height=_HEIGHT)
    if not own:
        st.caption(f"This run trains the circuit of {_short(_origin(status))}, not of the one chosen in the sidebar.")
    _buttons(run, status)
    _message(status)
    return status.state in (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)


def _is_of(source: Source, run: str, config: RunConfig) -> bool:
    """Whether a run on the device is the one that the page looks at, or trains the circuit of that."""
    same = all(getattr(config, part) == getattr(source.config, part) for part in _PROBLEM)
    return source.run == run or (same and state.parameter(_OF) in (None, source.run or _SETTINGS))


def _origin(status: RunStatus) -> str:
    """What to call the circuit that a run on the device trains: the run that it was taken from, or itself."""
    of = state.parameter(_OF)
    if of is None or of == _SETTINGS:
        return status.name
    try:
        return services.store().get(of).name
    except QHNError:
        return status.name


def _short(name: str, limit: int = 40) -> str:
    """A run's name on one line, without what Markdown and charts would read as markup."""
    plain = "".join(" " if sign in "*_`[]<>$\\:#~|" else sign for sign in name)
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"


def _reference(source: Source, config: RunConfig) -> tuple[float, str] | None:
    """The exact loss at the angles that the page looks at, and what to call it; None beyond 20 qubits."""
    if not source.enumerated:
        return None
    level = exact_values(source.q, source.problem, config.objective, step=source.step).loss
    return level, f"exact, at the angles of step {source.step}"


def _device_name(config: RunConfig) -> str:
    return str(getattr(config.engine, "backend", "") or getattr(config.engine, "device", "") or config.engine.name)


def _progress(status: RunStatus) -> None:
    text = f"Step {status.step} of {status.steps} · {status.state}"
    if status.state is RunState.RUNNING and status.eta_seconds is not None:
        text += f" · {duration_text(status.eta_seconds)} left"
    st.progress(min(status.step / max(status.steps, 1), 1.0), text=text)


def _buttons(run: str, status: RunStatus) -> None:
    supervisor = services.supervisor()
    with st.container(horizontal=True, gap="small"):
        if _resumable(status):
            PAGE.button(_RESUME, "resume", _resume, run, hint="Let it go on")
        else:
            PAGE.button("Pause", "pause", supervisor.pause, run, off=not status.active, hint="Hold it after this step")
        PAGE.button("Stop", "stop", supervisor.stop, run, off=not status.active, hint="End the training here")


def _resumable(status: RunStatus) -> bool:
    return status.state is RunState.PAUSED or status.state.resumable


def _resume(run: str, *, agreed: bool = False) -> None:
    """Go on, or ask first where jobs leave this machine and this session has not agreed to that run yet."""
    supervisor, config = services.supervisor(), config_of(run)
    if agreed or not is_remote(config) or (supervisor.status(run).active and agreed_to(run)):
        supervisor.resume(run)
        agree_to(run)
    else:
        total([(config, 0)])  # what cannot be sent at all is refused here
        QUESTION.ask(_RESUME, run)


def _message(status: RunStatus) -> None:
    """Why it rests, where it was not asked to."""
    if status.state is RunState.FAILED:
        st.error(f"Failed at step {status.step}: {status.message}", icon=":material/error:")
    elif status.state is RunState.PAUSED and status.message:
        st.warning(f"Paused at step {status.step}: {status.message}", icon=":material/warning:")
