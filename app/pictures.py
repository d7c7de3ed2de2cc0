"""Pictures of one start at one step, the same on every page: drawn networks, marginals, and what is predicted.

What is drawn follows from a :class:`Moment`; a page only decides which one, and where.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app import figures
from qhn_core.analysis.boundary import DecisionGrid
from qhn_core.analysis.predictive import Predictive
from qhn_core.analysis.strings import marginals, marginals_of_draws, top_draws
from qhn_core.bitstrings import from_index

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
Built = tuple[figures.Figure, str]
#: Networks drawn for the picture of the drawn networks, where the run itself draws none.
SHOTS = 1024
#: Strings listed among the drawn networks.
TOP = 9


@dataclass(frozen=True, eq=False)
class Moment:
    """One start at one step.

    Args:
        config: what is trained.
        problem: the problem of this start.
        q: its exact distribution, (2**N,), where that is known.
        draws: strings drawn from it, (S, N).
        name: which start it is, for the titles; empty where there is but one.
        title: what the pictures are of, where several stand side by side; else each says what it shows.
    """

    config: RunConfig
    problem: Problem
    q: Array | None
    draws: NDArray[np.uint8]
    name: str = ""
    title: str = ""

    @property
    def exact(self) -> bool:
        """Whether all strings can be looked at."""
        return self.q is not None and self.problem.table is not None

    @property
    def objective(self) -> str:
        """The loss's name."""
        return self.config.objective.name

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each weight."""
        return weight_labels(self.config, self.problem.n_bits)

    def named(self, figure: figures.Figure) -> figures.Figure:
        """The figure with the start in its title."""
        if self.title:
            heading = figure["layout"]["title"] | {"text": f"<b>{self.title}</b>"}
            figure = {"data": figure["data"], "layout": figure["layout"] | {"title": heading}}
        return figures.named(figure, self.name)


def measure(q: Array, shots: int, *, seed: tuple[int, ...]) -> NDArray[np.uint8]:
    """Strings drawn from q (2**N,), (shots, N)."""
    n_bits = int(q.size).bit_length() - 1
    edges = np.cumsum(q)
    u = np.random.default_rng(seed).random(shots) * edges[-1]
    index = np.minimum(np.searchsorted(edges, u, side="right"), q.size - 1)
    return from_index(index, n_bits)


def weight_labels(config: RunConfig, n_bits: int) -> tuple[str, ...]:
    """A name for each weight of a configuration."""
    return tuple(f"w{i}" for i in range(n_bits)) if config.network is None else tuple(config.network.bit_labels)


def drawn_networks(moment: Moment) -> Built:
    """The most frequent of the drawn strings."""
    top = top_draws(moment.draws, count=TOP)
    index = figures.index_of(top.bits)
    figure = figures.weight_rows(
        top.bits,
        np.rint(top.probability * len(moment.draws)).astype(np.int64),
        shots=len(moment.draws),
        labels=moment.labels,
        objective=moment.objective,
        probs=None if moment.q is None else moment.q[index],
        posterior=moment.problem.posterior[index] if moment.problem.table is not None else None,
    )
    first = "".join("+" if bit else "−" for bit in top.bits[0])
    text = f"{len(moment.draws)} networks drawn; the most frequent, {first}, came in {top.probability[0]:.1%} of draws."
    return moment.named(figure), text


def weight_marginals(moment: Moment) -> Built:
    """The probability of plus for each weight."""
    means = marginals(moment.q) if moment.q is not None else marginals_of_draws(moment.draws)
    figure = figures.marginal_bars(
        means,
        labels=moment.labels,
        objective=moment.objective,
        posterior=marginals(moment.problem.posterior) if moment.problem.table is not None else None,
        prior=moment.config.prior.rates(len(means)),
    )
    sure = int(np.argmax(np.abs(means - 0.5)))
    text = f"Probability of plus for each weight; the most decided is {moment.labels[sure]} with {means[sure]:.2f}."
    return moment.named(figure), text


@lru_cache(maxsize=4)
def _grid(problem: Any) -> DecisionGrid:
    return DecisionGrid(problem, resolution=44)


@lru_cache(maxsize=4)
def _test(problem: Any) -> Predictive:
    return Predictive(problem, "test" if len(problem.dataset.y_test) else "train")


def predictions(config: RunConfig) -> tuple[str, Callable[[Moment], Built]]:
    """The picture of the predictions that suits the data: its chart's name, and what draws it."""
    if not config.dataset.needs_network:
        return "costs", _costs
    inputs = config.network.n_inputs if config.network is not None else 0
    return ("boundary", _boundary) if inputs == 2 else ("confusion", _confusion)


def _boundary(moment: Moment) -> Built:
    grid, data = _grid(moment.problem), moment.problem.dataset
    assert data is not None  # noqa: S101 -- predictions() asks only where there are data
    found = grid.of(moment.q) if moment.exact and moment.q is not None else grid.of_drawn(moment.draws)
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
    text = f"Class probabilities over the plane of {data.name}, with {len(data.y_train)} training examples."
    return moment.named(figure), text


def _confusion(moment: Moment) -> Built:
    predictive, data = _test(moment.problem), moment.problem.dataset
    assert data is not None  # noqa: S101 -- predictions() asks only where there are data
    if moment.exact and moment.q is not None:
        proba = predictive.proba(moment.q[None])[0]
    else:
        proba = predictive.drawn_proba(moment.draws[None])[0]
    labels = predictive.y if predictive.y is not None else data.y_train
    names = data.class_names or tuple(map(str, range(data.n_classes)))
    matrix = figures.confusion_counts(proba, labels)[: len(names), : len(names)]
    figure = figures.confusion(matrix, class_names=names, split="test" if len(data.y_test) else "train")
    share = np.trace(matrix) / max(matrix.sum(), 1)
    return moment.named(figure), f"Confusion matrix of {len(labels)} examples: {share:.1%} on the diagonal."


def _costs(moment: Moment) -> Built:
    problem, q = moment.problem, moment.q
    drawn = problem.nll_at(moment.draws)
    figure = figures.cost_histogram(problem.nll, q, objective=moment.objective, drawn=drawn)
    mean = float(q @ problem.nll) if q is not None else float(np.mean(drawn))
    text = f"Distribution of the cost of drawn strings; mean {mean:.4g}, lowest possible {problem.best[1]:.4g}."
    return moment.named(figure), text
