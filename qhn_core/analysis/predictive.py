"""The predictive distribution p(y|x) = E_{w~q} p(y|x, w), exactly from q or estimated from drawn strings.

Exact: strings that compute the same function on the inputs are grouped once (:meth:`NetworkConfig.functions`), q is
summed over each group, and one small product gives all predictions. At most ``max_bytes`` of predictions are held;
beyond that they are computed anew in chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.analysis.drawn import DrawnPredictive, Rows, estimate
from qhn_core.analysis.grouped import Grouped, entropies, mix, probabilities, spread_out
from qhn_core.analysis.scores import TIE, accuracy_with_ties, confusion_matrix, entropy, predictive_nll, tie_share
from qhn_core.bitstrings import index_of, unique
from qhn_core.checks import check_choice, check_finite
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack

__all__ = [
    "TIE",
    "DrawnPredictive",
    "Predictive",
    "Scores",
    "Uncertainty",
    "accuracy_with_ties",
    "confusion_matrix",
    "entropy",
    "predictive_nll",
    "tie_share",
]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Most memory for the predictions of all functions.
MAX_BYTES = 256_000_000


class Scores(NamedTuple):
    """Each (B,); NaN without labels or examples."""

    nll: Array  #: E_q of −log p(y|x,w), mean over examples, nats
    predictive_nll: Array  #: −log E_q p(y|x,w), mean over examples, nats
    accuracy: Array  #: of the predictive; a tie counts 1/(number tied) if the label is among the tied
    tie_share: Array  #: share of examples tied


class Uncertainty(NamedTuple):
    """How sure the predictive is, and why it is not."""

    proba: Array  #: (B, n, C)
    entropy: Array  #: H[E_q p(y|x,w)], nats, (B, n)
    mutual_information: Array  #: the part from not knowing w: H[E_q p] − E_q H[p], nats, (B, n)


class Predictive:
    """Predictions of all networks at once, prepared for one set of inputs; safe to share between threads.

    Args:
        problem: with a network; not a stack (make one for each of its parts).
        split: whose examples.
        x: other inputs (n, d) in place of a split; no labels then.
        max_bytes: most memory held for predictions.
        tick: called now and then while preparing; may raise to stop.
    """

    def __init__(
        self,
        problem: Problem,
        split: Literal["train", "test"] = "test",
        *,
        x: ArrayLike | None = None,
        max_bytes: int = MAX_BYTES,
        tick: Callable[[], None] | None = None,
    ) -> None:
        if isinstance(problem, ProblemStack):
            raise InvalidArgument("problem", expected="one problem", got="a stack", remedy="Use each of its parts.")
        if problem.network is None or (problem.dataset is None and x is None):
            raise Unsupported("Predictions need a network and data; a cost table has neither.")
        self.network = problem.network
        self.x: Array
        self.y: Labels | None
        self.x, self.y = _examples(problem, split) if x is None else (check_finite("x", x), None)
        self.n_examples, self.n_classes = len(self.x), self.network.n_classes
        self._reference = np.ones(self.n_examples, dtype=np.int64) if self.y is None else self.y
        self._max_bytes = max_bytes
        self._groups: Grouped | None = None
        self._nll: Array | None = None
        if problem.table is not None:
            table = self.network.functions(self.x, tick=tick)
            self._groups = Grouped(table, self._reference, max_bytes=max_bytes)
            if self.y is not None:
                every = table.nll(self.y, tick=None if tick is None else lambda _: tick())
                self._nll = np.empty(self._groups.n_functions)
                self._nll[self._groups.function_of(np.arange(self._groups.n_strings))] = every[table.group_of]

    # -- exactly, from q ------------------------------------------------------------------------------------------

    @property
    def n_functions(self) -> int:
        """Number G of functions on these inputs, as far as they are told apart."""
        return self._grouped().n_functions

    def proba(self, q: ArrayLike) -> Array:
        """E_{w~q} p(y|x, w) for q (B, 2**N): (B, n, C)."""
        return self._proba(self._weights(q))

    def expected_nll(self, q: ArrayLike) -> Array:
        """E_{w~q} of −log p(y|x, w), mean over examples, nats: (B,); NaN without labels or examples."""
        return self._expected_nll(self._weights(q))

    def proba_and_nll(self, q: ArrayLike) -> tuple[Array, Array]:
        """:meth:`proba` and :meth:`expected_nll` together, for the price of one."""
        weights = self._weights(q)
        return self._proba(weights), self._expected_nll(weights)

    def scores(self, q: ArrayLike) -> Scores:
        """All scores against the labels, for q (B, 2**N)."""
        weights = self._weights(q)
        undefined = np.full(len(weights), np.nan)
        if self.y is None or not self.n_examples:
            return Scores(undefined, undefined, undefined, undefined)
        proba = self._proba(weights)
        return Scores(
            self._expected_nll(weights),
            predictive_nll(proba, self.y),
            accuracy_with_ties(proba, self.y),
            tie_share(proba),
        )

    def uncertainty(self, q: ArrayLike) -> Uncertainty:
        """Predictive, its entropy, and the mutual information between label and weights, for q (B, 2**N)."""
        weights = self._weights(q)
        return _uncertainty(self._proba(weights), self._grouped().mix(weights, entropies)[:, 0])

    # -- from drawn strings ---------------------------------------------------------------------------------------

    def drawn(self, bits: ArrayLike) -> DrawnPredictive:
        """The same from strings drawn from q, bits (B, S, N), with standard errors."""
        found = [self._estimate(row) for row in self._strings(bits)]
        return DrawnPredictive(*(np.stack(parts) for parts in zip(*found, strict=True)))

    def drawn_proba(self, bits: ArrayLike) -> Array:
        """The mean prediction of strings drawn from q, (B, S, N): (B, n, C), without what tells its error."""
        found = []
        for row in self._strings(bits):
            strings, _, _, counts = unique(row)
            share = (counts / len(row))[None]
            columns = np.zeros((1, 1 if self.n_classes == 2 else self.n_classes, self.n_examples))
            for part in self._pieces(len(strings)):
                log_p = self.network.log_proba(strings[part], self.x).transpose(0, 2, 1)
                columns += mix(share[:, part], probabilities(log_p, self._reference))
            found.append(spread_out(columns, self._reference, np.ones(1)))
        return np.concatenate(found)

    def drawn_uncertainty(self, bits: ArrayLike) -> Uncertainty:
        """Uncertainty from strings drawn from q, (B, S, N); its mutual information is biased low by O(1/S)."""
        found = []
        for row in self._strings(bits):
            found_in = unique(row)
            strings, share = found_in.bits, (found_in.counts / len(row))[None]
            columns = np.zeros((1, 1 if self.n_classes == 2 else self.n_classes, self.n_examples))
            within = np.zeros((1, self.n_examples))
            for part in self._pieces(len(strings)):
                log_p = self.network.log_proba(strings[part], self.x).transpose(0, 2, 1)
                columns += mix(share[:, part], probabilities(log_p, self._reference))
                within += mix(share[:, part], entropies(log_p, self._reference))[:, 0]
            found.append(_uncertainty(spread_out(columns, self._reference, np.ones(1)), within))
        return Uncertainty(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    # -- inside ---------------------------------------------------------------------------------------------------

    def _grouped(self) -> Grouped:
        if self._groups is None:
            raise Unsupported(
                f"Exact predictions need all 2^{self.network.n_bits} strings, and this problem is not tabulated. "
                "Use drawn strings."
            )
        return self._groups

    def _weights(self, q: ArrayLike) -> Array:
        size = self._grouped().n_strings
        rows = np.ascontiguousarray(q, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != size:
            raise InvalidArgument("q", expected=f"shape (replicas, {size})", got=f"shape {rows.shape}")
        return self._grouped().group(rows)

    def _proba(self, weights: Array) -> Array:
        return spread_out(self._grouped().mix(weights, probabilities), self._reference, weights.sum(axis=1))

    def _expected_nll(self, weights: Array) -> Array:
        if self._nll is None or not self.n_examples:
            return np.full(len(weights), np.nan)
        return np.einsum("bg,g->b", weights, self._nll) / self.n_examples

    def _strings(self, bits: ArrayLike) -> NDArray[np.uint8]:
        strings = np.asarray(bits)
        if strings.ndim != 3 or not strings.shape[1] or strings.shape[2] != self.network.n_bits:
            raise InvalidArgument("bits", expected=f"shape (B, S, {self.network.n_bits})", got=f"shape {strings.shape}")
        return strings.astype(np.uint8, copy=False)

    def _pieces(self, count: int) -> list[slice]:
        size = max(1, self._max_bytes // (32 * max(1, self.n_examples * self.n_classes)))
        return [slice(start, start + size) for start in range(0, count, size)]

    def _estimate(self, bits: NDArray[np.uint8]) -> DrawnPredictive:
        """One replica's strings (S, N); arrays without the replica axis."""
        held = None if self._groups is None else self._groups.held(probabilities)
        if held is None or self._groups is None:
            strings, _, _, counts = unique(bits)
            return estimate(lambda part: self._rows(strings[part]), self._pieces(len(strings)), counts, *self._labels)
        index = self._groups.function_of(index_of(bits))
        drawn, counts = np.unique(index, return_counts=True)
        nll = np.zeros(len(held)) if self._nll is None else self._nll
        return estimate(
            lambda part: Rows(held[drawn[part]], nll[drawn[part]]), self._pieces(len(drawn)), counts, *self._labels
        )

    @property
    def _labels(self) -> tuple[Labels, Labels | None]:
        return self._reference, self.y

    def _rows(self, bits: NDArray[np.uint8]) -> Rows:
        log_p = self.network.log_proba(bits, self.x).transpose(0, 2, 1)
        nll = -log_p[:, self._reference, np.arange(self.n_examples)].sum(axis=1)
        return Rows(probabilities(log_p, self._reference), nll)


def _examples(problem: Problem, split: str) -> tuple[Array, Labels]:
    data = problem.dataset
    if data is None:
        raise Unsupported("Predictions need data.")
    if check_choice("split", split, ("train", "test")) == "train":
        return data.x_train, data.y_train
    return data.x_test, data.y_test


def _uncertainty(proba: Array, within: Array) -> Uncertainty:
    total = entropy(proba)
    return Uncertainty(proba, total, np.maximum(total - within, 0.0))
