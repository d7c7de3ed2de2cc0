"""Train: one run, live."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import streamlit as st

from app import classroom, examples, forms, holding, links, post, presenter, services, starts, state, welcome
from app.describe import headline
from app.feeds import FEEDS
from app.figures import GAPS, gap_name
from app.forms import Form
from app.remote import digest
from app.sending import sent
from app.views.train import (
    ahead,
    below,
    controls,
    curves,
    equation,
    ghosts,
    instant,
    more,
    mounting,
    past,
    podium,
    share,
    tiles,
)
from app.views.train.data import config_of, is_active, of_instant, of_preview, of_run, wait_for_setup
from app.views.train.remote import asked
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.store import RunState, UnknownRun

#: Seconds between refreshes of progress and tiles while something happens, and where many steps go by in that time:
#: each refresh makes the browser go through the whole page.
REFRESH, CALM = 0.4, 1.44
#: How much less often pictures of a run that goes fast change on students' screens.
STUDENTS = 2.0
#: Seconds that a page waits for a preview before it is drawn without.
PATIENCE = 0.4


def page() -> None:
    """The page."""
    run = state.run_id()
    config = _opening(run)
    ahead.send(config, metric=_metric())
    holding.let_go()
    with st.sidebar:
        form = forms.render(config, uploads=services.uploads())
        share.share_and_export(form)
        examples.pick()
        _view_options()
        presenter.entrance()
    if form.config is not None:
        state.write_config(form.config)
        if _changed(form.config, config, run):
            ghosts.leave(run)
            state.show_run(None)
    if state.run_id() is not None:
        state.show_run(state.run_id())
    shown = _first_shown(form)
    ghosts.follow(shown.key if shown is not None and shown.took is not None else None)
    drawn = _stage(shown)
    live = _seconds(drawn) if drawn.busy else None
    drawing = REFRESH if drawn.busy and not FEEDS.is_open else None
    podium.bar(form, shown)
    if state.presenting():
        st.fragment(sent(_large_curves), run_every=drawing)(form, drawn)
    else:
        welcome.strip()
        links.say(links.prompt())
    st.fragment(sent(_head))(form, drawn)
    st.fragment(sent(_live), run_every=live)(form, drawn)
    if state.presenting():
        st.fragment(sent(_large_pictures), run_every=drawing)(form, drawn)
    else:
        st.fragment(sent(_charts), run_every=drawing)(form, drawn)
        st.fragment(sent(_more), run_every=drawing or (REFRESH if more.busy() else None))(form, drawn)
    if instant.is_wanted():
        post.receive()
        if state.run_id() is None:
            holding.expects()


def _seconds(drawn: Stage) -> float:
    """Seconds between refreshes of progress and tiles; more where many look on, but never so many as to seem dead."""
    return CALM * min(FEEDS.slower(), 1.5) if drawn.fast and FEEDS.is_open else REFRESH


def _changed(now: RunConfig, opened: RunConfig, run: str | None) -> bool:
    """Whether the settings were changed, in whatever way, under a run that rests: then the page shows their preview.

    What the form said when the run was last drawn is remembered, as settings may come from a file or a button too. A
    run whose settings were changed while it trained stays in view when it ends, and so does one that is opened again.
    """
    before, text = state.recall("train.drawn"), f"{run} {digest(now.to_json())}"
    state.remember("train.drawn", text)
    if run is None or is_active(run) or past.fork_of(run) is not None:
        return False
    if now != opened:
        return True
    same_run = isinstance(before, str) and before.startswith(f"{run} ")
    return same_run and before != text and now != _config_or_none(run)


def _config_or_none(run: str) -> RunConfig | None:
    try:
        return config_of(run)
    except QHNError:
        return None


def _opening(run: str | None) -> RunConfig:
    """The configuration of the URL; a URL that names only a run brings that run's configuration."""
    alone = run is not None and state.CONFIG not in st.query_params and state.recall(state.CONFIG) is None
    if alone and run is not None:
        try:
            state.adopt(config_of(run))
        except UnknownRun as error:
            state.show_run(None)
            state.remember("problem", str(error))
        except QHNError as error:
            state.remember("problem", str(error))
    return state.read_config()


def _shown(form: Form) -> Shown | None:
    """The run of the URL, else the preview of the form."""
    run = state.run_id()
    if run is not None:
        try:
            return past.past(of_run(run, config_of(run)))
        except QHNError as error:
            state.show_run(None)
            state.remember("problem", str(error))
    if form.plan is None or form.config is None:
        return None
    return (of_instant if _at_once(form) else of_preview)(form.config)


def _at_once(form: Form) -> bool:
    """Whether what the form says is trained without anybody pressing Train."""
    return form.plan is not None and instant.is_on(form.config, form.plan.n_qubits)


def _first_shown(form: Form) -> Shown | None:
    """As :func:`_shown`; a setup gets a moment to be ready, which is less than drawing the page twice takes."""
    run = state.run_id()
    if form.config is not None and (run is not None or (form.ready and not _at_once(form))):
        with contextlib.suppress(QHNError):  # said by _shown
            wait_for_setup(run, form.config, PATIENCE)
    return _shown(form)


@dataclass(frozen=True)
class Stage:
    """What decides which buttons and messages there are, and which parts of the page refresh how often.

    Args:
        key: the run or the preview shown; empty for none.
        notices: why the last action was refused, and what the page asks before it sends anything.
        busy: more will come without anybody doing anything.
        active: a run is queued, prepared, trained or paused.
        resumable: Resume stands where Pause stood.
        fast: too many steps a second to draw each in all charts.
        at: the earlier step that it looks back at: tiles and charts all change with it.
        fork: the step at which a branch is about to leave.
        rests: the step at which it rests: one further step, and the way back through all of them has grown.
    """

    key: str
    notices: tuple[str, str]
    busy: bool = False
    active: bool = False
    resumable: bool = False
    fast: bool = False
    at: int | None = None
    fork: int | None = None
    rests: int | None = None


def _stage(shown: Shown | None) -> Stage:
    notices = (str(state.recall("problem", "")), asked())
    if shown is None or shown.status is None:
        return Stage(shown.key if shown is not None else "", notices, busy=shown is not None and shown.busy)
    status = shown.status
    limited = status.speed is not None and status.speed <= mounting.SLOW
    return Stage(
        shown.key,
        notices,
        busy=shown.busy,
        active=status.active,
        resumable=controls.resumable(status),
        fast=not limited and status.state is not RunState.PAUSED,
        at=shown.step if shown.newest is not None else None,
        fork=past.fork_of(status.run_id),
        rests=status.step if shown.rests else None,
    )


def _now(form: Form, drawn: Stage) -> Shown | None:
    """What there is to show; starts the whole page again where its stage is another than the one drawn.

    To be called before anything is drawn: a run of a fragment that ends in a rerun of the page, after it has drawn its
    charts, can make the browser throw some of them away and mount them anew.
    """
    shown = _shown(form)
    if _stage(shown) != drawn or state.recall("train.rerun"):
        state.remember("train.rerun", False)
        st.rerun()
    return shown


# Three fragments, each drawn anew when it has to be: what the browser draws takes processor time away from training.
# Within them every part has a container of its own, whether or not it says something: what stands below must not move
# to another place in the page's tree, or its charts would be made anew.


def _head(form: Form, drawn: Stage) -> None:
    """What is trained, and the buttons: drawn anew when one is pressed, and when the stage changes."""
    shown = _now(form, drawn)
    visible = shown.config if shown is not None else form.config
    with st.container():
        if visible is not None:
            st.markdown(headline(visible))
    with st.container():
        controls.controls(form, shown, shown.status if shown is not None else None)


def _live(form: Form, drawn: Stage) -> None:
    """Progress, messages and tiles: drawn anew while something happens."""
    shown = _now(form, drawn)
    with st.container():
        controls.progress(form, shown)
    with st.container():
        controls.messages(form, shown)
    with st.container():
        tiles.tiles(form, shown)
    with st.container():
        equation.show(shown)


def _charts(form: Form, drawn: Stage) -> None:
    """All charts. They refresh by themselves where the server has feeds, and with this fragment elsewhere."""
    shown = _now(form, drawn)
    if shown is None:
        return
    curves.show(shown, metric=_metric())
    _pictures(shown, drawn, mounting.USUAL)


def _large_curves(form: Form, drawn: Stage) -> None:
    """What a projector shows first."""
    shown = _now(form, drawn)
    if shown is not None:
        curves.show(shown, metric=_metric(), look=mounting.LARGE)


def _large_pictures(form: Form, drawn: Stage) -> None:
    """What a projector shows below the buttons."""
    shown = _now(form, drawn)
    if shown is not None:
        _pictures(shown, drawn, mounting.LARGE)


def _metric() -> str:
    return str(state.widget("view.metric", "predictive"))


def _pictures(shown: Shown, drawn: Stage, look: mounting.Look) -> None:
    rests = shown.rests
    with st.container():
        if rests:
            ghosts.caption(shown)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", horizontal_alignment="right"):
        if rests:
            past.bar(shown)
        else:
            ghosts.caption(shown)
        choice = starts.pick(shown.config.replicas, key="train.start", width=round(236 * presenter.scale()))
    every = mounting.PICTURES * _thinned() if drawn.fast else mounting.CURVES
    uncoupled = bool(state.widget("view.uncoupled", False))
    below.show(shown, choice=choice, every=every, look=look, uncoupled=uncoupled)
    if shown.enumerable:
        st.toggle(
            "Without entanglers",
            key="view.uncoupled",
            help="The pictures at the same angles without the gates on two wires; nothing is trained",
        )


def _more(form: Form, drawn: Stage) -> None:
    """The pictures that are asked for."""
    shown = _now(form, drawn)
    if shown is None:
        return
    with st.container():
        choice = starts.chosen(shown.config.replicas)
        waiting = more.show(shown, choice, every=mounting.PICTURES * _thinned() if drawn.fast else mounting.CURVES)
    more.settle(waiting)


def _thinned() -> float:
    """How much less often pictures change on a student's screen than on the teacher's, which the projector shows."""
    viewer = classroom.person()
    return 1.0 if viewer is None or viewer.teacher else STUDENTS


def _view_options() -> None:
    """What the charts show: kept by the session, not part of the configuration."""
    with st.expander("View", key="view.fold"):
        st.selectbox(
            "Gap between",
            list(GAPS),
            format_func=gap_name,
            key="view.metric",
            help="What is compared between training and test examples: the gap is what was learnt by heart.",
        )


if __name__ == "__main__":
    page()
