"""The Compare page's buttons, speed, instant switch, progress and messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from app import race_state, services, state
from app.changes import AND, race_changes
from app.controls import Controls, about_text, queue_text, rate_text
from app.describe import duration_text
from app.remote import Question, agree_to, agreed_to, digest, is_remote, total
from app.views.compare import wide
from app.views.compare.data import Seen
from app.views.compare.sides import RaceForm
from qhn_core.config import RunConfig
from qhn_core.engines.auto import OWN
from qhn_core.runner import RunState
from qhn_core.studies.race.config import RaceConfig

_PAGE = Controls("race", problem="race.problem")
_QUESTION = Question("race.question")
_INSTANT = "race.instant"
#: A race that is expected to take longer than so many seconds is not run at every move of a slider.
INSTANT_SECONDS = 6.0
#: Seconds of one core that a logged step takes: for each start, and for each of its angles and amplitudes.
_PER_START, _PER_AMPLITUDE = 9e-5, 7e-10


def expected_seconds(form: RaceForm) -> float | None:
    """What the whole race is expected to take; None where that cannot be said."""
    config, needs = form.config, form.base.plan
    if config is None or needs is None:
        return None
    if any(_of_unknown_cost(run) for run in config.configs()):
        return None
    one = _PER_START + _PER_AMPLITUDE * needs.n_params * 2.0**needs.n_qubits
    return 0.1 + one * config.base.replicas * len(config.contenders) * (config.base.steps + 1)


def _of_unknown_cost(run: RunConfig) -> bool:
    """Shots, devices, and line searches, which evaluate as often as they need."""
    return run.estimator.name != "adjoint" or run.engine.name not in OWN or run.optimiser.name == "lbfgs"


def controls(form: RaceForm, seen: Seen | None) -> None:
    """The row of buttons, the speed and the instant switch."""
    status = seen.status.run if seen is not None else None
    active = status is not None and status.active
    paused = status is not None and (status.state is RunState.PAUSED or _left(seen))
    mine = seen is not None and seen.config == form.config
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        off = not form.ready or (active and mine)
        _PAGE.button("Train", "play_arrow", _train, form, primary=True, off=off, hint="Begin with the settings shown")
        if paused:
            _PAGE.button("Resume", "resume", _resume, hint="Go on from where it stands")
        else:
            _PAGE.button("Pause", "pause", _with_race, "pause", off=not active, hint="Hold all after this step")
        stepping = active or form.ready
        _PAGE.button("Step", "skip_next", _step, form, off=not stepping, hint="One step of all, then pause")
        _PAGE.button("Stop", "stop", _with_race, "stop", off=not active, hint="End the race here")
        back = "Back to the start, with the same settings"
        _PAGE.button("Reset", "restart_alt", _reset, off=seen is None, hint=back)
        _keep_button(seen)
        _PAGE.speed_control(_speed_changed, words=lambda name: f"Speed: {name}")
        _instant_switch(form)


def _left(seen: Seen | None) -> bool:
    """Whether the race shown ended before its last step and can go on from what the store has of it."""
    return seen is not None and seen.status.run.state.resumable and bool(seen.status.kept)


def _instant_switch(form: RaceForm) -> None:
    took = expected_seconds(form)
    short = took is not None and took <= INSTANT_SECONDS
    if took is None:
        words = "Not for shots, devices and line searches (L-BFGS), whose time cannot be foreseen."
    elif short:
        words = f"{about_text(took).capitalize()} a race."
    else:
        words = f"{about_text(took).capitalize()} a race: longer than {INSTANT_SECONDS:.0f} s. "
        words += "Fewer steps, seeds or qubits make it instant."
    st.toggle(
        "Instant",
        bool(state.widget(_INSTANT, False)),
        key=_INSTANT,
        disabled=not short,
        on_change=_switched,
        help=f"Race anew whenever a setting moves. {words}",
    )


def _switched() -> None:
    """The switch stands in a part of the page that is drawn by itself; the whole page must know."""
    state.remember("race.rerun", True)


def instant(form: RaceForm) -> bool:
    """Whether every change races anew."""
    took = expected_seconds(form)
    return bool(state.widget(_INSTANT, False)) and took is not None and took <= INSTANT_SECONDS


def race_at_once(form: RaceForm) -> None:
    """In instant mode: race what the form says, instead of a race with other settings."""
    if not (form.ready and form.config is not None and instant(form)):
        return
    races, shown = services.races(), race_state.race_id()
    known = shown is not None and races.known(shown)
    if known and races.config(shown) == form.config:  # type: ignore[arg-type]
        return
    _PAGE.guarded(_begin, form, True)


def _begin(form: RaceForm, quick: bool = False, paused: bool = False) -> None:
    if form.config is None:
        return
    races, shown = services.races(), race_state.race_id()
    if shown is not None and races.known(shown):
        races.stop(shown)
    race_state.show(races.start(form.config, instant=quick, paused=paused, speed=_PAGE.speed(), replaces=shown))


def _train(form: RaceForm, *, agreed: bool = False) -> None:
    """Start what the form says. A second click on the same settings does nothing."""
    shown = _active_race()
    if shown is not None and services.races().config(shown) == form.config:
        return
    if agreed or not _held_back("Train", form.config, None):
        _begin(form, instant(form))


def _active_race() -> str | None:
    """The race shown, if it is queued, prepared, trained or paused."""
    races, shown = services.races(), race_state.race_id()
    return shown if shown is not None and races.known(shown) and races.status(shown).run.active else None


def _held_back(name: str, config: RaceConfig | None, race: str | None) -> bool:
    """Whether the button ``name`` waits for a yes, as it would send jobs to real devices. Then the page asks.

    Args:
        name: the button pressed.
        config: what would race.
        race: the race that would go on, one that this session may have agreed to; None for a new one.
    """
    if config is None or not any(map(is_remote, config.configs())) or (race is not None and agreed_to(race)):
        return False
    total((run, 0) for run in config.configs())  # what cannot be sent at all is refused here
    _QUESTION.ask(name, race or digest(config.to_json()))
    return True


def _question(form: RaceForm) -> None:
    """What all contenders on real devices send, with Send and Not now, where a button waits for a yes."""
    name, about = _QUESTION.parts()
    actions: dict[str, Callable[[], None]] = {
        "Train": partial(_train, form, agreed=True),
        "Step": partial(_step, form, agreed=True),
        "Resume": partial(_resume, agreed=True),
    }
    shown = _active_race()
    if name not in actions:
        return
    if about == shown:
        config, done = services.races().config(about), services.races().status(about).run.step
    elif form.config is not None and about == digest(form.config.to_json()):
        config, done = form.config, 0
    else:
        return

    def act() -> None:
        actions[name]()
        agree_to(race_state.race_id())

    also = "The race shown is stopped first." if shown is not None and about != shown else ""
    _QUESTION.show(_PAGE, total((run, done) for run in config.configs()), act, also=also)


def _with_race(what: str) -> None:
    races, shown = services.races(), race_state.race_id()
    if shown is not None and races.known(shown):
        getattr(races, what)(shown)


def _resume(*, agreed: bool = False) -> None:
    shown = race_state.race_id()
    if (
        shown is not None
        and services.races().known(shown)
        and (agreed or not _held_back("Resume", services.races().config(shown), shown))
    ):
        services.races().resume(shown)


def _step(form: RaceForm, *, agreed: bool = False) -> None:
    """One step: of the race shown, or of a new one that then waits."""
    races, shown = services.races(), _active_race()
    if not agreed and _held_back("Step", form.config if shown is None else races.config(shown), shown):
        return
    if shown is None:
        _begin(form, instant(form), paused=True)
        shown = race_state.race_id()
    if shown is not None:
        races.step(shown)


def _reset() -> None:
    _with_race("stop")
    race_state.show(None)


def _keep() -> None:
    shown = race_state.race_id()
    if shown is not None:
        services.races().keep(shown)


def _speed_changed() -> None:
    races, shown = services.races(), race_state.race_id()
    if shown is not None and races.known(shown):
        _PAGE.guarded(races.set_speed, shown, _PAGE.speed())


def progress(form: RaceForm, seen: Seen | None) -> None:
    """The progress bar, with steps per second and time left."""
    if seen is None:
        steps = form.config.base.steps if form.config is not None else 0
        took = expected_seconds(form)
        about = "" if took is None else f" · {about_text(took)} when nothing else runs"
        st.progress(0.0, text=f"Ready: step 0 of {steps}{about}")
        return
    status = seen.status.run
    if status.state is RunState.QUEUED:
        st.progress(0.0, text=queue_text(status))
    elif status.state is RunState.PREPARING:
        done = min(max(status.progress or 0.0, 0.0), 1.0)
        what = "the circuits" if wide.is_wide(seen.config.base) else "the likelihood tables"
        st.progress(done, text=f"Preparing {what}: {done:.0%}")
    else:
        text = f"Step {status.step} of {status.steps} · {status.state}"
        if status.state is RunState.RUNNING and status.steps_per_second > 0:
            text += f" · {rate_text(status.steps_per_second)} steps/s at present, all contenders at once"
            if status.eta_seconds is not None:
                text += f" · {duration_text(status.eta_seconds)} left"
        if seen.scoring:
            text += " · scoring the rivals"
        st.progress(min(status.step / max(status.steps, 1), 1.0), text=text)


def messages(form: RaceForm, seen: Seen | None) -> None:
    """What the user should know: refusals, failures, settings that differ; and the button that keeps a race."""
    if problem := race_state.link_problem():
        st.error(f"This link cannot be opened, so the default is shown. {problem}", icon=":material/link_off:")
    if problem := state.recall("race.problem", ""):
        st.error(str(problem), icon=":material/error:")
    for text in form.problems:
        st.error(text, icon=":material/block:")
    _question(form)
    if seen is None:
        return
    status = seen.status.run
    if status.state is RunState.FAILED:
        st.error(f"The race failed at step {status.step}: {status.message}", icon=":material/error:")
    elif status.state is RunState.INTERRUPTED:
        st.warning(f"Interrupted at step {status.step}. {status.message}", icon=":material/warning:")
    elif status.message:
        st.info(status.message, icon=":material/info:")
    if form.config is not None and form.config != seen.config:
        changed = AND.join(race_changes(seen.config, form.config))
        st.info(f"Changed since this race began: {changed}. **Train** starts a new one.", icon=":material/tune:")


def _keep_button(seen: Seen | None) -> None:
    """Keep an instant or stopped race as runs."""
    status = seen.status if seen is not None else None
    off = seen is None or status is None or status.run.active or bool(status.kept) or not seen.logged
    hint = (
        "Kept under Runs" if status is not None and status.kept else "Write one run a contender, for Runs and Explore"
    )
    _PAGE.button("Keep", "save", _keep, off=off, hint=hint)
