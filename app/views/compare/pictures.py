"""The contenders side by side, in pictures: what each predicts, and which networks are drawn from its circuit.

All show the same start at the same step, so that nothing differs but the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import services, starts
from app.figures import message
from app.image_pictures import is_wide, mean_weights
from app.kept_chart import kept_chart
from app.pictures import SHOTS, Built, Moment, drawn_networks, measure, predictions
from app.views.compare import wide
from app.views.compare.data import Seen, problem_of

_HEIGHT = 262
#: Seconds between two pictures of a race under way; without a table an ensemble is drawn for each.
_EVERY, _EVERY_WIDE = 0.5, 4.0


def show(seen: Seen | None) -> None:
    """A column a contender: its predictions above, its drawn networks below."""
    if seen is None:
        st.info("Train draws each contender's predictions and networks here, side by side.", icon=":material/image:")
        return
    replicas = seen.config.base.replicas
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        choice = starts.pick(replicas, key="race.start")
        start = start_of(seen, choice)
        st.caption(_words(seen, choice, start))
    name, draw = predictions(seen.config.base)
    below = mean_weights if is_wide(seen.config.base) else drawn_networks
    with st.container(key="alike.race"):
        for kind, build in ((name, draw), ("networks", below)):
            for i, column in enumerate(st.columns(len(seen.lanes), gap="small")):
                with column:
                    _mount(seen, i, start, kind, build)


def start_of(seen: Seen, choice: str) -> int:
    """The start of all pictures, from 0: its number, or that of median (lowest) loss of the first contender."""
    losses = seen.lanes[0].rows.history.get("loss", np.zeros((0, 1)))
    upto = losses[: seen.lanes[0].at + 1] if seen.step is not None else losses
    return starts.start_of(choice, upto, replicas=seen.config.base.replicas, active=seen.follows)


def _words(seen: Seen, choice: str, start: int) -> str:
    of = f" ({choice} loss of {seen.lanes[0].title})" if choice in (starts.MEDIAN, starts.BEST) else ""
    return f"Start {start + 1}{of} at step {seen.at_step}, the same for all: same data, same initial angles."


@lru_cache(maxsize=64)
def _distribution(race_id: str, contender: int, step: int, start: int) -> tuple[int, NDArray[np.float64]] | None:
    """(step, q (2**N,)) of one start at the kept step nearest to ``step``."""
    found = services.races().probs(race_id, contender, step, slice(start, start + 1))
    return None if found is None else (found[0], found[1][0])


def _moment(seen: Seen, index: int, start: int) -> Moment | str:
    """What a contender's pictures are made of, or why there are none."""
    lane, problem = seen.lanes[index], problem_of(seen, start)
    if problem is None or not len(lane.rows.steps):
        return "Preparing …"
    config = seen.config.configs()[index]
    if problem.table is None:
        drawn = wide.draws(seen.race_id, index, seen.at_step, start)
        if drawn is None:
            return "Preparing …"
        return Moment(config, problem, None, drawn[1], f"start {start + 1}, step {drawn[0]}", lane.title)
    found = _distribution(seen.race_id, index, seen.at_step, start)
    if found is None:
        return "Preparing …"
    step, q = found
    draws = measure(q, SHOTS, seed=(config.seed, step, start))
    return Moment(config, problem, q, draws, f"start {start + 1}, step {step}", lane.title)


def _mount(seen: Seen, index: int, start: int, kind: str, draw: Callable[[Moment], Built]) -> None:
    name, title = f"race-{kind}-{index + 1}", seen.lanes[index].title

    def build() -> Built:
        moment = _moment(seen, index, start)
        figure, alt = (message(title, moment), moment) if isinstance(moment, str) else draw(moment)
        return figure, f"{title}: {alt}"

    every = _EVERY_WIDE if wide.is_wide(seen.config.base) else _EVERY
    kept_chart(
        build,
        name=name,
        key=("race", seen.race_id, start),
        version=(seen.version, seen.at_step),
        patience=every if seen.follows else 0.0,
        height=_HEIGHT,
    )
