"""A problem: the negative log-likelihood of every bitstring, and the prior beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite
from qhn_core.datasets.base import DATASETS, Dataset, DatasetConfig
from qhn_core.errors import InvalidArgument, Unsupported
from qhn_core.networks.base import NETWORKS, NetworkConfig
from qhn_core.priors.base import PRIORS, PriorConfig
from qhn_core.priors.bernoulli import Bernoulli
from qhn_core.problems.table import (
    MAX_BITS,
    MAX_TABULATED,
    DrawnStrings,
    check_tabulated,
    likelihood_table,
    logsumexp,
    string_index,
)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Problem:
    """What a circuit's bitstrings are judged by.

    Args:
        n_bits: number N of bits.
        n_train: number n of training examples; 1 for a cost table.
        nll: ℓ(w) summed over the training examples, nats, (2**N,) float64 in index order; None if not tabulated,
            in which case only :meth:`nll_at` works.
        prior: π(w).
        network, dataset: what the table was made of; None for a cost table.
    """

    n_bits: int
    n_train: int
    nll: Array
    prior: PriorConfig
    network: NetworkConfig | None = None
    dataset: Dataset | None = None
    _drawn: DrawnStrings = field(default_factory=DrawnStrings, repr=False)

    @property
    def tabulated(self) -> bool:
        """Whether ℓ is known for all strings."""
        return self.nll is not None

    @cached_property
    def log_prior(self) -> Array:
        """log π of every string, nats, (2**N,)."""
        self._need_table("log_prior")
        return self.prior.log_table(self.n_bits)

    @cached_property
    def log_evidence(self) -> float:
        """log Z = logsumexp_w(log π(w) − ℓ(w)), nats."""
        self._need_table("log_evidence")
        return float(logsumexp(self.log_prior - self.nll))

    @cached_property
    def log_posterior(self) -> Array:
        """log p(w|D) = log π − ℓ − log Z, nats, (2**N,)."""
        self._need_table("log_posterior")
        return self.log_prior - self.nll - self.log_evidence

    @cached_property
    def posterior(self) -> Array:
        """p(w|D), (2**N,)."""
        return np.exp(self.log_posterior)

    @cached_property
    def best(self) -> tuple[int, float]:
        """(index of the string with the smallest ℓ, the first of equals; its ℓ in nats)."""
        self._need_table("best")
        index = int(np.argmin(self.nll))
        return index, float(self.nll[index])

    def nll_at(self, bits: ArrayLike) -> Array:
        """ℓ of given strings: bits (…, N) -> (…), nats, summed over the training examples.

        Looks the strings up in the table, or evaluates the unique ones among them and remembers them.
        """
        index = string_index(bits, self.n_bits)
        return self.nll[index] if self.tabulated else self._drawn.look_up(index, self._evaluate)

    def _evaluate(self, index: NDArray[np.int64]) -> Array:
        network, dataset = self.network, self.dataset
        if network is None or dataset is None:
            raise Unsupported("A problem without a table needs a network and a dataset to evaluate strings.")
        x, y = dataset.x_train, dataset.y_train
        values = np.empty(len(index))
        size = max(1, 1_000_000 // max(1, len(x) * network.n_classes))
        for start in range(0, len(index), size):
            part = index[start : start + size, None]
            bits = ((part >> np.arange(self.n_bits - 1, -1, -1)) & 1).astype(np.uint8)
            at_label = network.log_proba(bits, x)[:, np.arange(len(y)), y]
            # Contiguous rows, so that a string's sum does not depend on the batch it is evaluated in.
            values[start : start + size] = -np.ascontiguousarray(at_label).sum(axis=1)
        return values

    def _need_table(self, what: str) -> None:
        if not self.tabulated:
            raise Unsupported(
                f"{what} needs ℓ of all 2^{self.n_bits} strings, and this problem is not tabulated: "
                f"enumeration ends at N = {MAX_TABULATED}. Use a smaller network."
            )


@dataclass(frozen=True, eq=False)
class ProblemStack(Problem):
    """Several problems of one shape, one for each replica (the same data drawn with different seeds).

    Has the attributes of :class:`Problem` with a leading replica axis: ``nll`` (B, 2**N), ``log_evidence`` (B,),
    ``log_posterior`` and ``posterior`` (B, 2**N), ``best`` ((B,), (B,)), ``nll_at`` from (B, S, N) to (B, S).
    ``log_prior`` stays (2**N,), and ``dataset`` is that of the first part. Made by :func:`stack_problems`.

    Args:
        parts: the different problems.
        which: (B,) index into ``parts`` for each replica.
    """

    parts: tuple[Problem, ...] = ()
    which: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @cached_property
    def log_evidence(self) -> Array:  # type: ignore[override]
        """log Z of each replica's problem, nats, (B,)."""
        return np.array([part.log_evidence for part in self.parts])[self.which]

    @cached_property
    def log_posterior(self) -> Array:
        """log p(w|D) of each replica's problem, nats, (B, 2**N)."""
        return np.stack([part.log_posterior for part in self.parts])[self.which]

    @cached_property
    def best(self) -> tuple[NDArray[np.int64], Array]:  # type: ignore[override]
        """(index (B,), ℓ (B,)) of each replica's best string."""
        pairs = [part.best for part in self.parts]
        return np.array([p[0] for p in pairs])[self.which], np.array([p[1] for p in pairs])[self.which]

    def nll_at(self, bits: ArrayLike) -> Array:
        """ℓ of each replica's strings under its own problem: bits (B, …, N) -> (B, …), nats."""
        strings = np.asarray(bits)
        if strings.ndim < 2 or len(strings) != len(self.which):
            raise InvalidArgument("bits", expected=f"({len(self.which)}, …, {self.n_bits})", got=strings.shape)
        values = np.empty(strings.shape[:-1])
        for k, part in enumerate(self.parts):
            mine = self.which == k
            if mine.any():
                values[mine] = part.nll_at(strings[mine])
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
    table: Any = None
    if tabulate is not False or net.n_bits > MAX_BITS:
        check_tabulated(net.n_bits)
        table = likelihood_table(net, data, progress=progress, cancelled=cancelled, cache=cache)
    return Problem(n_bits=net.n_bits, n_train=len(data.y_train), nll=table, prior=beliefs, network=net, dataset=data)


def problem_from_costs(costs: ArrayLike, *, prior: PriorConfig | None = None) -> Problem:
    """A problem whose ℓ(w) is any vector of 2**N costs, without network or data."""
    table = check_finite("costs", costs)
    n_bits = int(table.size).bit_length() - 1
    if table.ndim != 1 or table.size < 2 or table.size != 2**n_bits:
        raise InvalidArgument(
            "costs", expected="a vector of 2**N costs, N ≥ 1", got=f"shape {table.shape}", remedy="Pad or cut it."
        )
    beliefs = prior or Bernoulli()
    beliefs.rates(n_bits)
    return Problem(n_bits=n_bits, n_train=1, nll=table, prior=beliefs)


def stack_problems(parts: Sequence[Problem], replicas: int) -> ProblemStack:
    """Replica r trains on ``parts[r mod len(parts)]``; the parts differ in nothing but their data."""
    first = parts[0]
    for part in parts:
        if (part.n_bits, part.n_train, part.tabulated) != (first.n_bits, first.n_train, first.tabulated):
            raise InvalidArgument(
                "parts", expected="problems of one shape", got=f"{part.n_bits} bits, n={part.n_train}"
            )
    which = np.arange(replicas) % len(parts)
    return ProblemStack(
        n_bits=first.n_bits,
        n_train=first.n_train,
        nll=np.stack([part.nll for part in parts])[which] if first.tabulated else None,  # type: ignore[arg-type]
        prior=first.prior,
        network=first.network,
        dataset=first.dataset,
        parts=tuple(parts),
        which=which,
    )


def check_fit(network: NetworkConfig, n_features: int, n_classes: int, *, name: str) -> None:
    """Refuse a network whose inputs or outputs do not fit the data, naming the sizes that would."""
    if network.n_inputs != n_features:
        raise InvalidArgument(
            "network.layers",
            expected=f"{n_features} inputs, the features of '{name}'",
            got=f"{network.n_inputs} inputs",
            remedy=f"Let layers start with {n_features}.",
        )
    if network.n_classes < n_classes:
        raise InvalidArgument(
            "network.layers",
            expected=f"outputs for {n_classes} classes, those of '{name}'",
            got=f"outputs for {network.n_classes}",
            remedy=f"Let layers end with {n_classes}, or keep two classes.",
        )


def _cost_problem(data: Dataset, prior: PriorConfig, network: object) -> Problem:
    if network is not None:
        raise InvalidArgument(
            "network", expected="no network", got=network, remedy="A cost table is trained directly: leave it out."
        )
    bare = problem_from_costs(data.costs, prior=prior)  # type: ignore[arg-type]
    return Problem(n_bits=bare.n_bits, n_train=1, nll=bare.nll, prior=prior, dataset=data)
