"""The Train page's charts: from what is shown to figures, encoded once for all who look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
import streamlit as st

from app import figures, services
from app.describe import loss_label
from app.feeds import FEEDS, Feed
from app.live_chart import encode, live_chart
from app.views.train.data import Shown, of_run
from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.analysis.predictive import Predictive
from qhn_core.analysis.strings import marginals, marginals_of_draws, top_draws
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
ROW1, ROW2 = 244, 290
#: Strings listed among the drawn networks.
TOP = 9

Built = tuple[figures.Figure, str]


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
    """

    name: str
    build: Callable[[Shown], Built]
    height: int
    every: float | None = CURVES
    option: str = ""
    config: Mapping[str, Any] | None = None


def curves(shown: Shown, *, metric: str) -> None:
    """Loss and generalisation gap over steps, side by side."""
    left, right = st.columns(2, gap="small")
    with left:
        _mount(shown, Chart("loss", _loss, ROW1))
    with right:
        _mount(shown, Chart("gap", partial(_gap, metric=metric), ROW1, option=metric))


def pictures(shown: Shown, *, replica: int, every: float) -> None:
    """What the circuit says at this step: drawn networks, predictions, marginals, and the circuit itself."""
    of_start = {"every": every, "option": str(replica)}
    weights, predictions, means = st.columns([1.3, 1, 1], gap="small")
    with weights:
        _mount(shown, Chart("weights", partial(_weights, replica=replica), ROW2, **of_start))  # type: ignore[arg-type]
    name, build = _predictions(shown)
    with predictions:
        _mount(shown, Chart(name, partial(build, replica=replica), ROW2, **of_start))  # type: ignore[arg-type]
    with means:
        _mount(shown, Chart("marginals", partial(_marginals, replica=replica), ROW2, **of_start))  # type: ignore[arg-type]
    if shown.setup is not None:
        height = figures.diagram_height(shown.setup.circuit.n_qubits)
        circuit = partial(_circuit, replica=replica)
        _mount(shown, Chart("circuit", circuit, height, None, str(replica), config={"scrollZoom": True}))


def _mount(shown: Shown, chart: Chart) -> None:
    """Mount one chart; while the run is in work it has a feed, if the server has feeds."""
    feed, every, status = "", _every(shown, chart), shown.status
    if every is not None and status is not None and status.active and status.state is not RunState.QUEUED:
        key = (shown.key, chart.name, chart.option, every)
        feed = FEEDS.name(key, lambda name: _feed(status.run_id, shown.config, chart, name, every))
    live_chart(_encoded(shown, chart, feed, patient=True), name=chart.name)


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
        return _encoded(shown, chart, name)

    return Feed(version, build, every)


def _encoded(shown: Shown, chart: Chart, feed: str, *, patient: bool = False) -> bytes:
    """The chart's figure, built when something changed; where ``patient``, a little later while the run goes on."""
    status = shown.status
    every = _every(shown, chart)

    def encoded() -> bytes:
        figure, alt = chart.build(shown)
        return encode(
            figure,
            name=chart.name,
            alt=alt,
            height=chart.height,
            config=chart.config,
            feed=feed,
            every=round((every or 0.0) * FEEDS.slower(), 2),
        )

    version = (shown.step, len(shown.steps), shown.note, shown.busy)
    # What is missing is part of the key, so that a figure that says "preparing" gives way at once.
    missing = (shown.setup is None, shown.theta is None, shown.bits is None, len(shown.steps) == 0)
    key = (shown.key, chart.name, chart.option, feed, missing)
    running = status is not None and status.state is RunState.RUNNING
    patience = float("inf") if every is None else 0.6 * every
    return services.cached_figure(key, version, encoded, every=patience if running and patient else 0.0)


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


def _loss(shown: Shown) -> Built:
    if not len(shown.steps):
        return _waiting(shown, "Loss per example")
    evidence, n_train = None, 1
    if shown.setup is not None:
        n_train = shown.setup.n_train
        problem: Any = shown.setup.problem
        evidence = float(np.median(problem.log_evidence)) if problem.tabulated else None
    figure = figures.loss_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        label=loss_label(shown.config),
        n_train=n_train,
        log_evidence=evidence,
        total=shown.config.steps,
        draws=shown.loss_shots,
    )
    value = figures.median(shown.history["loss"][-1:])[0]
    limit = "" if evidence is None else f"; minus log evidence per example is {-evidence / n_train:.3g}"
    how = _estimated(shown.loss_shots)
    return figure, f"Loss per example over steps: {value:.3g} at step {shown.steps[-1]}{limit}{how}."


def _estimated(draws: int) -> str:
    return f", estimated from {draws:,} draws" if draws else ""


def _gap(shown: Shown, metric: str) -> Built:
    if not len(shown.steps):
        return _waiting(shown, "Generalisation gap")
    figure = figures.gap_curves(
        shown.steps,
        shown.history,
        objective=shown.config.objective.name,
        metric=metric,
        total=shown.config.steps,
        draws=shown.shots,
    )
    title = str(figure["layout"]["title"]["text"]).replace("<b>", "").replace("</b>", "")
    return figure, f"Train and test curves over steps. {title} at step {shown.steps[-1]}{_estimated(shown.shots)}."


def _labels(shown: Shown) -> tuple[str, ...]:
    if shown.config.network is not None:
        return shown.config.network.bit_labels
    n_bits = shown.setup.plan.n_qubits if shown.setup is not None else 0
    return tuple(f"w{i}" for i in range(n_bits))


def _weights(shown: Shown, replica: int) -> Built:
    draws = shown.draws(replica)
    if draws is None:
        return _waiting(shown, "Drawn networks")
    top = top_draws(draws, count=TOP)
    index = figures.index_of(top.bits)
    q, problem = shown.q(replica), shown.problem(replica)
    figure = figures.weight_rows(
        top.bits,
        np.rint(top.probability * len(draws)).astype(np.int64),
        shots=len(draws),
        labels=_labels(shown),
        objective=shown.config.objective.name,
        probs=None if q is None else q[index],
        posterior=problem.posterior[index] if problem is not None and problem.tabulated else None,
    )
    first = "".join("+" if bit else "−" for bit in top.bits[0])
    return (
        figure,
        f"{len(draws)} networks drawn; the most frequent, {first}, came in {top.probability[0]:.1%} of draws.",
    )


def _marginals(shown: Shown, replica: int) -> Built:
    q, draws, problem = shown.q(replica), shown.draws(replica), shown.problem(replica)
    if q is None and draws is None:
        return _waiting(shown, "Marginals of the weights")
    means = marginals(q) if q is not None else marginals_of_draws(draws)  # type: ignore[arg-type]
    exact = marginals(problem.posterior) if problem is not None and problem.tabulated else None
    labels = _labels(shown)
    figure = figures.marginal_bars(
        means,
        labels=labels,
        objective=shown.config.objective.name,
        posterior=exact,
        prior=shown.config.prior.rates(len(means)),
    )
    sure = int(np.argmax(np.abs(means - 0.5)))
    return figure, f"Probability of plus for each weight; the most decided is {labels[sure]} with {means[sure]:.2f}."


@lru_cache(maxsize=4)
def _grid(problem: Any) -> DecisionGrid:
    return DecisionGrid(problem, resolution=44)


@lru_cache(maxsize=4)
def _test(problem: Any) -> Predictive:
    return Predictive(problem, "test" if len(problem.dataset.y_test) else "train")


def _predictions(shown: Shown) -> tuple[str, Callable[..., Built]]:
    """The chart of the predictions that suits the data, and its name."""
    if not shown.config.dataset.needs_network:
        return "costs", _costs
    inputs = shown.config.network.n_inputs if shown.config.network is not None else 0
    return ("boundary", _boundary) if inputs == 2 else ("confusion", _confusion)


def _boundary(shown: Shown, replica: int) -> Built:
    problem, q, draws = shown.problem(replica), shown.q(replica), shown.draws(replica)
    if problem is None or problem.dataset is None or (q is None and draws is None):
        return _waiting(shown, "Decision boundary")
    grid, data = _grid(problem), problem.dataset
    exact = q is not None and problem.tabulated
    found = grid.of(q) if exact else grid.of_drawn(draws)  # type: ignore[arg-type]
    figure = figures.decision_boundary(
        grid.x,
        grid.y,
        found.proba,
        x_train=data.x_train,
        y_train=data.y_train,
        x_test=data.x_test,
        y_test=data.y_test,
        class_names=data.class_names or tuple(map(str, range(data.n_classes))),
        feature_names=data.feature_names or ("x1", "x2"),
        doubt=found.mutual_information,
    )
    return figure, f"Class probabilities over the plane of {data.name}, with {len(data.y_train)} training examples."


def _confusion(shown: Shown, replica: int) -> Built:
    problem, q, draws = shown.problem(replica), shown.q(replica), shown.draws(replica)
    if problem is None or problem.dataset is None or (q is None and draws is None):
        return _waiting(shown, "Confusion")
    data, predictive = problem.dataset, _test(problem)
    if q is not None and problem.tabulated:
        proba = predictive.proba(q[None])[0]
    else:
        proba = predictive.drawn_uncertainty(draws[None]).proba[0]  # type: ignore[index]
    labels = predictive.y if predictive.y is not None else data.y_train
    names = data.class_names or tuple(map(str, range(data.n_classes)))
    matrix = figures.confusion_counts(proba, labels)[: len(names), : len(names)]
    figure = figures.confusion(matrix, class_names=names, split="test" if len(data.y_test) else "train")
    share = np.trace(matrix) / max(matrix.sum(), 1)
    return figure, f"Confusion matrix of {len(labels)} examples: {share:.1%} on the diagonal."


def _costs(shown: Shown, replica: int) -> Built:
    problem, q, draws = shown.problem(replica), shown.q(replica), shown.draws(replica)
    if problem is None or (q is None and draws is None):
        return _waiting(shown, "Cost of the drawn strings")
    drawn = None if draws is None else problem.nll_at(draws)
    figure = figures.cost_histogram(problem.nll, q, objective=shown.config.objective.name, drawn=drawn)
    mean = float(q @ problem.nll) if q is not None else float(np.mean(drawn))  # type: ignore[arg-type]
    return figure, f"Distribution of the cost of drawn strings; mean {mean:.4g}, lowest possible {problem.best[1]:.4g}."


def _circuit(shown: Shown, replica: int) -> Built:
    setup = shown.setup
    assert setup is not None  # noqa: S101 -- charts() asks only then
    circuit, theta = setup.circuit, shown.theta
    title = f"Circuit: {type(shown.config.ansatz).label or circuit.name}, {circuit.n_params} angles"
    figure = figures.circuit_diagram(
        circuit.gates,
        circuit.n_qubits,
        title=title,
        theta=None if theta is None or replica >= len(theta) else theta[replica],
        labels=_labels(shown),
    )
    return figure, f"{title}: {len(circuit.gates)} gates on {circuit.n_qubits} wires."
