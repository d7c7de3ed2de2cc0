"""The run that trains on the device: its live loss, its buttons, and why it rests."""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from app import figures, services, state
from app.controls import Controls
from app.describe import duration_text
from app.figures.devices import device_loss
from app.live_chart import live_chart
from app.remote import agree_to, agreed_to, is_remote, total
from app.views.hardware.deploy import PAGE, QUESTION
from app.views.hardware.source import Source
from app.views.train.data import config_of, why_lost
from qhn_core.analysis.dial import exact_values
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.runner import RunState, RunStatus

_HEIGHT = 400
#: In the URL: the run trained on the device, and whose circuit it was (a run, or the settings).
RUN, OF = "trained", "trained_of"
SETTINGS = "settings"
#: What the circuit and the exact value of a loss depend on.
_PROBLEM = ("dataset", "network", "prior", "ansatz", "seed")
_RESUME = "Resume"
#: The buttons of the question whether to resume: that about a new run may be open at the same time.
_AGAIN = Controls("hardware.again", problem="hardware.problem")


def status_of(run: str) -> RunStatus | None:
    try:
        return services.supervisor().status(run)
    except QHNError:
        return None


def show(source: Source) -> bool:
    """The live loss of the run on the device, with its buttons; returns whether it goes on by itself."""
    run = state.parameter(RUN)
    status = status_of(run) if run else None
    with st.container():  # one place, whatever it holds: what stands below must not move, or it would be made anew
        if problem := state.recall("hardware.problem", "") or (why_lost(run) if run else ""):
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
        title=f"{name} on {_device_name(config)}, from shots" + ("" if own else f" · {short(_origin(status))}"),
        total=config.steps,
        reference=_reference(source, config) if own else None,
    )
    now = f"{float(loss[-1].mean()):.3g} at step {int(rows.steps[-1])}" if len(loss) else "no step yet"
    live_chart(figure, name="hardware-loss", alt=f"Estimated {name} on the device: {now}.", height=_HEIGHT)
    if not own:
        st.caption(f"This run trains the circuit of {short(_origin(status))}, not of the one chosen in the sidebar.")
    _buttons(run, status)
    _message(status)
    return status.state in (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)


def _is_of(source: Source, run: str, config: RunConfig) -> bool:
    """Whether a run on the device is the one that the page looks at, or trains the circuit of that."""
    same = all(getattr(config, part) == getattr(source.config, part) for part in _PROBLEM)
    return source.run == run or (same and state.parameter(OF) in (None, source.run or SETTINGS))


def _origin(status: RunStatus) -> str:
    """What to call the circuit that a run on the device trains: the run that it was taken from, or itself."""
    of = state.parameter(OF)
    if of is None or of == SETTINGS:
        return status.name
    try:
        return services.store().get(of).name
    except QHNError:
        return status.name


def short(name: str, limit: int = 40) -> str:
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
