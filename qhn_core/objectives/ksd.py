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
from pydantic import Field, field_validator

from qhn_core.bitstrings import HISTOGRAM_BITS, Bits, flipped, histogram, index_of, neighbours, strings_between, unique
from qhn_core.compiled import compiled
from qhn_core.compiled.rows import RowLoss
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import HammingKernel, kernel_of
from qhn_core.objectives.base import OBJECTIVES, Array, Exact, ObjectiveConfig, Sampled
from qhn_core.objectives.selbo import Gamma, check_gamma
from qhn_core.objectives.tables import exact_of, table_of
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
    short: ClassVar[str] = "KSD"
    colour: ClassVar[str] = "#CC79A7"
    terms: ClassVar[dict[str, str]] = {"ksd": "KSD²"}
    unit: ClassVar[str] = "KSD² ÷ n, no unit"
    polynomial: ClassVar[bool] = True
    needs_inner: ClassVar[bool] = True

    gamma: Gamma = Field(
        0.7,
        description="How sharply strings are told apart: γ of the kernel exp(−γ · Hamming distance), several, or auto: "
        ".7, less beyond 13 bits",
    )

    @field_validator("gamma")
    @classmethod
    def _positive(cls, gamma: Gamma) -> Gamma:
        return check_gamma(gamma)

    def kernel_on(self, n_bits: int) -> HammingKernel:
        """The kernel under the Stein operator, on strings of ``n_bits``."""
        return kernel_of(self.gamma, n_bits)

    def exact(self, q: Array, problem: Problem, step: int = 0) -> Exact:
        """Value KSD², its only term ``ksd``, and g(w) = 2 Σ_v q(v) k_p(w, v)."""
        return exact_of(self.by_rows(problem), q, problem, step)

    def by_rows(self, problem: Problem) -> RowLoss:
        """KSD², which is quadratic in q."""
        rates, eigenvalues = (
            barker_table(problem),
            self.kernel_on(problem.n_bits).normalised_eigenvalues(problem.n_bits),
        )
        flat, held_to = rates.reshape(len(rates), -1), table_of(problem).log_prior
        return RowLoss(compiled().ksd_rows, flat, held_to, eigenvalues, lambda step: 0.0, fit="ksd")

    def of_counts(self, counts: Array, shots: int, problem: Problem, step: int, mmd2: Array) -> Array:
        """The mean of k_p over pairs of different draws."""
        plug_in = self.exact(counts / shots, problem, step).value
        own = table_of(problem).remember(("self terms", self.gamma), lambda: self.self_terms(problem))
        alone = counts @ own / shots
        return (shots * plug_in - alone) / (shots - 1.0)

    def diagonal_at(
        self,
        bits: Bits,
        problem: Problem,
        step: int = 0,
        *,
        inner: Bits | None = None,
        log_q: Array | None = None,
    ) -> Array:
        """2 · mean of k_p(w, v) over ``inner``, (B, S); unbiased if ``inner`` is independent of ``bits``."""
        if inner is None:
            raise InvalidArgument("inner", expected="a batch drawn independently of bits", got=inner)
        if _by_table(problem):
            empirical = histogram(inner) / inner.shape[1]
            return np.take_along_axis(self.exact(empirical, problem).diagonal, index_of(bits), axis=1)
        return 2.0 * self._stein_sums(bits, inner, problem) / inner.shape[1]

    def sampled(self, bits: Bits, problem: Problem, step: int = 0, *, log_q: Array | None = None) -> Sampled:
        """U-statistic 1/(S(S−1)) Σ_{s≠t} k_p(w_s, w_t), which is unbiased and may be negative."""
        size = bits.shape[1]
        if size < 2:
            raise InvalidArgument("bits", expected="at least 2 strings a replica", got=size)
        if _by_table(problem):
            all_pairs = self.exact(histogram(bits) / size, problem).value * size**2
        else:
            all_pairs = self._stein_sums(bits, bits, problem).sum(axis=1)
        value = (all_pairs - self._self_terms(bits, problem).sum(axis=1)) / (size * (size - 1.0))
        return Sampled(value, {"ksd": value})

    def self_terms(self, problem: Problem) -> Array:
        """k_p(w, w) of all strings, (2**N,)."""
        n_bits, size = problem.n_bits, 1 << problem.n_bits
        parts = [
            self._self_terms(strings_between(start, min(start + _AT_ONCE, size), n_bits)[None], problem)[0]
            for start in range(0, size, _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _self_terms(self, bits: Bits, problem: Problem) -> Array:
        """k_p(w, w), (B, S): average over γ of [(e − 1) Σ c_i]² + (1 − e²) Σ c_i²."""
        rates = flip_rates(problem, bits)
        total, squares = rates.sum(axis=-1) ** 2, (rates**2).sum(axis=-1)
        gamma = np.array(self.kernel_on(problem.n_bits).gammas)
        return np.mean(np.expm1(-gamma) ** 2) * total - np.mean(np.expm1(-2.0 * gamma)) * squares

    def _stein_sums(self, bits: Bits, drawn: Bits, problem: Problem) -> Array:
        """Σ_m k_p(w_s, v_m) over a replica's strings ``drawn`` (B, M, N), for ``bits`` (B, S, N): (B, S)."""
        out = np.empty(bits.shape[:2])
        rates, drawn_rates = flip_rates(problem, bits), flip_rates(problem, drawn)
        gamma = np.array(self.kernel_on(problem.n_bits).gammas)
        for b in range(len(bits)):
            w, v = unique(bits[b]), unique(drawn[b])
            sums, weights = np.empty(len(w.first)), v.counts.astype(np.float64)
            compiled().stein_sums(w.bits, rates[b][w.first], v.bits, drawn_rates[b][v.first], weights, gamma, sums)
            out[b] = sums[w.inverse]
        return out


def _by_table(problem: Problem) -> bool:
    return problem.n_bits <= HISTOGRAM_BITS and problem.table is not None


def barker_table(problem: Problem) -> Array:
    """c_i(w) of all strings with bit i = 0, (R, N, 2^(N−1)), R = 1 or one a replica; c_i(flip_i w) = 1 − c_i(w)."""
    table = table_of(problem)

    def make() -> Array:
        rates = np.empty((len(table.rows), problem.n_bits, table.rows.shape[1] // 2))
        compiled().barker_rows(np.ascontiguousarray(table.log_prior - table.rows), rates)
        return rates

    size = 8 * table.rows.size * problem.n_bits // 2
    return table.remember("barker", make) if size <= KEEP_BYTES else make()


def flip_rates(problem: Problem, bits: Bits) -> Array:
    """c_i(w) of strings (B, S, N): (B, S, N), from ℓ of each string and of its N neighbours."""
    table = problem.table
    if table is not None:
        index = index_of(bits)
        here, near = table.at_index(index), table.at_index(neighbours(index, problem.n_bits))
    else:
        here, near = problem.nll_at(bits), problem.nll_at(flipped(bits))
    rate = problem.prior.rates(problem.n_bits)
    log_odds = np.log(rate) - np.log1p(-rate)
    prior_change = np.where(bits == 1, -log_odds, log_odds)
    ratio = prior_change + here[..., None] - near
    small = np.exp(-np.abs(ratio))
    return np.where(ratio >= 0.0, 1.0, small) / (1.0 + small)
