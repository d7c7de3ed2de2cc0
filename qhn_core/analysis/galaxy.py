"""All 2**N networks at once: how well each does on training and test examples, and where q puts its mass.

With 0/1 errors of single networks, Σ_w q(w) (train − test accuracy) is the expected generalisation gap of a drawn one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.scores import TIE
from qhn_core.bitstrings import Bits, as_bits, unique
from qhn_core.checks import check_int
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]
#: Probabilities of classes held at once for drawn networks.
_AT_ONCE = 1 << 21


class Galaxy(NamedTuple):
    """Networks that do equally well on both splits stand in one place: K places, the most mass under q first."""

    train: Array  #: training accuracy, (K,)
    test: Array  #: test accuracy, (K,)
    networks: NDArray[np.int64]  #: how many stand in each place, (K,); together 2**N
    mass: Array  #: probability of each place under q, (K,)
    posterior: Array  #: and under the exact posterior, (K,)
    best: NDArray[np.int64]  #: index of the likeliest network of each place under q, (K,)

    @property
    def mean(self) -> tuple[float, float]:
        """Expected training and test accuracy of one network drawn from q."""
        return float(self.mass @ self.train), float(self.mass @ self.test)


def accuracies(problem: Problem, split: Literal["train", "test"], *, tick: Callable[[], None] | None = None) -> Array:
    """Accuracy of every network, (2**N,): a label among k classes tied for the largest probability counts 1/k."""
    data = problem.dataset
    if problem.network is None or data is None or not len(getattr(data, f"x_{split}")):
        raise Unsupported(f"Accuracies need a network and {split} examples.")
    x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
    table = problem.network.functions(x, tick=tick)
    right = np.zeros(table.n_functions)
    for block in table.blocks():
        labels = y[block.examples]
        for start, stop in table.chunks(block):
            proba = np.exp(block.log_proba(start, stop))
            tied = proba >= proba.max(axis=1, keepdims=True) - TIE
            mine = tied[:, labels, np.arange(len(labels))]
            right[start:stop] += (mine / tied.sum(axis=1)).sum(axis=1)
            if tick is not None:
                tick()
    found: Array = (right / len(y))[table.group_of]
    return found


def galaxy_of_draws(problem: Problem, bits: ArrayLike) -> Galaxy:
    """The places of networks drawn from q, bits (S, N), where all 2**N are too many: mass is the share of the draws.

    ``best`` holds the row of ``bits`` of each place's most frequent network; the posterior is not known, so it is NaN.
    """
    data = problem.dataset
    strings = as_bits(bits, problem.n_bits)
    if problem.network is None or data is None or not len(data.x_train) or not len(data.x_test):
        raise Unsupported("A galaxy needs a network, training and test examples.")
    found = unique(strings)
    train, test = (_accuracy(problem, found.bits, split) for split in ("train", "test"))
    places = _gathered(train, test, found.counts / len(strings))
    return places._replace(best=found.first[places.best].astype(np.int64))


def _accuracy(problem: Problem, bits: Bits, split: Literal["train", "test"]) -> Array:
    """Accuracy of each network, (S,), a tie counted as in :func:`accuracies`; a few networks at a time."""
    data, network = problem.dataset, problem.network
    assert data is not None  # noqa: S101 -- galaxy_of_draws() asks
    assert network is not None  # noqa: S101 -- galaxy_of_draws() asks
    x, y = getattr(data, f"x_{split}"), getattr(data, f"y_{split}")
    right = np.empty(len(bits))
    at_once = max(1, _AT_ONCE // (len(y) * data.n_classes))
    for start in range(0, len(bits), at_once):
        part = slice(start, start + at_once)
        proba = network.predict_proba(bits[part], x)
        tied = proba >= proba.max(axis=2, keepdims=True) - TIE
        right[part] = (tied[:, np.arange(len(y)), y] / tied.sum(axis=2)).mean(axis=1)
    return right


def galaxy(problem: Problem, q: ArrayLike, train: Array, test: Array) -> Galaxy:
    """The places of all networks, with q (2**N,) over them.

    Args:
        train, test: :func:`accuracies` of both splits.
    """
    probs = np.asarray(q, dtype=np.float64)
    if probs.shape != train.shape:
        raise InvalidArgument("q", expected=f"shape {train.shape}", got=f"shape {probs.shape}")
    return _gathered(train, test, probs, problem.posterior)


def _gathered(train: Array, test: Array, share: Array, posterior: Array | None = None) -> Galaxy:
    """Networks by place, most mass first: accuracies and shares of each, (S,); ``best`` is an index into these."""
    places, where, count = np.unique(
        np.round(np.stack([train, test], axis=1), 9), axis=0, return_inverse=True, return_counts=True
    )
    where = where.ravel()

    def summed(values: Array) -> Array:
        found: Array = np.bincount(where, weights=values, minlength=len(places)).astype(np.float64)
        return found

    order = np.lexsort((share, where))
    best = order[np.append(np.flatnonzero(np.diff(where[order])), len(order) - 1)]
    mass = summed(share)
    by_mass = np.argsort(-mass, kind="stable")
    return Galaxy(
        train=places[by_mass, 0],
        test=places[by_mass, 1],
        networks=count[by_mass].astype(np.int64),
        mass=mass[by_mass],
        posterior=np.full(len(places), np.nan) if posterior is None else summed(posterior)[by_mass],
        best=best[by_mass].astype(np.int64),
    )


def gray_map(values: ArrayLike) -> Array:
    """A vector over all strings (2**N,) as a map (2**⌊N/2⌋, 2**⌈N/2⌉): neighbours differ in one weight.

    Rows hold the first ⌊N/2⌋ bits, columns the others, both in the order of Gray's code.
    """
    flat = np.asarray(values, dtype=np.float64)
    n_bits = flat.size.bit_length() - 1
    if flat.ndim != 1 or flat.size != 1 << n_bits or n_bits < 1:
        raise InvalidArgument("values", expected="shape (2**N,)", got=f"shape {flat.shape}")
    rows, columns = gray_code(n_bits // 2), gray_code(n_bits - n_bits // 2)
    return np.asarray(flat.reshape(len(rows), len(columns))[np.ix_(rows, columns)])


def string_at(row: int, column: int, n_bits: int) -> int:
    """Number of the string that :func:`gray_map` puts at this place."""
    right = n_bits - n_bits // 2
    check_int("row", row, low=0, high=(1 << n_bits // 2) - 1)
    check_int("column", column, low=0, high=(1 << right) - 1)
    return int(gray_code(n_bits // 2)[row]) << right | int(gray_code(right)[column])


def gray_code(n_bits: int) -> NDArray[np.int64]:
    """0 … 2**N − 1 in an order in which neighbours differ in one bit: k ⊕ (k >> 1)."""
    k = np.arange(1 << n_bits, dtype=np.int64)
    return k ^ (k >> 1)
