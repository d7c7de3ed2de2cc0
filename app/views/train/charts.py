"""The Train page's charts: from what is shown to figures, encoded once for all who look."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from app import figures, long_circuit, presenter, services, starts
from app.feeds import FEEDS, Feed
from app.figures.ghosts import Ghost, haunted, marked
from app.image_pictures import WIDE, is_wide, mean_weights, one_network, reads_images, tested_images
from app.kept_chart import encoded
from app.live_chart import live_chart
from app.pictures import Built, Moment, drawn_networks, predictions, weight_labels, weight_marginals
from app.views.train import branches, ghosts
from app.views.train.data import Shown, gradient_of, of_run
from qhn_core.config import RunConfig
from qhn_core.errors import QHNError
from qhn_core.metrics import median_of
from qhn_core.runner import RunState

#: Seconds between refreshes of the curves, and of the pictures below them, which cost the browser more. Drawing takes
#: processor time away from training.
CURVES, PICTURES = 0.47, 1.88
#: Seconds up to which a run counts as short.
SHORT = 10.0
#: Limits of the speed, in steps per second, up to which every step is drawn in all charts.
SLOW = 5.0
#: Ids of the runs before, and of the branches, of which curves are drawn behind those of the run shown.
_Others = tuple[tuple[str, ...], tuple[str, ...]]
_TAGS = re.compile(r"<[^>]*>")
#: What the picture of the predictions is called while there is nothing to draw.
_PREDICTIONS = {"boundary": "Decision boundary", "confusion": "Confusion", "costs": "Cost of the drawn strings"}


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


def curves(shown: Shown, *, metric: str, look: Look = USUAL) -> None:
    """Loss and generalisation gap over steps, side by side."""
    for column, chart in zip(st.columns(2, gap="small"), curve_charts(shown, metric=metric, look=look), strict=True):
        with column:
            mount(shown, chart)


def curve_charts(shown: Shown, *, metric: str, look: Look) -> tuple[Chart, Chart]:
    """Loss and generalisation gap, with the runs before as ghosts."""
    before = (ghosts.of(shown), branches.of(shown))
    option = ",".join((*before[0], "", *before[1]))
    loss = partial(_in_row, draw=partial(_loss, before=before))
    gap = partial(_in_row, draw=partial(_gap, metric=metric, before=before))
    return (
        Chart("loss", loss, look.curves, option=option, scale=look.scale),
        Chart("gap", gap, look.curves, option=f"{metric},{option}", scale=look.scale),
    )


def pictures(shown: Shown, *, choice: str, every: float, look: Look = USUAL, uncoupled: bool = False) -> None:
    """What the circuit says at this step: drawn networks, predictions, marginals, and the circuit itself.

    Args:
        shown: what to show.
        choice: which start, one of :func:`app.starts.options`.
        every: seconds between refreshes.
        look: how large they are.
        uncoupled: draw networks, predictions and marginals as they would be without the gates that couple wires.
    """
    predicted = predictions(shown.config)
    wide = is_wide(shown.config)
    kinds = (
        ("weights", one_network if wide else drawn_networks, "Drawn networks"),
        (*predicted, _PREDICTIONS[predicted[0]]),
        ("marginals", mean_weights if wide else weight_marginals, "Marginals"),
    )
    for column, (name, draw, title) in zip(st.columns([1.3, 1, 1], gap="small"), kinds, strict=True):
        build = partial(picture, choice=choice, draw=draw, title=title, uncoupled=uncoupled)
        with column:
            mount(shown, Chart(name, build, look.pictures, every, f"{choice}{uncoupled}", scale=look.scale))
    if wide and reads_images(shown.config):
        strip = partial(picture, choice=choice, draw=tested_images, title="Test images")
        mount(shown, Chart("images", strip, look.strip, every, choice, scale=look.scale))
    if shown.setup is not None and shown.setup.circuit.n_qubits > WIDE:
        left, right = st.columns(2, gap="small")
        with left:
            profile = partial(_profile, choice=choice)
            mount(shown, Chart("profile", profile, look.pictures, every, choice, scale=look.scale))
        with right:
            cut = partial(_window, choice=choice)
            mount(shown, Chart("circuit", cut, look.pictures, None, choice, {"scrollZoom": True}, look.scale))
    elif shown.setup is not None:
        height = round(look.scale * figures.diagram_height(shown.setup.circuit.n_qubits))
        circuit, option = partial(_circuit, choice=choice, uncoupled=uncoupled), f"{choice}{uncoupled}"
        mount(shown, Chart("circuit", circuit, height, every, option, {"scrollZoom": True}, look.scale))


def _behind(others: _Others) -> list[Ghost]:
    """The curves of other runs: those before, and the branches of the one shown."""
    return [*ghosts.ghosts(others[1], before="branch"), *ghosts.ghosts(others[0])]


def _in_row(shown: Shown, draw: Callable[[Shown, int | None], Built]) -> Built:
    """The same, of a chart whose plot is as high as that of the other one beside it (live_chart.js)."""
    figure, alt = _of_newest(shown, draw)
    return {"data": figure["data"], "layout": figure["layout"] | {"meta": {"row": "curves"}}}, alt


def _of_newest(shown: Shown, draw: Callable[[Shown, int | None], Built]) -> Built:
    """A figure over all steps, with a mark at the one that the page looks back at."""
    if shown.newest is None:
        return draw(shown, None)
    figure, alt = draw(shown.newest, shown.step)
    return marked(figure, shown.step), f"{alt} Marked: {shown.step}."


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


def _waiting(shown: Shown, title: str) -> Built:
    text = shown.note or ("Preparing …" if shown.busy else "Not known for this start before it is trained")
    return figures.message(title, text), f"{title}: {text}"


def _loss(shown: Shown, _at: int | None, before: _Others) -> Built:
    if not len(shown.steps):
        return _waiting(shown, "Loss per example")
    figure = haunted(loss_figure(shown), _behind(before), {"loss": "solid"})
    value = figures.median(shown.history["loss"][-1:])[0]
    evidence, n_train = _evidence(shown)
    limit = "" if evidence is None else f"; minus log evidence per example is {-evidence / n_train:.3g}"
    how = _estimated(shown.loss_shots)
    of = median_of(shown.config.replicas)
    said = f"{of}, {value:.3g}" if of else f"{value:.3g}"
    return figure, f"Loss per example over steps: {said} at step {shown.steps[-1]}{limit}{how}."


def loss_figure(shown: Shown) -> figures.Figure:
    """The loss with its terms and, where it is known, the evidence."""
    evidence, n_train = _evidence(shown)
    return figures.loss_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        label=shown.config.objective.title,
        n_train=n_train,
        log_evidence=evidence,
        total=shown.config.steps,
        draws=shown.loss_shots,
        bounds=shown.config.objective.bounds_evidence,
        several_data=shown.config.data_draws > 1,
    )


def _evidence(shown: Shown) -> tuple[float | None, int]:
    """log Z in nats, the median over draws of the data, where it is known; and the examples by which it is divided."""
    if shown.setup is None:
        return None, 1
    problem: Any = shown.setup.problem
    known = problem.table is not None
    return (float(np.median(problem.log_evidence)) if known else None), shown.setup.n_train


def _estimated(draws: int) -> str:
    return f", estimated from {draws:,} draws" if draws else ""


def _gap(shown: Shown, at: int | None, metric: str, before: _Others) -> Built:
    if not len(shown.steps):
        return _waiting(shown, "Generalisation gap")
    figure = gap_figure(shown, metric, at)
    stem = figures.GAPS[metric]
    figure = haunted(figure, _behind(before), {f"{stem}_train": "solid", f"{stem}_test": "dash"})
    title = _TAGS.sub("", str(figure["layout"]["title"]["text"]).replace(" <span", ", <span"))
    step = f" at step {shown.steps[-1]}" if at is None else ""
    return figure, f"Train and test curves over steps. {title}{step}{_estimated(shown.shots)}."


def gap_figure(shown: Shown, metric: str = "predictive", at: int | None = None) -> figures.Figure:
    """Train and test curves of one metric, with the gap at the step ``at``, or at the newest."""
    return figures.gap_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        metric=metric,
        total=shown.config.steps,
        draws=shown.shots,
        at=at,
    )


def start_of(shown: Shown, choice: str) -> int:
    """The number, from 0, of the start that the pictures show."""
    replicas = shown.config.replicas
    active = shown.status is not None and shown.status.active
    steps = (shown.newest or shown).steps
    return starts.start_of(choice, shown.losses, replicas=replicas, active=active, steps=steps)


def moment_of(shown: Shown, choice: str, *, uncoupled: bool = False) -> Moment | None:
    """What the pictures are made of, without the gates that couple wires if asked; None while it is not known."""
    start = start_of(shown, choice)
    shown = shown.without_entanglers() if uncoupled else shown
    problem, draws = shown.problem(start), shown.draws(start)
    if problem is None or draws is None:
        return None
    return Moment(shown.config, problem, shown.q(start), draws, _named(shown, choice, start))


def _named(shown: Shown, choice: str, start: int) -> str:
    """What the titles of pictures say of start and step."""
    said = starts.said(choice, start, shown.config.replicas)
    step = "" if shown.newest is None else f"step {shown.step}"
    return ", ".join(filter(None, (step, said, "no entanglers" if shown.uncoupled else "")))


def picture(
    shown: Shown, choice: str, draw: Callable[[Moment], Built], title: str, *, uncoupled: bool = False
) -> Built:
    """A picture of one start at one step."""
    moment = moment_of(shown, choice, uncoupled=uncoupled)
    return _waiting(shown, title) if moment is None else draw(moment)


def _angles(shown: Shown, choice: str) -> Any:
    """The angles of the start that the pictures show, (P,), where they are known."""
    start = start_of(shown, choice)
    return None if shown.theta is None or start >= len(shown.theta) else shown.theta[start]


def _profile(shown: Shown, choice: str) -> Built:
    assert shown.setup is not None  # noqa: S101 -- pictures() asks only then
    figure, alt = long_circuit.profile(shown.setup.circuit, _angles(shown, choice))
    return figures.named(figure, _named(shown, choice, start_of(shown, choice))), alt


def _window(shown: Shown, choice: str) -> Built:
    assert shown.setup is not None  # noqa: S101 -- pictures() asks only then
    circuit = shown.setup.circuit
    theta = _angles(shown, choice)
    figure, alt = long_circuit.diagram(
        circuit,
        theta,
        label=type(shown.config.ansatz).label or circuit.name,
        labels=weight_labels(shown.config, circuit.n_qubits),
    )
    return figures.named(figure, "" if theta is None else _named(shown, choice, start_of(shown, choice))), alt


def _circuit(shown: Shown, choice: str, uncoupled: bool) -> Built:
    setup = shown.setup
    assert setup is not None  # noqa: S101 -- pictures() asks only then
    circuit, theta = setup.circuit, shown.theta
    title = f"Circuit: {type(shown.config.ansatz).label or circuit.name}, {circuit.n_params} angles"
    start = start_of(shown, choice)
    known = theta is not None and start < len(theta)
    figure = figures.circuit_diagram(
        circuit.gates,
        circuit.n_qubits,
        title=title,
        theta=_angles(shown, choice),
        labels=weight_labels(shown.config, circuit.n_qubits),
        gradient=gradient_of(shown, start) if shown.rests and not uncoupled else None,
        faint=uncoupled,
    )
    name = _named(shown, choice, start) if known else ""
    of = f" of {name}" if name else ""
    return figures.named(figure, name), f"{title}{of}: {len(circuit.gates)} gates on {circuit.n_qubits} wires."
