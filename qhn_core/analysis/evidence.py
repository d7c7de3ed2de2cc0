"""Information-theoretic quantities of q against a problem: entropy, divergences, evidence lower bound, success.

All take q of shape (B, 2**N) and give (B,), in nats and not divided by n unless said otherwise; 0·log 0 = 0. Sums are
taken in a fixed order, so that the same q gives the same bits whatever the number of threads. ``problem`` may be a
:class:`~qhn_core.problems.problem.ProblemStack`, with one problem a replica.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]

#: A string within so many nats per example of the best one counts as a success.
NEAR_BEST = 0.02

_TINY = float(np.finfo(np.float64).tiny)


def mean(q: Array, values: Array) -> Array:
    """E_q[values]: q (B, M), values (M,) or (B, M) -> (B,)."""
    return np.einsum("bw,w->b", q, values) if values.ndim == 1 else np.einsum("bw,bw->b", q, values)


def log_q(q: Array) -> Array:
    """log q with q = 0 clamped to the smallest normal number, so that 0·log 0 = 0."""
    return np.log(np.maximum(q, _TINY))


def entropy(q: ArrayLike) -> Array:
    """H[q] = −Σ q log q, nats."""
    rows = _rows(q)
    return -mean(rows, log_q(rows))


def entropy_bits(q: ArrayLike) -> Array:
    """H[q] in bits."""
    return entropy(q) / np.log(2.0)


def effective_networks(q: ArrayLike) -> Array:
    """2^(H[q] in bits): the effective number of networks, between 1 and 2**N."""
    return np.exp(entropy(q))


def kl_prior(q: ArrayLike, problem: Problem) -> Array:
    """KL(q‖π) = Σ q (log q − log π)."""
    rows = _rows(q, problem)
    return mean(rows, log_q(rows)) - mean(rows, problem.log_prior)


def kl_posterior(q: ArrayLike, problem: Problem) -> Array:
    """KL(q‖p(w|D)) = Σ q (log q − log p(w|D))."""
    rows = _rows(q, problem)
    return mean(rows, log_q(rows)) - mean(rows, problem.log_posterior)


def elbo(q: ArrayLike, problem: Problem) -> Array:
    """−Σ q (ℓ + log q − log π), β = 1: below log Z by :func:`kl_posterior`."""
    rows = _rows(q, problem)
    return mean(rows, problem.log_prior) - mean(rows, problem.nll) - mean(rows, log_q(rows))


def expected_nll(q: ArrayLike, problem: Problem) -> Array:
    """E_q ℓ ÷ n, nats per example."""
    return mean(_rows(q, problem), problem.nll) / problem.n_train


def cost_gap(q: ArrayLike, problem: Problem) -> Array:
    """(E_q ℓ − min ℓ) ÷ n, nats per example."""
    return (mean(_rows(q, problem), problem.nll) - problem.best[1]) / problem.n_train


def success(q: ArrayLike, problem: Problem, *, within: float = NEAR_BEST) -> Array:
    """Mass of q on strings with (ℓ − min ℓ)/n ≤ ``within`` nats per example."""
    return mean(_rows(q, problem), _near_best(problem, within))


class Evidence(NamedTuple):
    """Everything of this module at once, each (B,)."""

    expected_nll: Array  #: nats per example
    entropy_bits: Array
    kl_prior: Array
    kl_posterior: Array
    elbo: Array
    cost_gap: Array  #: nats per example
    success: Array


def evidence(q: ArrayLike, problem: Problem) -> Evidence:
    """All quantities, with the logarithm taken once."""
    rows = _rows(q, problem)
    negentropy, cost, prior = mean(rows, log_q(rows)), mean(rows, problem.nll), mean(rows, problem.log_prior)
    return Evidence(
        expected_nll=cost / problem.n_train,
        entropy_bits=-negentropy / np.log(2.0),
        kl_prior=negentropy - prior,
        kl_posterior=negentropy - mean(rows, problem.log_posterior),
        elbo=prior - cost - negentropy,
        cost_gap=(cost - problem.best[1]) / problem.n_train,
        success=mean(rows, _near_best(problem, NEAR_BEST)),
    )


def _near_best(problem: Problem, within: float) -> Array:
    best = np.asarray(problem.best[1])[..., None]
    near = problem.nll <= best + within * problem.n_train
    return near.astype(np.float64)


def _rows(q: ArrayLike, problem: Problem | None = None) -> Array:
    rows = np.asarray(q, dtype=np.float64)
    size = None if problem is None else 2**problem.n_bits
    if rows.ndim != 2 or (size is not None and rows.shape[1] != size):
        raise InvalidArgument("q", expected=f"shape (replicas, {size or '2**N'})", got=f"shape {rows.shape}")
    return rows
