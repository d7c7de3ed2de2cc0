"""Train: one run, live."""

from __future__ import annotations

import streamlit as st

from app import forms, services, state
from app.describe import headline
from app.figures import GAPS
from app.forms import Form
from app.views import _train_charts, _train_controls, _train_share
from app.views._train_data import Shown, config_of, is_active, of_preview, of_run
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.store import UnknownRun

#: Seconds between refreshes while something happens.
REFRESH = 0.4


def page() -> None:
    """The page."""
    run = state.run_id()
    config = _opening(run)
    with st.sidebar:
        form = forms.render(config, uploads=services.uploads())
        _train_share.share_and_export(form)
        _view_options(form)
    if form.config is not None:
        state.write_config(form.config)
        if form.config != config and run is not None and not is_active(run):
            state.show_run(None)
    if state.run_id() is not None:
        state.show_run(state.run_id())
    polling = _busy(form)
    st.fragment(_live, run_every=REFRESH if polling else None)(form, polling)


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
            return of_run(run, config_of(run))
        except QHNError as error:
            state.show_run(None)
            state.remember("problem", str(error))
    return of_preview(form.config) if form.ready and form.config is not None else None


def _busy(form: Form) -> bool:
    shown = _shown(form)
    return shown is not None and shown.busy


def _live(form: Form, polling: bool) -> None:
    """Everything that changes by itself, drawn anew every few tenths of a second while something happens."""
    shown = _shown(form)
    if (shown is not None and shown.busy) != polling:
        # Before anything is drawn: a run of the fragment that ends in a rerun of the page, after it has drawn its
        # charts, can make the browser throw some of them away and mount them anew.
        st.rerun()
    status = shown.status if shown is not None else None
    visible = shown.config if shown is not None else form.config
    # Every part has a container of its own, whether or not it says something: what stands below must not move to
    # another place in the page's tree, or its charts would be made anew.
    with st.container():
        if visible is not None:
            st.markdown(headline(visible))
    with st.container():
        _train_controls.controls(form, shown, status)
        _train_controls.progress(form, shown)
    with st.container():
        _train_controls.messages(form, shown)
    with st.container():
        _train_controls.tiles(shown)
    if shown is not None:
        _train_charts.charts(shown, replica=_replica(shown.config), metric=state.widget("view.metric", "predictive"))


def _replica(config: RunConfig) -> int:
    return min(max(int(state.widget(f"view.replica.{config.replicas}", 1)), 1), config.replicas) - 1


def _view_options(form: Form) -> None:
    """What the charts show: kept by the session, not part of the configuration."""
    with st.expander("View", key="view.fold"):
        st.selectbox("Gap between", list(GAPS), format_func=lambda name: GAPS[name][0].capitalize(), key="view.metric")
        most = form.config.replicas if form.config is not None else 1
        st.number_input(
            "Start shown below the curves",
            1,
            max(most, 1),
            1,
            key=f"view.replica.{most}",
            disabled=most == 1,
            help="Curves and tiles are medians over all starts; the other charts show one of them.",
        )


if __name__ == "__main__":
    page()
