"""What each logged step reports, computed: the quantities of :data:`qhn_core.metrics.LOGGED`, NaN where undefined.

Beside them ``term_<name>``, the loss's terms ÷ n, and, for a network whose bits choose an architecture,
``architecture_<k>``, the mass of q on the k-th of ``network.architectures``.

Where only S drawn strings are known the values are estimates, and ``<name>_se`` is their standard error, NaN where it
cannot be had: s/√S for means over draws, jackknife for MMD², delta method for the predictive NLL, bootstrap over draws
for accuracy and ties (:mod:`qhn_core.analysis.vote_errors`), from the spread of the loss's diagonal for the loss.
Entropy, KL to the prior and ELBO are means of log q(w), so they are known where a simulation tells q of a drawn string,
and the importance-weighted bound is only then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qhn_core.analysis.split_scores import SplitScores, kernels, mean_and_error
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import USUAL_GAMMA, kernel_of
from qhn_core.metrics import ARCHITECTURE, LOGGED, TERM, WITH_ERROR
from qhn_core.problems.problem import Problem

Array = NDArray[np.float64]

#: γ of ``mmd2`` for losses without a kernel.
DEFAULT_GAMMA = USUAL_GAMMA
#: A string within this many nats per example of the best one counts as a success.
NEAR_BEST = 0.02

_SMALLEST = float(np.finfo(np.float64).tiny)


def importance_weighted_bound(log_weights: Array) -> tuple[Array, Array]:
    """L_K = log (1/K) Σ_k p(D, w_k) / q(w_k) and its standard error, nats: log weights (B, K) -> (B,), (B,).

    E L_K ≤ log Z, rises with K, and is the ELBO at K = 1 (Burda, Grosse, Salakhutdinov, arXiv:1509.00519). The error
    is s / (√K · mean) of the weights, to first order; E L_K − log Z ≈ −error²/2 while that is small. An error near 1
    means that one draw carries the sum: L_K is then a bound on average and no estimate of log Z.
    """
    top = log_weights.max(axis=1, keepdims=True)
    weights = np.exp(log_weights - top)
    mean, error = mean_and_error(weights)
    return top[:, 0] + np.log(mean), error / mean


class Metrics:
    """Everything about one problem that the rows need, prepared once; safe to share between threads.

    Args:
        problem: a Problem, or a ProblemStack with one problem a replica.
        gamma: γ (or several, or ``auto``) of the MMD; None is 0.7 up to 24 bits, and ``auto`` beyond.
        tick: called now and then while preparing; may raise to stop.
        like: metrics of the same problem with perhaps another γ, whose tables these use too.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        gamma: float | Sequence[float] | Literal["auto"] | None = None,
        tick: Callable[[], None] | None = None,
        like: Metrics | None = None,
    ) -> None:
        self.problem = problem
        self.kernel = kernel_of(gamma, problem.n_bits)
        if like is None:
            self.train, self.test = SplitScores(problem, "train", tick=tick), SplitScores(problem, "test", tick=tick)
        else:
            self.train, self.test = like.train, like.test
        self._rates = problem.prior.rates(problem.n_bits)

    def row(
        self,
        *,
        value: Array,
        terms: dict[str, Array],
        gradient: Array,
        probs: Array | None = None,
        bits: NDArray[np.uint8] | None = None,
        log_q: Array | None = None,
        error: Array | None = None,
    ) -> dict[str, Array]:
        """All quantities at one step, each (B,).

        Args:
            value: the loss ÷ n, (B,).
            terms: its terms, not ÷ n, each (B,).
            gradient: of the loss ÷ n, (B, P).
            probs: exact q (B, 2**N); or
            bits: strings drawn from it (B, S, N), from which everything is then estimated.
            log_q: log q of these strings, (B, S), where it is known.
            error: standard error of ``value`` where that is an estimate, (B,).
        """
        row = dict.fromkeys(LOGGED, np.full(len(value), np.nan))
        row["loss"], row["grad_norm"] = value, np.sqrt((gradient * gradient).sum(axis=1))
        if probs is not None:
            row.update(self.of_probabilities(probs))
        elif bits is not None:
            row.update(self.of_draws(bits, log_q=log_q))
        else:
            raise InvalidArgument("probs, bits", expected="exact probabilities or drawn strings", got=None)
        if error is not None:
            row["loss_se"] = error
        row.update({f"{TERM}{name}": term / self.problem.n_train for name, term in terms.items()})
        return row

    def of_probabilities(self, q: Array) -> dict[str, Array]:
        """What depends on q alone, exactly; q (B, 2**N)."""
        rows = np.ascontiguousarray(q, dtype=np.float64)
        log_q = np.maximum(rows, _SMALLEST)  # 0 · log 0 = 0
        np.log(log_q, out=log_q)
        found = self._of_table(rows, log_q) or {"entropy_bits": (log_q * rows).sum(axis=1) / -np.log(2.0)}
        found["mmd2"] = self.kernel.mmd2(rows, self._prior)
        for split in (self.train, self.test):
            found |= split.of_probabilities(rows)
        return found | self._architectures(q=rows)

    def of_draws(self, bits: NDArray[np.uint8], *, log_q: Array | None = None) -> dict[str, Array]:
        """Estimates from strings drawn from q, bits (B, S, N), with standard errors ``<name>_se``.

        Args:
            bits: the strings.
            log_q: log q of each, (B, S), where it is known; gives entropy, KL to the prior and ELBO.
        """
        n, draws = self.problem.n_train, bits.shape[1]
        nll = self.problem.nll_at(bits) / n
        undefined = np.full(len(bits), np.nan)
        found = dict.fromkeys((f"{name}_se" for name in WITH_ERROR), undefined)
        found["nll_train"], found["nll_train_se"] = mean_and_error(nll)
        if self.problem.table is not None:
            best = np.broadcast_to(np.asarray(self.problem.best[1]) / n, len(bits))[:, None]
            found["cost_gap"], found["cost_gap_se"] = mean_and_error(nll - best)
            found["success"], found["success_se"] = mean_and_error((nll - best <= NEAR_BEST).astype(np.float64))
        if draws > 2:
            found["mmd2"], found["mmd2_se"] = self.kernel.mmd2_estimate(bits, self._rates)
        if log_q is not None:
            found |= self._of_log_q(log_q, self.problem.prior.log_prob(bits), nll * n)
        for split in (self.train, self.test):
            found |= split.of_draws(bits)
        return found | self._architectures(bits=bits)

    @staticmethod
    def _of_log_q(log_q: Array, log_prior: Array, nll: Array) -> dict[str, Array]:
        """Means over draws of −log q, log q/π and −ℓ − log q/π, all (B, S), with their errors."""
        ratio = log_q - log_prior
        values = {"entropy_bits": -log_q / np.log(2.0), "kl_prior": ratio, "elbo": -nll - ratio}
        found = {}
        for name, each in values.items():
            found[name], found[f"{name}_se"] = mean_and_error(each)
        found["iw_bound"], found["iw_bound_se"] = importance_weighted_bound(values["elbo"])
        return found

    def _architectures(self, *, q: Array | None = None, bits: NDArray[np.uint8] | None = None) -> dict[str, Array]:
        """Mass on each architecture, where the network superposes some."""
        network: Any = self.problem.network
        count = len(network.architectures) if network is not None else 0
        if not count:
            return {}
        if q is not None:
            mass = network.architecture_probabilities(q)
        else:
            drawn: Any = bits
            which = network.architecture_of(drawn.reshape(-1, drawn.shape[-1])).reshape(drawn.shape[:2])
            mass = np.stack([(which == k).mean(axis=1) for k in range(count)], axis=1)
        return {f"{ARCHITECTURE}{k}": mass[:, k].copy() for k in range(count)}

    def _of_table(self, q: Array, log_q: Array) -> dict[str, Array]:
        problem, n = self.problem, self.problem.n_train
        if problem.table is None:
            return {}
        best = np.atleast_1d(np.asarray(problem.best[1], dtype=np.float64))
        cutoff = best + n * NEAR_BEST
        sums = np.empty((len(q), 5))
        kernels().expectation_rows(
            q, log_q, np.atleast_2d(problem.nll), problem.log_prior, np.atleast_1d(problem.log_evidence), cutoff, sums
        )
        mean_nll, negentropy, log_prior, log_posterior, success = np.ascontiguousarray(sums.T)
        kl_prior = negentropy - log_prior
        return {
            "entropy_bits": -negentropy / np.log(2.0),
            "kl_prior": kl_prior,
            "kl_posterior": negentropy - log_posterior,
            "elbo": -mean_nll - kl_prior,
            "nll_train": mean_nll / n,
            "cost_gap": (mean_nll - best) / n,
            "success": success,
        }

    @cached_property
    def _prior(self) -> Array:
        return np.exp(self.problem.prior.log_table(self.problem.n_bits))
