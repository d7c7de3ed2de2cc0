"""The Train page's buttons, speed, progress, messages and tiles."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import services, state
from app.changes import AND, changes
from app.controls import Controls, queue_text, rate_text
from app.describe import duration_text
from app.feeds import FEEDS
from app.forms import Form
from app.views.train import ghosts, instant, past
from app.views.train.data import config_of, is_active
from app.views.train.mounting import CURVES
from app.views.train.remote import held_back, question
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.runner import RunState, RunStatus

#: From how many times slower on the page says that its charts wait for others.
SAID = 2.0
_PAGE = Controls("train", problem="problem")


def resumable(status: RunStatus) -> bool:
    """Whether Resume does something: the run is paused, or ended before its last step."""
    return status.state.resumable or status.state is RunState.PAUSED


def controls(form: Form, shown: Shown | None, status: RunStatus | None) -> None:
    """The row of buttons and the speed."""
    active = status is not None and status.active
    resume = status is not None and resumable(status)
    mine = shown is not None and form.config == shown.config
    forking = shown is not None and status is not None and past.fork_of(status.run_id) is not None
    can_step = active or resume or form.ready
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        off = not form.ready or (active and mine and not forking)
        _PAGE.button("Train", "play_arrow", _train, form, primary=True, off=off, hint="Begin with the settings shown")
        if resume:
            _PAGE.button("Resume", "resume", _resume, hint="Go on from where it stands")
        else:
            _PAGE.button("Pause", "pause", _pause, off=not active, hint="Hold the run after this step")
        _PAGE.button("Step", "skip_next", _step, form, off=not can_step, hint="One step, then pause")
        _PAGE.button("Stop", "stop", _stop, off=not active, hint="End the run; it can be resumed later")
        back = "Back to the start, with the same settings"
        _PAGE.button("Reset", "restart_alt", _reset, off=status is None, hint=back)
        _PAGE.speed_control(_speed_changed, words=lambda name: f"Speed: {name}")
        instant.switch(form.config, None if form.plan is None else form.plan.n_qubits)


def _train(form: Form, *, agreed: bool = False) -> None:
    """Start what the form says, instead of the run shown. A second click on the same settings does nothing."""
    shown = state.run_id()
    if form.config is None or (not agreed and held_back("Train", form.config, None)):
        return
    supervisor, step = services.supervisor(), past.fork_of(shown)
    if shown is not None and step is not None:
        branch = supervisor.fork(shown, step, form.config, speed=_PAGE.speed())
        supervisor.stop(shown)
        _newest(branch)
        return
    if shown is not None and is_active(shown):
        if config_of(shown) == form.config:
            return
        supervisor.stop(shown)
    ghosts.leave(shown)
    _newest(supervisor.start(form.config, speed=_PAGE.speed()))


def _newest(run: str) -> None:
    """Show a run as it is now."""
    past.look_at(run, None)
    state.show_run(run)


def _pause() -> None:
    run = state.run_id()
    if run is not None:
        services.supervisor().pause(run)


def _resume(*, agreed: bool = False) -> None:
    run = state.run_id()
    if run is not None and (agreed or not held_back("Resume", config_of(run), run)):
        past.look_at(run, None)
        services.supervisor().resume(run, speed=_PAGE.speed())


def _step(form: Form, *, agreed: bool = False) -> None:
    """One step: of the run shown, or of a new one that then waits."""
    supervisor, run = services.supervisor(), state.run_id()
    if run is not None and supervisor.status(run).state is RunState.FINISHED:
        run = None
    if not agreed and held_back("Step", form.config if run is None else config_of(run), run):
        return
    if run is None:
        if form.config is None:
            return
        ghosts.leave(state.run_id())
        run = supervisor.start(form.config, paused=True, speed=_PAGE.speed())
        state.show_run(run)
    past.look_at(run, None)
    supervisor.step(run)


def _stop() -> None:
    run = state.run_id()
    if run is not None:
        services.supervisor().stop(run)


def _reset() -> None:
    run = state.run_id()
    if run is not None and is_active(run):
        services.supervisor().stop(run)
    past.look_at(run, None)
    ghosts.leave(run)
    state.show_run(None)


def _speed_changed() -> None:
    run = state.run_id()
    if run is not None:
        _PAGE.guarded(services.supervisor().set_speed, run, _PAGE.speed())


def progress(form: Form, shown: Shown | None) -> None:
    """The progress bar, with steps per second and time left."""
    status = shown.status if shown is not None else None
    if shown is not None and shown.took is not None:
        text = f"Instant: step {shown.step} of {shown.config.steps} in {shown.took:.2f} s · not kept: Train keeps it"
        st.progress(1.0, text=text)
    elif status is None:
        steps = form.config.steps if form.config is not None else 0
        st.progress(0.0, text=f"Ready: step 0 of {steps}")
    elif status.state is RunState.QUEUED:
        st.progress(0.0, text=queue_text(status))
    elif status.state is RunState.PREPARING:
        done = status.progress or 0.0
        st.progress(min(max(done, 0.0), 1.0), text=f"Preparing the likelihood table: {done:.0%}")
    else:
        text = f"Step {status.step} of {status.steps} · {status.state}"
        if shown is not None and shown.newest is not None:
            text += f" · looking back at step {shown.step}"
        elif shown is not None and shown.rests and shown.theta is not None and shown.step != status.step:
            text += f" · the charts show step {shown.step}: the next Step adds step {status.step}"
        if status.state is RunState.RUNNING and status.steps_per_second > 0:
            text += f" · {rate_text(status.steps_per_second)} steps/s"
            if status.eta_seconds is not None:
                text += f" · {duration_text(status.eta_seconds)} left"
        if status.state is RunState.RUNNING and FEEDS.slower() > SAID:
            text += f" · busy server: charts every {CURVES * FEEDS.slower():.0f} s"
        st.progress(min(status.step / max(status.steps, 1), 1.0), text=text)


def messages(form: Form, shown: Shown | None) -> None:
    """What the user should know: refusals, failures, settings that differ."""
    if link_problem := state.link_problem():
        st.error(f"This link cannot be opened, so the default is shown. {link_problem}", icon=":material/link_off:")
    if problem := state.recall("problem", ""):
        st.error(str(problem), icon=":material/error:")
    for text in form.problems:
        st.error(text, icon=":material/block:")
    agreed = {
        "Train": partial(_train, form, agreed=True),
        "Resume": partial(_resume, agreed=True),
        "Step": partial(_step, form, agreed=True),
    }
    question(_PAGE, form.config, agreed)
    status = shown.status if shown is not None else None
    if shown is None or status is None:
        return
    if status.state is RunState.FAILED:
        st.error(f"The run failed at step {status.step}: {status.message}", icon=":material/error:")
    elif status.state is RunState.INTERRUPTED:
        st.warning(f"Interrupted at step {status.step}. {status.message}", icon=":material/warning:")
    elif status.message and (status.state is not RunState.FINISHED or status.step < status.steps):
        st.info(status.message, icon=":material/info:")
    if status.elsewhere:
        st.info("Another program on this data folder trains this run; it can only be watched here.")
    if (step := past.fork_of(status.run_id)) is not None:
        _forking(form, shown, step)
    elif form.config is not None and form.config != shown.config:
        changed = AND.join(changes(shown.config, form.config))
        st.info(f"Changed since this run began: {changed}. **Train** starts a new run.", icon=":material/tune:")


def _forking(form: Form, shown: Shown, step: int) -> None:
    """What is about to branch off, and the way back."""
    changed = changes(shown.config, form.config) if form.config is not None else ()
    what = AND.join(changed) if changed else "nothing yet: change the loss or another setting at the left"
    text, button = st.columns([5, 1], gap="small", vertical_alignment="center")
    with text:
        st.info(
            f"**Train** goes on from step {step} of this run. Changed: {what}.",
            icon=":material/fork_right:",
        )
    with button:
        st.button(
            "No fork",
            key="train.fork.not",
            on_click=_no_fork,
            args=(shown.config,),
            width="stretch",
            help="Leave the run as it was",
        )


def _no_fork(config: RunConfig) -> None:
    """The settings of the run again."""
    past.stay()
    state.adopt(config)
