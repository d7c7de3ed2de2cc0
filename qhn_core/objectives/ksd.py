"""Kernel Stein discrepancy to the posterior: L = KSD²(q ‖ p(w|D)) = E_{w,v~q} k_p(w, v) ≥ 0, dimensionless.

After Benedetti et al., arXiv:2103.06720, with the bounded Stein operator of the Barker jump process:
c_i(w) = p(flip_i w) / (p(w) + p(flip_i w)), (A f)(w) = Σ_i c_i(w) [f(flip_i w) − f(w)], E_p A f = 0,
k_p(w, v) = A_w A_v k(w, v). The posterior enters only through ratios of neighbours, so log Z is not needed.

As matrices k_p = A K Aᵀ, so that KSD² = (Aᵀq)ᵀ K (Aᵀq) and g = 2 A K Aᵀ q: N pair sweeps and two Walsh–Hadamard
transforms, O(N 2^N). Neither K nor k_p is formed.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from qhn_core.errors import InvalidArgument
from qhn_core.kernels import HISTOGRAM_BITS, HammingKernel, compiled, histogram, pack, unpack
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.selbo import check_gamma
from qhn_core.objectives.tables import nll_at_index, nll_rows, probability_rows, remember
from qhn_core.problems.problem import Problem

#: Flip rates of all strings are kept with the problem up to this many bytes, and computed anew above it.
KEEP_BYTES = 512 * 2**20
#: Strings whose flip rates are held at once while all are gone through.
_AT_ONCE = 1 << 14


@OBJECTIVES.register
class KSD(ObjectiveConfig):
    """Discrepancy to the exact posterior through its ratios alone: needs neither q nor the evidence."""

    label: ClassVar[str] = "Kernel Stein discrepancy (KSD)"
    name: Literal["ksd"] = "ksd"
    needs_inner: ClassVar[bool] = True

    gamma: float | tuple[float, ...] = Field(
        0.7, description="γ of the kernel exp(−γ · Hamming distance), or several for a mixture"
    )

    @field_validator("gamma")
    @classmethod
    def _positive(cls, gamma: float | tuple[float, ...]) -> float | tuple[float, ...]:
        return check_gamma(gamma)

    @property
    def kernel(self) -> HammingKernel:
        """The kernel under the Stein operator."""
        return HammingKernel(self.gamma)

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value KSD², its only term ``ksd``, and g(w) = 2 Σ_v q(v) k_p(w, v)."""
        rows = probability_rows(q, problem)
        value, diagonal = np.empty(rows.shape[0]), np.empty_like(rows)
        eigenvalues = self.kernel.normalised_eigenvalues(problem.n_bits)
        compiled().ksd_rows(rows, barker_table(problem), eigenvalues, diagonal, value)
        return Exact(value, {"ksd": value}, diagonal)

    def diagonal_at(
        self,
        bits: NDArray[np.uint8],
        problem: Problem,
        step: int = 0,
        *,
        inner: NDArray[np.uint8] | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """2 · mean of k_p(w, v) over ``inner``, (B, S); unbiased if ``inner`` is independent of ``bits``."""
        if inner is None:
            raise InvalidArgument("inner", expected="a batch drawn independently of bits", got=inner)
        at, drawn = pack(bits), pack(inner)
        if _by_table(problem):
            empirical = histogram(drawn, problem.n_bits) / drawn.shape[1]
            return np.take_along_axis(self.exact(empirical, problem).diagonal, at, axis=1)
        return 2.0 * self._stein_sums(at, drawn, problem) / drawn.shape[1]

    def estimate(
        self, bits: NDArray[np.uint8], problem: Problem, step: int = 0, *, log_q: Array | None = None
    ) -> Sampled:
        """U-statistic 1/(S(S−1)) Σ_{s≠t} k_p(w_s, w_t), which is unbiased and may be negative."""
        size = bits.shape[1]
        if size < 2:
            raise InvalidArgument("bits", expected="at least 2 strings a replica", got=size)
        at = pack(bits)
        if _by_table(problem):
            counts = histogram(at, problem.n_bits)
            all_pairs = self.exact(counts / size, problem).value * size**2
        else:
            all_pairs = self._stein_sums(at, at, problem).sum(axis=1)
        value = (all_pairs - self._self_terms(at, problem).sum(axis=1)) / (size * (size - 1.0))
        return Sampled(value, {"ksd": value})

    def self_terms(self, problem: Problem) -> Array:
        """k_p(w, w) of all strings, (2**N,)."""
        index = np.arange(1 << problem.n_bits, dtype=np.int64)
        parts = [self._self_terms(index[None, k : k + _AT_ONCE], problem)[0] for k in range(0, index.size, _AT_ONCE)]
        return np.concatenate(parts)

    def _self_terms(self, at: NDArray[np.int64], problem: Problem) -> Array:
        """k_p(w, w), (B, S): average over γ of [(e − 1) Σ c_i]² + (1 − e²) Σ c_i²."""
        rates = flip_rates(problem, at)
        total, squares = rates.sum(axis=-1) ** 2, (rates**2).sum(axis=-1)
        gamma = np.array(self.kernel.gammas)
        return np.mean(np.expm1(-gamma) ** 2) * total - np.mean(np.expm1(-2.0 * gamma)) * squares

    def _stein_sums(self, at: NDArray[np.int64], drawn: NDArray[np.int64], problem: Problem) -> Array:
        """Σ_m k_p(w_s, v_m) over a replica's strings ``drawn`` (B, M), for ``at`` (B, S): (B, S)."""
        out = np.empty(at.shape)
        at_rates, drawn_rates = flip_rates(problem, at), flip_rates(problem, drawn)
        gamma = np.array(self.kernel.gammas)
        for b in range(at.shape[0]):
            w, first, back = np.unique(at[b], return_index=True, return_inverse=True)
            v, seen, counts = np.unique(drawn[b], return_index=True, return_counts=True)
            sums = np.empty(w.size)
            compiled().stein_sums(
                w, at_rates[b][first], v, drawn_rates[b][seen], counts.astype(np.float64), gamma, sums
            )
            out[b] = sums[back.ravel()]
        return out


def _by_table(problem: Problem) -> bool:
    return problem.n_bits <= HISTOGRAM_BITS and getattr(problem, "nll", None) is not None


def barker_table(problem: Problem) -> Array:
    """c_i(w) of all strings with bit i = 0, (R, N, 2^(N−1)), R = 1 or one a replica; c_i(flip_i w) = 1 − c_i(w)."""

    def make() -> Array:
        nll = nll_rows(problem)
        rates = np.empty((nll.shape[0], problem.n_bits, nll.shape[1] // 2))
        compiled().barker_rows(np.ascontiguousarray(problem.log_prior - nll), rates)
        return rates

    size = 8 * nll_rows(problem).size * problem.n_bits // 2
    return remember(problem, "barker", make) if size <= KEEP_BYTES else make()


def flip_rates(problem: Problem, index: NDArray[np.int64]) -> Array:
    """c_i(w) of packed strings (B, S): (B, S, N), from ℓ of each string and of its N neighbours."""
    n_bits = problem.n_bits
    masks = np.left_shift(np.int64(1), np.arange(n_bits - 1, -1, -1, dtype=np.int64))
    here, near = nll_at_index(problem, index), nll_at_index(problem, index[..., None] ^ masks)
    rate = problem.prior.rates(n_bits)
    log_odds = np.log(rate) - np.log1p(-rate)
    prior_change = np.where(unpack(index, n_bits) == 1, -log_odds, log_odds)
    ratio = prior_change + here[..., None] - near
    small = np.exp(-np.abs(ratio))
    return np.where(ratio >= 0.0, 1.0, small) / (1.0 + small)
