"""What is known when ℓ of all 2**N strings is: prior, evidence, posterior and the best string."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import index_of
from qhn_core.priors.base import PriorConfig

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LikelihoodTable:
    """ℓ of all strings in the order of their indices, and what follows from it under a prior.

    Args:
        nll: ℓ(w) summed over the training examples, nats, (2**N,) float64.
        prior: π(w).
    """

    nll: Array
    prior: PriorConfig
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def n_bits(self) -> int:
        """Number N of bits."""
        return int(self.nll.shape[-1]).bit_length() - 1

    @cached_property
    def rows(self) -> Array:
        """ℓ as rows (1, 2**N), or (B, 2**N) where every replica has its own data; C-ordered."""
        return np.ascontiguousarray(np.atleast_2d(self.nll), dtype=np.float64)

    @cached_property
    def log_prior(self) -> Array:
        """log π of every string, nats, (2**N,)."""
        return self.prior.log_table(self.n_bits)

    @cached_property
    def prior_probs(self) -> Array:
        """π of every string, (2**N,)."""
        return np.exp(self.log_prior)

    @cached_property
    def log_evidence(self) -> Any:
        """log Z = logsumexp_w(log π(w) − ℓ(w)), nats."""
        return float(logsumexp(self.log_prior - self.nll))

    @cached_property
    def log_posterior(self) -> Array:
        """log p(w|D) = log π − ℓ − log Z, nats, (2**N,)."""
        return self.log_prior - self.nll - self.log_evidence

    @cached_property
    def posterior(self) -> Array:
        """p(w|D), (2**N,)."""
        return np.exp(self.log_posterior)

    @cached_property
    def best(self) -> tuple[Any, Any]:
        """(index of the string with the smallest ℓ, the first of equals; its ℓ in nats)."""
        index = int(np.argmin(self.nll))
        return index, float(self.nll[index])

    def at(self, bits: ArrayLike) -> Array:
        """ℓ of given strings, nats: (…, N) -> (…)."""
        return self.at_index(index_of(bits))

    def at_index(self, index: Indices) -> Array:
        """ℓ of the strings with these indices, nats, shape kept."""
        return self.nll[index]

    def remember(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """``make()``, computed once per key, and dropped together with the table."""
        if key in self._kept:
            return self._kept[key]
        made = make()
        with self._lock:
            return self._kept.setdefault(key, made)


@dataclass(frozen=True, eq=False)
class StackedTable(LikelihoodTable):
    """The tables of several problems of one shape, one for each of B replicas: ``nll`` is (B, 2**N).

    ``log_evidence`` is (B,), ``log_posterior`` and ``posterior`` (B, 2**N), ``best`` ((B,), (B,)); ``log_prior`` stays
    (2**N,). Strings at which ℓ is looked up come with the replica axis first.

    Args:
        parts: the different tables.
        which: (B,) index into ``parts`` for each replica.
    """

    parts: tuple[LikelihoodTable, ...] = ()
    which: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @cached_property
    def log_evidence(self) -> Array:
        """log Z of each replica's problem, nats, (B,)."""
        return np.array([part.log_evidence for part in self.parts])[self.which]

    @cached_property
    def log_posterior(self) -> Array:
        """log p(w|D) of each replica's problem, nats, (B, 2**N)."""
        return np.stack([part.log_posterior for part in self.parts])[self.which]

    @cached_property
    def best(self) -> tuple[Indices, Array]:
        """(index (B,), ℓ (B,)) of each replica's best string."""
        pairs = [part.best for part in self.parts]
        return np.array([p[0] for p in pairs])[self.which], np.array([p[1] for p in pairs])[self.which]

    def at_index(self, index: Indices) -> Array:
        """ℓ of each replica's strings under its own problem, nats: (B, …) -> (B, …)."""
        return self.nll[np.arange(len(index)).reshape((-1,) + (1,) * (index.ndim - 1)), index]


def logsumexp(values: Array) -> float:
    """log Σ e^v without overflow."""
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))
