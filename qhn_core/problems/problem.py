"""A problem: how a bitstring is judged, by its negative log-likelihood and the prior."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import MAX_TABULATED, Bits, as_bits
from qhn_core.checks import check_finite
from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.networks.base import NETWORKS, NetworkConfig
from qhn_core.networks.fit import check_fit
from qhn_core.priors.base import PRIORS, PriorConfig
from qhn_core.priors.bernoulli import Bernoulli
from qhn_core.problems.drawn import DrawnLikelihoods
from qhn_core.problems.table import LikelihoodTable
from qhn_core.problems.tabulate import check_tabulated, likelihood_table

Array = NDArray[np.float64]
#: Float64 numbers of log p(y|x, w) held at once while strings are evaluated.
_HELD = 1_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """What a circuit's bitstrings are judged by.

    ``nll``, ``log_prior``, ``log_evidence``, ``log_posterior``, ``posterior`` and ``best`` are read from the table, and
    raise Unsupported where there is none.

    Args:
        n_bits: number N of bits.
        n_train: number n of training examples; 1 for a cost table.
        prior: π(w).
        table: ℓ of all strings; None beyond N = 20, where only :meth:`nll_at` works.
        network, dataset: what ℓ is made of; None for a cost table.
    """

    n_bits: int
    n_train: int
    prior: PriorConfig
    table: LikelihoodTable | None = None
    network: NetworkConfig | None = None
    dataset: Dataset | None = None
    _drawn: DrawnLikelihoods = field(default_factory=DrawnLikelihoods, repr=False)

    @property
    def nll(self) -> Array:
        """ℓ(w) summed over the training examples, nats, (2**N,) float64 in index order."""
        return self.need_table("nll").nll

    @property
    def log_prior(self) -> Array:
        """log π of every string, nats, (2**N,)."""
        return self.need_table("log_prior").log_prior

    @property
    def log_evidence(self) -> Any:
        """log Z = logsumexp_w(log π(w) − ℓ(w)), nats; a float, or (B,) of a stack."""
        return self.need_table("log_evidence").log_evidence

    @property
    def log_posterior(self) -> Array:
        """log p(w|D) = log π − ℓ − log Z, nats, (2**N,)."""
        return self.need_table("log_posterior").log_posterior

    @property
    def posterior(self) -> Array:
        """p(w|D), (2**N,)."""
        return self.need_table("posterior").posterior

    @property
    def best(self) -> tuple[Any, Any]:
        """(index of the string with the smallest ℓ, the first of equals; its ℓ in nats); arrays of a stack."""
        return self.need_table("best").best

    def nll_at(self, bits: ArrayLike) -> Array:
        """ℓ of given strings: bits (…, N) -> (…), nats, summed over the training examples.

        Looks the strings up in the table, or evaluates the unique ones among them and remembers them.
        """
        strings = as_bits(bits, self.n_bits)
        return self._drawn.look_up(strings, self._evaluate) if self.table is None else self.table.at(strings)

    def need_table(self, what: str) -> LikelihoodTable:
        """The table, for ``what``; Unsupported where there is none."""
        if self.table is None:
            raise Unsupported(
                f"{what} needs ℓ of all 2^{self.n_bits} strings, and this problem is not tabulated: enumeration ends "
                f"at N = {MAX_TABULATED}. Use a smaller network, or a sampled estimator: score_function or spsa "
                "work on drawn strings."
            )
        return self.table

    def _evaluate(self, bits: Bits) -> Array:
        network, dataset = self.network, self.dataset
        if network is None or dataset is None:
            raise Unsupported("A problem without a table needs a network and a dataset to evaluate strings.")
        x, y = dataset.x_train, dataset.y_train
        values = np.empty(len(bits))
        size = max(1, _HELD // max(1, len(x) * network.n_classes))
        for start in range(0, len(bits), size):
            at_label = network.log_likelihood(bits[start : start + size], x, y)
            # Contiguous rows, so that a string's sum does not depend on the batch it is evaluated in.
            values[start : start + size] = -np.ascontiguousarray(at_label).sum(axis=1)
        return values


def problem(
    network: NetworkConfig | Mapping[str, Any] | str | None,
    dataset: Dataset | DatasetConfig | Mapping[str, Any] | str,
    prior: PriorConfig | Mapping[str, Any] | str | None = None,
    *,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    cache: bool = True,
    tabulate: bool | None = None,
    uploads: Path | None = None,
) -> Problem:
    """The problem of training ``network`` on ``dataset`` under ``prior`` (uniform if None).

    Args:
        network: a network config, its name or mapping; None with a cost table.
        dataset: a dataset, or a dataset config, its name or mapping.
        progress: called now and then with the fraction done, 0 to 1.
        cancelled: asked now and then; True stops with :class:`Cancelled`.
        cache: keep the table in memory for the next call with the same content.
        tabulate: None tabulates up to N = 20 and refuses above; False never tabulates (only ``nll_at`` works).
        uploads: folder of uploaded files, for datasets that name one.

    Raises:
        TooLarge: N > 20, naming the memory needed and the remedy.
        InvalidArgument: network and dataset do not fit each other.
    """
    data = dataset if isinstance(dataset, Dataset) else DATASETS.parse(dataset).load(uploads)
    beliefs = Bernoulli() if prior is None else PRIORS.parse(prior)
    if data.costs is not None:
        return _cost_problem(data, beliefs, network)
    if network is None:
        raise InvalidArgument(
            "network", expected="a network", got=None, remedy="Only a cost table trains without a network."
        )
    net = NETWORKS.parse(network)
    check_fit(net, data.n_features, data.n_classes, name=data.name)
    beliefs.rates(net.n_bits)  # refuses rates that do not fit before the table is made
    table = None
    if tabulate is not False:
        check_tabulated(net.n_bits)
        nll = likelihood_table(net, data, progress=progress, cancelled=cancelled, cache=cache)
        table = LikelihoodTable(nll, beliefs)
    return Problem(n_bits=net.n_bits, n_train=len(data.y_train), prior=beliefs, table=table, network=net, dataset=data)


def problem_from_costs(
    costs: ArrayLike, *, prior: PriorConfig | None = None, n_train: int = 1, dataset: Dataset | None = None
) -> Problem:
    """A problem whose ℓ(w) is any vector of 2**N costs, without a network.

    Args:
        n_train: what losses are divided by, and MMD² is weighed with, as if the costs were sums over so many examples.
        dataset: where the costs are from.
    """
    nll = check_finite("costs", costs)
    n_bits = int(nll.size).bit_length() - 1
    if nll.ndim != 1 or nll.size < 2 or nll.size != 2**n_bits:
        raise InvalidArgument(
            "costs", expected="a vector of 2**N costs, N ≥ 1", got=f"shape {nll.shape}", remedy="Pad or cut it."
        )
    check_tabulated(n_bits)
    beliefs = prior or Bernoulli()
    beliefs.rates(n_bits)
    table = LikelihoodTable(nll, beliefs)
    return Problem(n_bits=n_bits, n_train=n_train, prior=beliefs, table=table, dataset=dataset)


def _cost_problem(data: Dataset, prior: PriorConfig, network: object) -> Problem:
    if network is not None:
        raise InvalidArgument(
            "network", expected="no network", got=network, remedy="A cost table is trained directly: leave it out."
        )
    return problem_from_costs(data.costs, prior=prior, dataset=data)  # type: ignore[arg-type]
