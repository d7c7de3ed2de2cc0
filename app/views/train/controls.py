"""The Train page's buttons, speed, progress, messages and tiles."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st

from app import services, state
from app.controls import Controls, queue_text, rate_text
from app.describe import duration_text
from app.feeds import FEEDS
from app.figures import median
from app.forms import Form
from app.views.train import ghosts
from app.views.train.charts import CURVES
from app.views.train.data import Shown, config_of, is_active
from app.views.train.remote import held_back, question
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
    can_step = active or resume or form.ready
    columns = st.columns([1.1, 1.1, 1, 1, 1, 1.5], gap="small", vertical_alignment="center")
    with columns[0]:
        _PAGE.button("Train", "play_arrow", _train, form, primary=True, off=not form.ready or (active and mine))
    with columns[1]:
        if resume:
            _PAGE.button("Resume", "resume", _resume)
        else:
            _PAGE.button("Pause", "pause", _pause, off=not active)
    with columns[2]:
        _PAGE.button("Step", "skip_next", _step, form, off=not can_step, hint="One step, then pause")
    with columns[3]:
        _PAGE.button("Stop", "stop", _stop, off=not active, hint="End the run; it can be resumed later")
    with columns[4]:
        _PAGE.button(
            "Reset", "restart_alt", _reset, off=status is None, hint="Back to the start, with the same settings"
        )
    with columns[5]:
        _PAGE.speed_control(_speed_changed, words=lambda name: f"Speed: {name}")


def _train(form: Form, *, agreed: bool = False) -> None:
    """Start what the form says, instead of the run shown. A second click on the same settings does nothing."""
    shown = state.run_id()
    if form.config is None or (not agreed and held_back("Train", form.config, None)):
        return
    if shown is not None and is_active(shown):
        if config_of(shown) == form.config:
            return
        services.supervisor().stop(shown)
    ghosts.leave(shown)
    state.show_run(services.supervisor().start(form.config, speed=_PAGE.speed()))


def _pause() -> None:
    run = state.run_id()
    if run is not None:
        services.supervisor().pause(run)


def _resume(*, agreed: bool = False) -> None:
    run = state.run_id()
    if run is not None and (agreed or not held_back("Resume", config_of(run), run)):
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
    supervisor.step(run)


def _stop() -> None:
    run = state.run_id()
    if run is not None:
        services.supervisor().stop(run)


def _reset() -> None:
    run = state.run_id()
    if run is not None and is_active(run):
        services.supervisor().stop(run)
    ghosts.leave(run)
    state.show_run(None)


def _speed_changed() -> None:
    run = state.run_id()
    if run is not None:
        _PAGE.guarded(services.supervisor().set_speed, run, _PAGE.speed())


def progress(form: Form, shown: Shown | None) -> None:
    """The progress bar, with steps per second and time left."""
    status = shown.status if shown is not None else None
    if status is None:
        steps = form.config.steps if form.config is not None else 0
        st.progress(0.0, text=f"Ready: step 0 of {steps}")
    elif status.state is RunState.QUEUED:
        st.progress(0.0, text=queue_text(status))
    elif status.state is RunState.PREPARING:
        done = status.progress or 0.0
        st.progress(min(max(done, 0.0), 1.0), text=f"Preparing the likelihood table: {done:.0%}")
    else:
        text = f"Step {status.step} of {status.steps} · {status.state}"
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
    if form.config is not None and form.config != shown.config:
        st.info("The settings differ from the run shown: Train starts a new run with them.", icon=":material/tune:")


class _Last(NamedTuple):
    """A metric at the newest step: median over starts, standard error of an estimate, and what else to say."""

    value: float = float("nan")
    error: float = float("nan")
    said: str = ""

    def text(self, decimals: int | None = None) -> str:
        """The value, with its error where it is an estimate: ``0.462 ± 0.012``."""
        both = (self.value, self.error) if np.isfinite(self.error) else (self.value,)
        if decimals is not None:
            return " ± ".join(f"{x:.{decimals}f}" for x in both)
        if len(both) > 1 and self.value >= 1e5:
            unit, size = ("k", 1e3) if self.value < 1e6 else ("M", 1e6)
            return f"{self.value / size:.3g}{unit} ± {self.error / size:.2g}{unit}"
        return " ± ".join(_digits(x) for x in both)


def _last(shown: Shown | None, name: str) -> _Last:
    if shown is None or not len(shown.steps) or name not in shown.history:
        return _Last()
    row, errors, said = shown.history[name][-1:], shown.error(name), []
    value = float(median(row)[0])
    if not np.isfinite(value):
        return _Last(said="Not known from drawn strings." if shown.shots else "")
    if row.shape[1] > 1:
        low, high = np.nanquantile(row, [0.1, 0.9])
        said.append(f"80 % of starts within {_digits(low)} … {_digits(high)}.")
    error = float("nan") if errors is None else float(median(errors[-1:])[0])
    if shown.shots:
        each = "each start's estimate" if row.shape[1] > 1 else "the estimate"
        said.append(
            f"Estimated from {shown.shots:,} draws" + (f"; ± the standard error of {each}." if error >= 0 else ".")
        )
    return _Last(value, error, " ".join(said))


def tiles(form: Form, shown: Shown | None) -> None:
    """Test accuracy or cost, distance to the posterior, how many networks are in play, speed."""
    columns = st.columns(4, gap="small")
    config = shown.config if shown is not None else form.config
    if config is None or config.dataset.needs_network:
        name, label = "accuracy_test", "Test accuracy"
        if shown is not None and len(shown.steps) and np.isnan(shown.history[name]).all():
            name, label = "accuracy_train", "Training accuracy"  # there are no test examples
        found = _last(shown, name)
        _tile(columns[0], label, found.text(decimals=3), f"Median of all starts. {found.said}")
    else:
        found = _last(shown, "cost_gap")
        _tile(columns[0], "Cost above the best", found.text(), f"Mean cost of drawn strings. {found.said}")
    found, prior = _last(shown, "kl_posterior"), _last(shown, "kl_prior")
    if np.isnan(found.value) and np.isfinite(prior.value):  # the evidence is not known, q(w) of drawn strings is
        _tile(columns[1], "KL to prior", f"{prior.text()} nats", f"KL(q ‖ π), median of all starts. {prior.said}")
    else:
        help_text = f"KL(q ‖ p(w|D)), median of all starts. {found.said}"
        _tile(columns[1], "KL to posterior", f"{found.text()} nats", help_text)
    bits = _last(shown, "entropy_bits")
    number = 2.0**bits.value
    networks = _Last(number, number * np.log(2.0) * bits.error)
    help_text = f"2^H for an entropy of H = {bits.text()} bits. {bits.said}"
    _tile(columns[2], "Effective networks", networks.text(), help_text)
    rate = shown.status.steps_per_second if shown is not None and shown.status is not None else 0.0
    _tile(
        columns[3], "Speed", f"{rate_text(rate)} steps/s" if rate > 0 else "–", "Steps per second, all starts at once"
    )


def _tile(column, label: str, value: str, help_text: str) -> None:  # type: ignore[no-untyped-def]
    with column:
        st.metric(label, "–" if value.startswith("nan") else value, help=help_text)


def _digits(value: float) -> str:
    """Three significant digits, without exponents where these are not needed."""
    if not np.isfinite(value):
        return "nan"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
        return f"{value:,.{decimals}f}"
    return f"{value:.2g}"
