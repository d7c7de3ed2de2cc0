"""Explore: the distribution, the posterior and the landscape of one run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from app import services, starts, state
from app.describe import headline
from app.jobs import result
from app.sending import sent
from app.views.explore import architecture, bonds, galaxy, landscape, posterior, spectrum, sweep, trainability
from app.views.explore.focus import MOST_QUBITS, Chosen, Focus, View, look, way_job
from app.views.train.data import config_of
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.planning import plan
from qhn_core.store import RunRecord, UnknownRun

#: Seconds between refreshes while something happens.
REFRESH = 0.7
#: Runs offered, newest first.
LIMIT = 200
#: Name in the URL -> label, and what draws it.
SECTIONS: dict[str, tuple[str, Callable[[View, Focus], None]]] = {
    "posterior": ("Posterior", posterior.show),
    "galaxy": ("Galaxy", galaxy.show),
    "landscape": ("Landscape", landscape.show),
    "bonds": ("Entanglement", bonds.show),
    "spectrum": ("Walsh spectrum", spectrum.show),
    "trainability": ("Trainability", trainability.show),
    "architecture": ("Architecture", architecture.show),
    "sweep": ("Sweep", sweep.show),
}
#: Sections that need the table of all strings.
_ENUMERATED = frozenset({"posterior", "spectrum"})
#: Sections whose numbers and pictures are of one start.
_OF_ONE_START = _ENUMERATED | {"galaxy", "landscape", "bonds"}
#: What is shown first, with a table and without one.
_FIRST, _FIRST_WIDE = "posterior", "bonds"
_UNTRAINED = "untrained"
_POLLING = "explore.polling"


def page() -> None:
    """The page."""
    services.supervisor()
    records = services.store().list(limit=LIMIT)
    try:
        run = _run(records)
        if run is None and state.choice("source", (_UNTRAINED,), "") != _UNTRAINED:
            _welcome()
            return
        config = state.read_config() if run is None else config_of(run)
    except UnknownRun as error:
        state.show_run(None)
        st.error(str(error), icon=":material/error:")
        _welcome()
        return
    polling = bool(state.recall(_POLLING, False))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _choose_run(records, run)
        start = starts.pick(config.replicas, key="explore.start", label="Start")
        _open_button(run, config)
    st.markdown(headline(config))
    st.fragment(sent(_live_focus), run_every=REFRESH if polling else None)(run, config, start, polling)


def _run(records: list[RunRecord]) -> str | None:
    """The run of the URL, else the newest; None for the configuration that is not trained, or where there is no run."""
    if state.choice("source", (_UNTRAINED,), "") == _UNTRAINED:
        return None
    if state.run_id() is None and records:
        state.show_run(records[0].id)
    run = state.run_id()
    if run is not None:
        state.show_run(run)
    return run


def _welcome() -> None:
    """What a newcomer meets."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown("**Nothing trained yet.** Explore shows what a run has learned: its posterior, its landscape.")
        with st.container(horizontal=True, horizontal_alignment="center"):
            if st.button(
                "Train the default now",
                type="primary",
                icon=":material/play_arrow:",
                key="explore.first",
                help="Train a small network now, and explore it",
            ):
                state.show_run(services.supervisor().start(RunConfig()))
                st.rerun()
            if st.button("Look at it untrained", key="explore.look", help="Explore the circuit at random angles"):
                state.keep_choice("source", _UNTRAINED)
                st.rerun()
            if st.button("Go to Train", icon=":material/tune:", key="explore.train", help="Choose what to train"):
                st.switch_page("views/train/page.py")


def _choose_run(records: list[RunRecord], run: str | None) -> None:
    if run is not None and run not in {record.id for record in records}:
        records = [*records, services.store().get(run)]
    # The browser sends the label back: two runs must never have the same one.
    names = {record.id: f"{record.name} · {record.state} · {record.id}" for record in records}
    names[_UNTRAINED] = "Current configuration, untrained"
    st.selectbox(
        "Run",
        list(names),
        index=list(names).index(run or _UNTRAINED),
        format_func=lambda key: names[key],
        key="explore.run",
        on_change=_run_changed,
        label_visibility="collapsed",
        help="The run that is looked at.",
    )


def _run_changed() -> None:
    chosen = state.widget("explore.run")
    state.keep_choice("step", None)
    if chosen == _UNTRAINED:
        state.show_run(None)
        state.keep_choice("source", _UNTRAINED)
    else:
        state.keep_choice("source", None)
        state.show_run(chosen)


def _open_button(run: str | None, config: RunConfig) -> None:
    if st.button(
        "Open in Train",
        icon=":material/tune:",
        key="explore.open",
        help="This run's settings and curves on the page Train",
    ):
        if run is not None:
            state.open_run(run, config)
        st.switch_page("views/train/page.py")


def _choose_section(qubits: int) -> str:
    current = state.choice("section", list(SECTIONS), _FIRST if qubits <= MOST_QUBITS else _FIRST_WIDE)
    key = f"explore.section.{qubits <= MOST_QUBITS}"
    st.segmented_control(
        "Section",
        list(SECTIONS),
        default=current,
        format_func=lambda name: SECTIONS[name][0],
        key=key,
        on_change=lambda: state.keep_choice("section", state.widget(key) or current),
        label_visibility="collapsed",
        required=True,
        wrap=True,
        help="What to look at.",
    )
    return current


def _live_focus(run: str | None, config: RunConfig, start: str, polling: bool) -> None:
    """Everything that changes by itself."""
    view = View()
    try:
        _body(view, run, config, start)
    except QHNError as error:
        st.error(str(error), icon=":material/error:")
    if view.waiting != polling:
        state.remember(_POLLING, view.waiting)
        st.rerun()


def _body(view: View, run: str | None, config: RunConfig, start: str) -> None:
    chosen = _chosen(run, config)
    view.waiting |= chosen.active
    replica = chosen.replica(start)
    qubits = plan(config, services.uploads()).n_qubits
    left, right = st.columns([2.15, 1], gap="medium", vertical_alignment="center")
    with left:
        section = _choose_section(qubits)
    with right:
        way, step = _scrubber(view, chosen, replica)
    if section in _ENUMERATED and qubits > MOST_QUBITS:
        label = SECTIONS[section][0]
        st.info(
            f"{label} needs a table of all 2^{qubits} strings, and such tables end at {MOST_QUBITS} qubits. Without "
            "one there are Entanglement (profile, spectrum of every cut, dependence of neighbours), Galaxy and "
            "Landscape of drawn networks, and Sweep.",
            icon=":material/info:",
        )
        return
    job = view.ask(
        f"{chosen.key}.{replica}",
        "focus",
        (chosen.step, step if way is not None else None, way is not None),
        look(chosen, replica, step, way, services.uploads()),
        large=True,
    )
    focus = result(job, "Enumerating all strings" if qubits <= MOST_QUBITS else "Preparing the circuit")
    if focus is not None:
        if section in _OF_ONE_START:
            st.caption(_which(config, start, replica))
        with st.container():
            SECTIONS[section][1](view, focus)


def _which(config: RunConfig, choice: str, replica: int) -> str:
    """Of which start and draw of the data a section is, and what other pages show; nothing where there is but one."""
    named = starts.said(choice, replica, config.replicas)
    if not named:
        return ""
    draws = config.data_draws
    data = f", on draw {replica % draws + 1} of {draws} of the data, which has its own log p(D)" if draws > 1 else ""
    return (
        f"Numbers and pictures are of {named}{data}. On Train, Compare and Runs tiles and tables are means over "
        "starts, curves are medians, and pictures are of one start."
    )


def _chosen(run: str | None, config: RunConfig) -> Chosen:
    if run is None:
        return Chosen(None, config, None, np.zeros(0, dtype=np.int64), {}, None, 0)
    supervisor = services.supervisor()
    status, snapshot, rows = supervisor.status(run), supervisor.snapshot(run), supervisor.curves(run)
    theta = None if snapshot is None else snapshot.theta
    return Chosen(run, config, status, rows.steps, rows.history, theta, 0 if snapshot is None else snapshot.step)


def _scrubber(view: View, chosen: Chosen, replica: int):  # type: ignore[no-untyped-def]
    """The slider over steps, where the way is known; returns the way and the step asked for (None: the newest)."""
    if chosen.status is None:
        st.caption(f"Not trained: the initial angles of start {replica + 1}.")
        return None, None
    if chosen.active:
        done = chosen.step / max(chosen.status.steps, 1)
        st.progress(min(done, 1.0), text=f"Step {chosen.step} of {chosen.status.steps} · {chosen.status.state}")
        return None, None
    job = way_job(chosen, replica)
    way = job.result if job is not None else None
    if way is None:
        if job is not None and not job.ready:
            view.waiting = True
            st.progress(job.fraction, text=f"Step {chosen.step} (going through the run again: {job.fraction:.0%})")
        else:
            st.caption(f"Step {chosen.step}. {job.message if job is not None else ''}")
        return None, state.number("step")
    steps = [int(s) for s in way.steps]
    asked = state.number("step", steps[-1])
    current = min(steps, key=lambda s: abs(s - (steps[-1] if asked is None else asked)))
    key = f"explore.step.{chosen.key}.{replica}"
    st.select_slider(
        "Step",
        steps,
        value=current,
        key=key,
        format_func=lambda s: f"step {s} of {steps[-1]}",
        label_visibility="collapsed",
        on_change=lambda: state.keep_choice("step", None if state.widget(key) == steps[-1] else state.widget(key)),
        help="The moment of training that is looked at; at the right end, the last.",
    )
    return way, None if current == steps[-1] else current


if __name__ == "__main__":
    page()
