"""How good drawn networks are on test data: one by one, and all together, with error bars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.scores import accuracy_with_ties, predictive_nll
from qhn_core.bitstrings import unique
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack

Array = NDArray[np.float64]
#: Resamples of the bootstrap.
_RESAMPLES = 200
#: Entries of predictions held at once (64 MB).
_ENTRIES = 1 << 23


class Value(NamedTuple):
    """An estimate and its standard error."""

    mean: float
    error: float


class DrawnScores(NamedTuple):
    """Scores of S drawn networks on the test split; NLL in nats per example."""

    accuracy: Value  #: of one drawn network, mean over draws
    nll: Value  #: of one drawn network, mean over draws
    vote_accuracy: Value  #: of the average of their predictions; its error by bootstrap over draws
    vote_nll: Value  #: of the average of their predictions; its error by bootstrap over draws


def drawn_scores(problem: Problem, bits: NDArray[np.uint8], *, seed: int = 0) -> DrawnScores | None:
    """Scores of the networks (S, N) on the problem's test split; None without a network or test examples."""
    data, network = problem.dataset, problem.network
    if network is None or data is None or not len(data.y_test) or isinstance(problem, ProblemStack):
        return None
    strings, _, _, counts = unique(bits)
    draws = int(counts.sum())
    rng = np.random.Generator(np.random.Philox(key=[seed, draws]))
    shares = np.vstack([counts / draws, rng.multinomial(draws, counts / draws, size=_RESAMPLES) / draws])
    x, y = data.x_test, data.y_test
    accuracy, nll = np.empty((2, len(strings)))
    votes = np.zeros((len(shares), len(y), network.n_classes))
    size = max(1, _ENTRIES // (len(y) * network.n_classes))
    for start in range(0, len(strings), size):
        part = slice(start, start + size)
        proba = network.predict_proba(strings[part], x)
        accuracy[part] = accuracy_with_ties(proba, y)
        nll[part] = predictive_nll(proba, y)
        votes += (shares[:, part] @ proba.reshape(len(proba), -1)).reshape(votes.shape)
    vote_accuracy, vote_nll = accuracy_with_ties(votes, y), predictive_nll(votes, y)
    return DrawnScores(
        _mean(accuracy, counts),
        _mean(nll, counts),
        Value(float(vote_accuracy[0]), float(vote_accuracy[1:].std(ddof=1))),
        Value(float(vote_nll[0]), float(vote_nll[1:].std(ddof=1))),
    )


def _mean(values: Array, counts: NDArray[np.int64]) -> Value:
    draws = int(counts.sum())
    mean = float(counts @ values / draws)
    if draws < 2:
        return Value(mean, float("nan"))
    return Value(mean, float(np.sqrt(counts @ (values - mean) ** 2 / (draws - 1) / draws)))
