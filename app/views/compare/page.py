"""Compare: losses raced from the same start, live, and judged."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import links, presenter, race_state, services, state, wide_tables
from app.describe import headline
from app.figures.race import View
from app.sending import sent
from app.views.compare import charts, controls, export, pictures, podium, quantum, rivals, share, sides, verdict
from app.views.compare.charts import GENERALISATION, TRAINABILITY, TRAINABILITY_WIDE
from app.views.compare.data import Seen, look
from app.views.compare.sides import RaceForm
from app.views.compare.wide import is_wide
from qhn_core.errors import InvalidArgument

#: Seconds between refreshes while something happens.
REFRESH = 0.3
_TABS = ("Generalisation", "Trainability", "Evidence", "Pictures", "Verdict", "Rivals", "Is it quantum?")
_WHAT = "**A race**: the same network, data and starting angles, seed by seed; only the loss differs. Press **Train**."
_LOST = (
    "There is no race '{}' in this data folder; it may have been deleted, or was an instant one that nobody kept. "
    "Train races these settings anew."
)


def page() -> None:
    """The page."""
    config = race_state.read()
    with st.sidebar:
        form = sides.render(config)
        left, right = st.columns(2, gap="small")
        with left:
            share.share(form)
        with right:
            export.export(form)
        presenter.entrance()
    if form.config is not None:
        race_state.write(form.config)
    services.warm_up_rivals()
    controls.race_at_once(form)
    shown = race_state.race_id()
    if shown is not None:
        known = services.races().known(shown)
        race_state.show(shown if known else None)
        if not known:
            state.remember("race.problem", _LOST.format(shown))
    polling = _busy(_seen(None))
    podium.bar(form)
    if not state.presenting():
        links.say(links.prompt())
    st.fragment(sent(_live_race), run_every=REFRESH if polling else None)(form, polling)


def _seen(step: int | None) -> Seen | None:
    """The race of the URL, if it is in memory."""
    shown = race_state.race_id()
    if shown is None:
        return None
    try:
        return look(shown, step)
    except InvalidArgument:  # forgotten, perhaps while the page was drawn
        return None


def _busy(seen: Seen | None) -> bool:
    return seen is not None and (seen.busy or quantum.twin_busy(seen))


def _live_race(form: RaceForm, polling: bool) -> None:
    """Everything that changes by itself. Every part has a container of its own, so that charts keep their place."""
    seen = _seen(None)
    first = st.container() if state.presenting() else None
    with st.container():
        _headline(form, seen)
    with st.container():
        controls.controls(form, seen)
    left, right = st.columns([1.35, 1], gap="medium", vertical_alignment="bottom")
    with left:
        controls.progress(form, seen)
    with right:
        step = _scrubber(form, seen)
    with st.container():
        controls.messages(form, seen)
    with st.container():
        tab, view, replica = _view(form, seen, step)
    if seen is not None and step is not None:
        seen = _seen(step)
    with first or st.container(), st.container(key=f"race-{_TABS.index(tab)}"):
        _content(tab, seen, view, replica)
    if state.recall("race.rerun") or _busy(seen) != polling:
        state.remember("race.rerun", False)
        st.rerun()


def _headline(form: RaceForm, seen: Seen | None) -> None:
    config = seen.config if seen is not None else form.config
    if config is None:
        return
    words = headline(config.base).split(" · ")
    if config.base.data_draws == 1:
        words.append("one data set")
    del words[-4:-2]  # loss and optimiser
    st.markdown(" · ".join(words))
    if seen is None:
        st.caption(_WHAT)


def _content(tab: str, seen: Seen | None, view: View, replica: int) -> None:
    if tab == "Generalisation":
        charts.curves(podium.in_view(seen), GENERALISATION, view)
    elif tab == "Trainability":
        shown = TRAINABILITY_WIDE if seen is not None and is_wide(seen.config.base) else TRAINABILITY
        charts.curves(podium.in_view(seen), shown, view)
    elif tab == "Evidence":
        charts.evidence(seen, view, replica)
    elif tab == "Pictures":
        pictures.show(seen)
    elif tab == "Verdict":
        verdict.show(seen)
    elif tab == "Rivals":
        rivals.show(seen)
    else:
        quantum.show(seen)
    if tab in _TABS[:3] and seen is not None and seen.logged:
        st.markdown(charts.values_table(seen))
    wide_tables.reach()


def _total(form: RaceForm, seen: Seen | None) -> int:
    config = seen.config if seen is not None else form.config
    return config.base.steps if config is not None else 1


def _scrubber(form: RaceForm, seen: Seen | None) -> int | None:
    """The step to look at; None for the newest."""
    total = _total(form, seen)
    at = st.slider(
        "Step looked at",
        0,
        total,
        _held(f"race.scrub.{total}", total),
        key=f"race.scrub.{total}",
        label_visibility="collapsed",
        disabled=seen is None,
        help="The step that markers, tables and weights show; at the right end, the newest",
    )
    return int(at) if at < total else None


def _view(form: RaceForm, seen: Seen | None, step: int | None) -> tuple[str, View, int]:
    """Which charts, and with which axes."""
    with st.container(horizontal=True, gap="small", horizontal_alignment="distribute", vertical_alignment="center"):
        tab = st.segmented_control(
            "Charts",
            _TABS,
            default=_held("race.tab", _TABS[0]),
            key="race.tab",
            label_visibility="collapsed",
            required=True,
            wrap=True,
            help="What to look at: curves, pictures, or the verdict.",
        )
        config = seen.config if seen is not None else form.config
        scales = "Scales, smoothing and single starts of the curves"
        with st.popover("Axes", icon=":material/tune:", key="race.axes", help=scales):
            view, replica = _axes(config.base.replicas if config is not None else 1, _total(form, seen), step)
    return str(tab), view, replica


def _held(key: str, default: Any) -> Any:
    """What a widget holds, to be given to it as its default: a widget that the browser makes anew starts from there."""
    value = state.widget(key, default)
    return default if value is None else value


def _axes(replicas: int, total: int, step: int | None) -> tuple[View, int]:
    units = ("steps", "seconds")
    x = st.segmented_control(
        "Along x",
        units,
        default=_held("race.x", "steps"),
        key="race.x",
        required=True,
        help="Compare after equal numbers of steps, or after equal time spent.",
    )
    log_x = st.toggle(
        "Logarithmic x",
        _held("race.log_x", False),
        key="race.log_x",
        help="Stretch the first steps, where most happens.",
    )
    log_y = st.toggle(
        "Logarithmic y",
        _held("race.log_y", False),
        key="race.log_y",
        help="Show factors instead of differences: a straight line is a constant rate.",
    )
    seeds = st.toggle(
        "Single starts",
        _held("race.seeds", False),
        key="race.seeds",
        help="One thin curve for each start, instead of the median and its band.",
    )
    smoothing = st.slider(
        "Smoothing",
        0.0,
        0.95,
        _held("race.smoothing", 0.0),
        0.05,
        key="race.smoothing",
        help="Average over neighbouring steps so that trends are seen; tables and verdicts are not smoothed.",
    )
    key = f"race.replica.{replicas}"
    replica = st.number_input(
        "Start whose weights are shown",
        1,
        max(1, replicas),
        _held(key, 1),
        key=key,
        help="Which start's weights are drawn under Evidence.",
    )
    view = View(
        x="seconds" if x == "seconds" else "step",
        log_x=log_x,
        log_y=log_y,
        smoothing=float(smoothing),
        seeds=seeds,
        total=total if x == "steps" else 0,
        step=float(step) if step is not None else None,
    )
    return view, int(replica) - 1


if __name__ == "__main__":
    page()
