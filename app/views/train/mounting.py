"""Charts of the Train page: how large they are, how often they change, and how they come onto the page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import figures, presenter, services
from app.feeds import FEEDS, Feed
from app.kept_chart import encoded
from app.live_chart import live_chart
from app.pictures import Built
from app.views.train.data import of_run
from app.views.train.shown import Shown
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.runner import RunState

#: Seconds between refreshes of the curves, and of the pictures below them, which cost the browser more. Drawing takes
#: processor time away from training.
CURVES, PICTURES = 0.47, 1.88
#: Seconds up to which a run counts as short.
SHORT = 10.0
#: Limits of the speed, in steps per second, up to which every step is drawn in all charts.
SLOW = 5.0


@dataclass(frozen=True)
class Look:
    """How large the charts are.

    Args:
        curves, pictures, strip: heights of their rows, pixels.
        scale: how much larger than usual letters and lines are.
    """

    curves: int = 244
    pictures: int = 290
    strip: int = 220
    scale: float = 1.0


USUAL, LARGE = Look(), Look(340, 480, 320, presenter.SCALE)


@dataclass(frozen=True, eq=False)
class Chart:
    """One chart of the page.

    Args:
        name: what its node is called.
        build: makes its figure and its description from what is to be shown.
        height: pixels.
        every: seconds between refreshes while the run goes on; None for a figure of which only what pointing shows
            changes, and which is drawn anew when the run rests.
        option: what else its figure depends on.
        config: Plotly's configuration beyond the defaults.
        scale: how much larger than usual letters and lines are.
    """

    name: str
    build: Callable[[Shown], Built]
    height: int
    every: float | None = CURVES
    option: str = ""
    config: Mapping[str, Any] | None = None
    scale: float = 1.0


def mount(shown: Shown, chart: Chart) -> None:
    """Mount one chart; while the run is in work it has a feed, if the server has feeds."""
    feed, every, status = "", _every(shown, chart), shown.status
    followed = shown.newest is None and status is not None and status.active and status.state is not RunState.QUEUED
    if followed and status is not None and every is not None:
        key = (shown.key, chart.name, chart.option, chart.every, chart.scale)
        feed = FEEDS.name(key, lambda name: _feed(status.run_id, shown.config, chart, name, every))
    live_chart(encoded_figure(shown, chart, feed, patient=True), name=chart.name)


def _feed(run_id: str, config: RunConfig, chart: Chart, name: str, every: float) -> Feed:
    """The feed of one chart. It may live longer than the run: it holds names alone, no tables and no distributions."""
    supervisor = services.supervisor()

    def version() -> int:
        known = supervisor.version(run_id)
        return int(time.monotonic()) if known is None else known  # trained elsewhere: anything may have changed

    def build() -> bytes:
        shown = of_run(run_id, config)
        if shown.status is None or not shown.status.active:
            raise QHNError("The run has ended: the page shows it.")
        feed.every = _every(shown, chart) or every  # how fast it goes is known only once it goes
        return encoded_figure(shown, chart, name)

    feed = Feed(version, build, every)
    return feed


def encoded_figure(shown: Shown, chart: Chart, feed: str = "", *, patient: bool = False) -> bytes:
    """The chart's figure, built when something changed; where ``patient``, a little later while the run goes on."""
    status = shown.status
    every = _every(shown, chart)
    version = (shown.step, len(shown.steps), shown.note, shown.busy)
    # What is missing is part of the key, so that a figure that says "preparing" gives way at once.
    missing = (shown.setup is None, shown.theta is None, shown.bits is None, len(shown.steps) == 0)
    running = status is not None and status.state is RunState.RUNNING
    patience = float("inf") if every is None else 0.6 * every
    return encoded(
        partial(chart.build, shown),
        name=chart.name,
        key=(shown.key, chart.option, feed, missing, chart.scale),
        version=version,
        patience=patience if running and patient else 0.0,
        height=chart.height,
        config=chart.config,
        feed=feed,
        every=round((every or 0.0) * FEEDS.slower(FEEDS.find(feed)), 2),
        scale=chart.scale,
    )


def _every(shown: Shown, chart: Chart) -> float | None:
    """Seconds between two refreshes: in a run of a few seconds everything moves as often as the curves."""
    status = shown.status
    if status is None or chart.every is None:
        return chart.every
    short = status.steps <= SHORT * status.steps_per_second or status.steps_per_second == 0
    return min(chart.every, CURVES) if short else chart.every


def waiting(shown: Shown, title: str) -> Built:
    """What stands in a chart's place while there is nothing to draw."""
    text = shown.note or ("Preparing …" if shown.busy else "Not known for this start before it is trained")
    return figures.message(title, text), f"{title}: {text}"
