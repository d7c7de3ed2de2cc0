"""The class is the experiment: one click shares a race out, and the projector shows what everybody found together."""

from __future__ import annotations

import streamlit as st

from app import experiment, race_state
from app.classroom import Classroom
from app.experiment import Experiment, Standing
from app.figures.pooled import pooled_differences
from app.figures.race import styles
from app.live_chart import live_chart
from app.views.compare.sentences import sentence
from qhn_core.analysis.statistics import minimum_units
from qhn_core.errors import QHNError
from qhn_core.metrics import METRICS
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.shares import Unit, judge, pool

#: What a class can judge: all that a race of one unit has at a step.
_METRICS = ("predictive_nll_test", "accuracy_test", "kl_posterior", "cost_gap", "success")
_UNITS: dict[Unit, str] = {"draw": "one draw of the data", "seed": "one start, all on the same data"}
_PROBLEM = "class.experiment.problem"


def show(room: Classroom) -> None:
    """What would be shared out, and the button; once it is, what it is, and the buttons that end it."""
    now = experiment.current(room)
    if now is None:
        _offer(room)
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{' · '.join(now.titles)}**: everybody has {_UNITS[now.unit]}.")
            st.button(
                "Judge now",
                on_click=_close,
                args=(now,),
                disabled=now.closed,
                help="Leave out who has not finished. Set before you look: whoever picks the moment picks the verdict.",
                key="class.experiment.close",
            )
            st.button(
                "Another experiment",
                on_click=experiment.forget,
                key="class.experiment.forget",
                help="Set up a new one; this one's runs stay under Runs",
            )


def _offer(room: Classroom) -> None:
    race = race_state.read()
    steps = f"{race.base.steps} steps, judged at step {race.judged_at}"
    st.markdown(f"**The race of your Compare page**: {' · '.join(c.title for c in race.contenders)}; {steps}.")
    left, middle, right = st.columns([1.5, 1.5, 1.2], gap="medium", vertical_alignment="bottom")
    unit = left.selectbox(
        "Every student gets",
        list(_UNITS),
        format_func=lambda u: _UNITS[u],
        key="class.unit",
        help="What differs from student to student: each is one draw of chance.",
    )
    metric = middle.selectbox(
        "Judged by",
        _METRICS,
        format_func=lambda name: METRICS[name].label,
        key="class.metric",
        help="The quantity that decides. Set before anybody has seen a curve.",
    )
    right.button(
        "Give everybody theirs",
        icon=":material/groups:",
        type="primary",
        on_click=_begin,
        args=(room, race, unit, metric),
        disabled=len(race.contenders) < 2,
        key="class.experiment.begin",
        help="Send each student a run of this race",
    )
    if len(race.contenders) < 2:
        st.caption("A race of one has nothing to compare: add a contender on the page Compare.")
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(problem, icon=":material/error:")


def _begin(room: Classroom, race: RaceConfig, unit: Unit, metric: str) -> None:
    if experiment.current(room) is not None:  # pressed twice
        return
    try:
        experiment.begin(room, race, unit=unit, metric=metric)
    except QHNError as error:
        st.session_state[_PROBLEM] = str(error)


def _close(now: Experiment) -> None:
    now.standing()  # whoever has just finished counts
    now.closed = True


def progress(room: Classroom) -> None:
    """How far the class is, the differences with their shrinking interval, and the verdict at the end."""
    now = experiment.current(room)
    if now is None:
        return
    now.catch_up()
    standing, found = now.standing(), now.found()
    with st.container():
        _counts(standing)
    looks = styles([contender.objective.name for contender in now.race.contenders])[1:]
    metric = METRICS[now.metric]
    pooled = pool(found, now.titles, now.metric)
    live_chart(
        pooled_differences(pooled, looks, title=metric.title, reference=now.titles[0], unit=metric.unit),
        name="class-pooled",
        alt=_said(now, standing),
        height=380,
    )
    with st.container():
        _verdict(now, standing)


def _counts(standing: Standing) -> None:
    parts = [f"{standing.finished} of {standing.total} have finished", f"{standing.active} under way"]
    if standing.lost:
        parts.append(f"{standing.lost} stopped or lost: they cost width and nothing else")
    if standing.waiting:
        parts.append(f"{standing.waiting} could not begin yet")
    st.progress(standing.finished / max(standing.total, 1), text=" · ".join(parts))


def _verdict(now: Experiment, standing: Standing) -> None:
    """Words once nothing is under way; before that, how many a verdict needs."""
    fewest = minimum_units(max(1, len(now.titles) - 1))
    if standing.active or not standing.finished:
        st.caption(
            f"95 % intervals of the paired differences to {now.titles[0]}. The verdict comes when nobody is under way, "
            f"so that no lucky moment is picked; it needs at least {fewest} students."
        )
        return
    st.markdown("\n".join(f"- {sentence(c)}" for c in judge(now.found(), now.titles, now.metric)))
    if now.unit == "seed":
        st.caption("All had the same data: what is concluded holds for that data set only.")


def _said(now: Experiment, standing: Standing) -> str:
    """The chart in words, for who cannot see it."""
    parts = [
        f"{one.contender}: {one.growing[-1].mean:+.4f}, {one.growing[-1].low:+.4f} to {one.growing[-1].high:+.4f}"
        for one in pool(now.found(), now.titles, now.metric)
        if one.growing
    ]
    return f"Differences to {now.titles[0]} after {standing.finished} students. " + "; ".join(parts)
