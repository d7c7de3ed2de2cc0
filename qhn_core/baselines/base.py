"""What every classical rival offers: it fits the same problem and ends with a distribution over strings.

Up to N = 20 that is a table. Beyond, rivals judge the strings that they look at, and end with the rates of a product
distribution, a single string being one whose rates are zeros and ones.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from qhn_core.baselines.trail import Trail, beside
from qhn_core.bitstrings import MAX_INDEX_BITS, MAX_TABULATED, Bits, from_index
from qhn_core.errors import Unsupported
from qhn_core.problems.problem import Problem
from qhn_core.problems.stack import ProblemStack
from qhn_core.registry import Registry, VariantConfig

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rival:
    """What a rival ended with.

    Args:
        name: the baseline's name.
        probs: the distribution over strings it ends with, (B, 2**N): a point mass for those that find one string.
            None for a rival whose weights are not binary, and beyond N = 20.
        likelihood_evaluations: evaluations of ℓ(w), or of its gradient, that each replica spent, each counted as
            the share of the training examples that it looked at.
        seconds: wall-clock of the whole fit, for all replicas.
        rates: P(bit_i = 1), (B, N), for rivals that end with a product distribution, at any N; zeros and ones for a
            single string.
        proba_train, proba_test: class probabilities, (B, n, C), for rivals whose weights are not binary.
        notes: what a reader must know to read the numbers (for example what was kept).
        trail: what it would have ended with after fewer steps; None for a rival without steps
            (:attr:`BaselineConfig.trailless` says why).
    """

    name: str
    probs: Array | None
    likelihood_evaluations: int
    seconds: float
    rates: Array | None = field(default=None, repr=False)
    proba_train: Array | None = field(default=None, repr=False)
    proba_test: Array | None = field(default=None, repr=False)
    notes: str = ""
    trail: Trail | None = field(default=None, repr=False)


class BaselineConfig(VariantConfig):
    """Base of all rivals."""

    #: Whether the rival needs a network and data (a cost table has neither).
    needs_network: ClassVar[bool] = False
    #: Whether the rival needs ℓ of all 2**N strings; the others work on given strings at any N.
    needs_table: ClassVar[bool] = False
    #: Whether different seeds give different results.
    stochastic: ClassVar[bool] = True
    #: Whether :meth:`fit` also takes a stack of problems, one a replica, and works on all of them at once.
    takes_stack: ClassVar[bool] = False
    #: Why its results have no trail, as a clause after its name; empty for a rival that has one.
    trailless: ClassVar[str] = ""

    @abstractmethod
    def fit(self, problem: Any, *, replicas: int = 1, seed: int = 0) -> Rival:
        """Fit a Problem from ``replicas`` independent starts; replica r depends only on (seed, r)."""

    def fit_each(self, problem: Problem | ProblemStack, *, replicas: int, seed: int = 0) -> Rival:
        """As :meth:`fit`, where the problem may be a stack with one problem a replica."""
        if self.takes_stack or not isinstance(problem, ProblemStack):
            return self.fit(problem, replicas=replicas, seed=seed)
        fits = [self.fit(problem.parts[problem.which[r]], replicas=1, seed=seed + r) for r in range(replicas)]
        return Rival(
            self.name,
            _stacked([f.probs for f in fits]),
            max(f.likelihood_evaluations for f in fits),
            sum(f.seconds for f in fits),
            rates=_stacked([f.rates for f in fits]),
            proba_train=_stacked([f.proba_train for f in fits]),
            proba_test=_stacked([f.proba_test for f in fits]),
            notes=next((f.notes for f in fits if f.notes), ""),
            trail=beside([f.trail for f in fits]),
        )

    def within(self, evaluations: int, *, n_train: int, batch: int | None = None) -> Self:
        """This rival with a budget of about so many likelihood evaluations; itself where nothing bounds what it spends.

        Args:
            evaluations: of ℓ on all training examples, for each replica.
            n_train: training examples n.
            batch: examples that a step may look at instead of all, where the rival works so.
        """
        return self

    def require_network(self, problem: Problem) -> None:
        """Raise :class:`Unsupported` if the problem is a bare cost table."""
        if problem.network is None or problem.dataset is None:
            raise Unsupported(f"The rival '{self.name}' trains a network on data, and a cost table has neither.")


def of_products(name: str, rates: Array, evaluations: int, seconds: float, **more: Any) -> Rival:
    """A rival that ended with product distributions, rates (B, N): their tables are added where N ≤ 20."""
    probs = product_distribution(rates) if rates.shape[1] <= MAX_TABULATED else None
    return Rival(name, probs, evaluations, seconds, rates=rates, **more)


def _stacked(parts: list[Array | None]) -> Array | None:
    found = [part for part in parts if part is not None]
    return np.concatenate(found) if found else None


def product_distribution(rates: Array) -> Array:
    """Π_i Bernoulli(rates_i): P(bit_i = 1) of shape (B, N) -> (B, 2**N), wire 0 most significant."""
    probs = np.ones((len(rates), 1))
    for rate in rates.T:
        probs = (probs[:, :, None] * np.stack([1.0 - rate, rate], axis=1)[:, None, :]).reshape(len(rates), -1)
    return probs


def replica_rng(seed: int, replica: int) -> np.random.Generator:
    """The generator of one replica; it does not depend on how many there are."""
    return np.random.Generator(np.random.Philox(key=[seed, replica]))


def random_strings(rng: np.random.Generator, count: int, n_bits: int) -> Bits:
    """Uniform strings (count, N)."""
    if n_bits <= MAX_INDEX_BITS:
        return from_index(rng.integers(2**n_bits, size=count), n_bits)
    return rng.integers(2, size=(count, n_bits), dtype=np.uint8)


BASELINES: Registry[BaselineConfig] = Registry("baseline", BaselineConfig)
