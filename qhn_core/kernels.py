"""Hamming-product kernels k(w, v) = e^{−γ H(w, v)} on bitstrings, by Walsh–Hadamard transform and from samples.

The 2^N × 2^N kernel matrix is diagonal in the Walsh–Hadamard basis, with eigenvalues
Λ_S = (1 + e)^{N−|S|} (1 − e)^{|S|}, e = e^{−γ}, for the parity over the bits in S. So K v costs O(N 2^N) and the matrix
is never formed. Maximum mean discrepancy: Gretton et al., JMLR 13 (2012); for circuit Born machines: Liu & Wang,
arXiv:1804.04168; what a bandwidth sees: Rudolph et al., arXiv:2305.02881.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.bitstrings import HISTOGRAM_BITS, Bits, distances, histogram, index_of, unique
from qhn_core.checks import check_finite
from qhn_core.compiled import compiled
from qhn_core.errors import InvalidArgument

Array = NDArray[np.float64]
#: Pairs of strings whose distances are held at once.
_PAIRS_AT_ONCE = 1 << 22


def walsh_hadamard(v: ArrayLike, axis: int = -1) -> Array:
    """Unnormalised Walsh–Hadamard transform v̂_S = Σ_w (−1)^{S·w} v(w) along ``axis``, of length 2^N.

    Applied twice it multiplies by 2^N. The input is not changed.
    """
    x = np.array(np.moveaxis(np.asarray(v, dtype=np.float64), axis, -1), order="C")
    n = x.shape[-1]
    if n == 0 or n & (n - 1):
        raise InvalidArgument("v", expected="a length of 2**N on the axis", got=f"length {n}")
    compiled().transform_rows(x.reshape(-1, n))
    return np.moveaxis(x, -1, axis)


def gamma_from_bandwidth(sigma: float, *, coordinates: Literal["01", "pm1"] = "01") -> float:
    """γ for which e^{−γH} is the Gaussian kernel e^{−|x−y|²/(2σ²)} on 0/1 (γ = 1/(2σ²)) or ±1 (γ = 2/σ²) vectors."""
    if not sigma > 0.0:
        raise InvalidArgument("sigma", expected="a bandwidth above 0", got=sigma)
    return (0.5 if coordinates == "01" else 2.0) / sigma**2


def bandwidth_from_gamma(gamma: float, *, coordinates: Literal["01", "pm1"] = "01") -> float:
    """Bandwidth σ of the Gaussian kernel on 0/1 or ±1 vectors that equals e^{−γH}."""
    if not gamma > 0.0:
        raise InvalidArgument("gamma", expected="γ above 0", got=gamma)
    return float(np.sqrt((0.5 if coordinates == "01" else 2.0) / gamma))


@lru_cache(maxsize=64)
def _eigenvalues(gammas: tuple[float, ...], n_bits: int) -> Array:
    total = np.zeros(1 << n_bits)
    for gamma in gammas:
        e = np.exp(-gamma)
        one = np.ones(1)
        for _ in range(n_bits):
            one = (one[:, None] * np.array([1.0 + e, -np.expm1(-gamma)])[None, :]).ravel()
        total += one
    total /= len(gammas)
    total.flags.writeable = False
    return total


@lru_cache(maxsize=64)
def _normalised_eigenvalues(gammas: tuple[float, ...], n_bits: int) -> Array:
    scaled = _eigenvalues(gammas, n_bits) / float(1 << n_bits)
    scaled.flags.writeable = False
    return scaled


#: Mean body Nτ of the parities that γ = 0.7 weighs at N = 13, times 2: what :func:`auto_gamma` keeps.
_TWICE_BODY = 6.6
USUAL_GAMMA = 0.7


def auto_gamma(n_bits: int) -> float:
    """γ whose kernel weighs parities of mean body Nτ = 3.3 at any N: −log(1 − 6.6/N) for N ≥ 14, and 0.7 below.

    At a fixed γ the kernel between independent strings vanishes with N: E_π k = .748^N for γ = 0.7.
    """
    return USUAL_GAMMA if n_bits < 14 else float(-np.log1p(-_TWICE_BODY / n_bits))


def kernel_of(gamma: float | Sequence[float] | Literal["auto"] | None, n_bits: int) -> HammingKernel:
    """The kernel of a configuration's γ on strings of ``n_bits``; None is the usual γ up to 24 bits, auto beyond."""
    if gamma is None:
        gamma = USUAL_GAMMA if n_bits <= 24 else "auto"
    return HammingKernel(auto_gamma(n_bits) if isinstance(gamma, str) else gamma)


@dataclass(frozen=True)
class HammingKernel:
    """k(w, v) = average over γ of e^{−γ H(w, v)}, H the Hamming distance.

    Args:
        gammas: one γ > 0, or several for a mixture (their kernels are averaged with equal weight).
    """

    gammas: tuple[float, ...]

    def __init__(self, gammas: float | Sequence[float]) -> None:
        values = tuple(float(g) for g in np.atleast_1d(np.asarray(gammas, dtype=np.float64)))
        if not values or not all(np.isfinite(g) and g > 0.0 for g in values):
            raise InvalidArgument("gamma", expected="one γ above 0, or several", got=gammas)
        object.__setattr__(self, "gammas", values)

    @property
    def tau(self) -> tuple[float, ...]:
        """τ = (1 − e^{−γ})/2 of each γ: MMD² weighs the parity S like Bernoulli(τ)^N, so its mean body is Nτ."""
        return tuple(float(-np.expm1(-g) / 2.0) for g in self.gammas)

    def eigenvalues(self, n_bits: int) -> Array:
        """Λ_S for all S in index order, (2^N,); read-only."""
        return _eigenvalues(self.gammas, n_bits)

    def normalised_eigenvalues(self, n_bits: int) -> Array:
        """2^−N Λ_S, (2^N,): what K needs between two unnormalised transforms; read-only."""
        return _normalised_eigenvalues(self.gammas, n_bits)

    def at_distance(self, distance: ArrayLike) -> Array:
        """k at integer Hamming distances, shape kept."""
        h = np.asarray(distance, dtype=np.float64)
        return np.asarray(sum(np.exp(-g * h) for g in self.gammas) / len(self.gammas))

    def apply(self, v: ArrayLike) -> Array:
        """(K v)(w) = Σ_u k(w, u) v(u) for v (2^N,) or (B, 2^N), in O(N 2^N)."""
        return self._smooth(v)[0]

    def mmd2(self, q: ArrayLike, pi: ArrayLike) -> Array:
        """MMD²(q, π) = (q − π)ᵀ K (q − π) = 2^−N Σ_S Λ_S d̂_S² ≥ 0, dimensionless: () or (B,)."""
        return self._smooth(np.asarray(q, dtype=np.float64) - np.asarray(pi, dtype=np.float64))[1]

    def _smooth(self, v: ArrayLike) -> tuple[Array, Array]:
        x = np.array(v, dtype=np.float64, order="C")
        rows = x.reshape(-1, x.shape[-1])
        quadratic = np.empty(rows.shape[0])
        n_bits = rows.shape[1].bit_length() - 1
        if rows.shape[1] != 1 << n_bits:
            raise InvalidArgument("v", expected="a length of 2**N on the last axis", got=f"shape {x.shape}")
        compiled().smooth_rows(rows, self.normalised_eigenvalues(n_bits), quadratic)
        return x, quadratic.reshape(x.shape[:-1])

    def mean_embedding(self, bits: Bits, rho: ArrayLike) -> Array:
        """μ_π(w) = E_{v~π} k(w, v) = Π_i [1 − (1 − e) P(v_i ≠ w_i)] of a product-Bernoulli π, for bits (…, N): (…)."""
        rate = check_finite("rho", rho)
        total = np.zeros(bits.shape[:-1])
        for gamma in self.gammas:
            gap = -np.expm1(-gamma)
            at0, at1 = np.log1p(-gap * rate), np.log1p(-gap * (1.0 - rate))
            total += np.exp(at0.sum() + bits @ (at1 - at0))
        return total / len(self.gammas)

    def expected_prior(self, rho: ArrayLike) -> float:
        """E_{v,v'~π} k(v, v') = Π_i [1 − 2(1 − e) ρ_i (1 − ρ_i)] of a product-Bernoulli π."""
        rate = check_finite("rho", rho)
        each = [np.prod(1.0 + 2.0 * np.expm1(-g) * rate * (1.0 - rate)) for g in self.gammas]
        return float(np.mean(each))

    def gram(self, a: Bits, b: Bits) -> Array:
        """k(a_i, b_j) for strings a (S, N), b (M, N): (S, M), by integer Hamming distances."""
        return self.at_distance(np.arange(a.shape[-1] + 1))[distances(a, b)]

    def empirical_embedding(self, bits: Bits, sample: Bits) -> Array:
        """(1/M) Σ_j k(w_s, v_j) for bits (S, N) against a sample (M, N): (S,)."""
        if bits.shape[-1] <= HISTOGRAM_BITS:
            return self.apply(histogram(sample[None])[0] / len(sample))[index_of(bits)]
        at, drawn = unique(bits), unique(sample)
        return (self._sum_against(at.bits, drawn.bits, drawn.counts) / len(sample))[at.inverse]

    def _sum_against(self, at: Bits, drawn: Bits, counts: NDArray[np.int64]) -> Array:
        """Σ_m counts_m k(w_s, v_m), (S,)."""
        weights = counts.astype(np.float64)
        chunk = max(1, _PAIRS_AT_ONCE // max(1, len(drawn)))
        parts = [np.einsum("sm,m->s", self.gram(at[s : s + chunk], drawn), weights) for s in range(0, len(at), chunk)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def pair_sum(self, bits: Bits) -> float:
        """Σ_{i ≠ j} k(w_i, w_j) over a sample (S, N)."""
        if bits.shape[-1] <= HISTOGRAM_BITS:
            return float(self._smooth(histogram(bits[None]))[1][0]) - len(bits)
        drawn = unique(bits)
        return float(self._sum_against(drawn.bits, drawn.bits, drawn.counts) @ drawn.counts) - len(bits)

    def mmd2_unbiased(self, bits: Bits, rho: ArrayLike) -> Array:
        """Unbiased estimate of MMD²(q, π) from strings (…, S, N) drawn from q and a product-Bernoulli π.

        1/(S(S−1)) Σ_{i≠j} k(w_i, w_j) − (2/S) Σ_i μ_π(w_i) + E_{ππ} k. It may be negative, and is not clipped.
        Returns () for bits (S, N), (B,) for (B, S, N). Needs at least two strings.
        """
        size = bits.shape[-2]
        if size < 2:
            raise InvalidArgument("bits", expected="at least 2 strings", got=f"{size}")
        flat = bits.reshape(-1, size, bits.shape[-1])
        pairs = np.array([self.pair_sum(sample) for sample in flat]) / (size * (size - 1.0))
        cross = self.mean_embedding(flat, rho).mean(axis=1)
        return (pairs - 2.0 * cross + self.expected_prior(rho)).reshape(bits.shape[:-2])

    def mmd2_estimate(self, bits: Bits, rho: ArrayLike) -> tuple[Array, Array]:
        """:meth:`mmd2_unbiased` and its jackknife standard error, for bits (B, S, N), S ≥ 3: (B,), (B,).

        At q = π the estimate is a degenerate U-statistic, of which the jackknife gives the order of magnitude only.
        """
        size = bits.shape[1]
        if size < 3:
            raise InvalidArgument("bits", expected="at least 3 strings", got=f"{size}")
        mu = self.mean_embedding(bits, rho)
        seen = np.stack([self.empirical_embedding(sample, sample) for sample in bits]) * size - 1.0
        # Sum over the other strings of h(w_i, w_j) = k − μ(w_i) − μ(w_j) + E k, whose mean over pairs is the estimate.
        sums = seen - (size - 2.0) * mu - mu.sum(axis=1, keepdims=True) + (size - 1.0) * self.expected_prior(rho)
        total = sums.sum(axis=1)
        without = (total[:, None] - 2.0 * sums) / ((size - 1.0) * (size - 2.0))
        spread = ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        return total / (size * (size - 1.0)), np.sqrt((size - 1.0) / size * spread)
