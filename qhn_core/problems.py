"""A problem: the negative log-likelihood of every bitstring, and the prior beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite
from qhn_core.datasets.base import Dataset
from qhn_core.errors import InvalidArgument
from qhn_core.networks.base import NetworkConfig
from qhn_core.priors.base import PriorConfig
from qhn_core.priors.bernoulli import Bernoulli


@dataclass(frozen=True, eq=False)
class Problem:
    """What a circuit's bitstrings are judged by.

    Args:
        n_bits: number N of bits.
        n_train: number n of training examples; 1 for a cost table.
        nll: ℓ(w) summed over the training examples, nats, (2**N,) float64 in index order.
        prior: π(w).
        network, dataset: what the table was made of; None for a cost table.
    """

    n_bits: int
    n_train: int
    nll: NDArray[np.float64]
    prior: PriorConfig
    network: NetworkConfig | None = None
    dataset: Dataset | None = None

    @cached_property
    def log_prior(self) -> NDArray[np.float64]:
        """log π of every string, nats, (2**N,)."""
        return self.prior.log_table(self.n_bits)

    @cached_property
    def log_evidence(self) -> float:
        """log Z = logsumexp_w(log π(w) − ℓ(w)), nats."""
        return float(np.logaddexp.reduce(self.log_prior - self.nll))

    @cached_property
    def posterior(self) -> NDArray[np.float64]:
        """p(w|D) = exp(log π − ℓ − log Z), (2**N,)."""
        return np.exp(self.log_prior - self.nll - self.log_evidence)


def problem_from_costs(costs: ArrayLike, *, prior: PriorConfig | None = None) -> Problem:
    """A problem whose ℓ(w) is any vector of 2**N costs, without network or data."""
    table = check_finite("costs", costs)
    n_bits = int(table.size).bit_length() - 1
    if table.ndim != 1 or table.size < 2 or table.size != 2**n_bits:
        raise InvalidArgument(
            "costs", expected="a vector of 2**N costs, N ≥ 1", got=f"shape {table.shape}", remedy="Pad or cut it."
        )
    return Problem(n_bits=n_bits, n_train=1, nll=table, prior=prior or Bernoulli())
