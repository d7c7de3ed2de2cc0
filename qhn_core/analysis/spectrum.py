"""Walsh spectra: of a cost table, and of q − π as a kernel bandwidth sees it.

A function on bitstrings is a sum of parities, f(w) = Σ_S f̃_S (−1)^{S·w}; the order |S| is the number of bits in a
parity. MMD² = 2^−N Σ_S Λ_S d̂_S² with 2^−N Λ_S = τ^{|S|} (1 − τ)^{N−|S|}, τ = (1 − e^{−γ})/2: it weighs parities
like N coin flips of bias τ, so that its mean order is Nτ, and differences in much higher orders escape it
(Rudolph et al., arXiv:2305.02881).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qhn_core.checks import check_finite, check_int
from qhn_core.errors import InvalidArgument
from qhn_core.kernels import HammingKernel, walsh_hadamard

Array = NDArray[np.float64]


class ByOrder(NamedTuple):
    """Squared Walsh coefficients summed over the parities of each order 0 … N."""

    weight: Array  #: (…, N+1), in the unit of the function squared
    share: Array  #: (…, N+1), of the orders 1 … N; order 0 (the mean) has none; zeros for a constant

    @property
    def mean_order(self) -> Array:
        """Order averaged with ``share``; 0 for a constant."""
        return self.share @ np.arange(self.share.shape[-1], dtype=np.float64)


class Case(NamedTuple):
    """A constructed pair of distributions."""

    q: Array  #: (2**N,)
    pi: Array  #: (2**N,)
    kl: float  #: KL(q‖π), nats
    orders: Array  #: number of parities of each order in which they differ, (N+1,)


@lru_cache(maxsize=32)
def orders(n_bits: int) -> NDArray[np.int64]:
    """|S| of every parity in index order, (2**N,); read-only."""
    found = np.bitwise_count(np.arange(1 << check_int("n_bits", n_bits, low=1, high=24))).astype(np.int64)
    found.flags.writeable = False
    return found


def spectrum_by_order(f: ArrayLike) -> ByOrder:
    """Weight by order of a function on all strings, (2**N,) or (B, 2**N), such as a cost table.

    The coefficients are f̃_S = 2^−N Σ_w (−1)^{S·w} f(w), so the orders 1 … N add up to the variance of f over uniform
    strings (Parseval).
    """
    table = _table("f", f)
    return _by_order((walsh_hadamard(table) / table.shape[-1]) ** 2)


def difference_by_order(q: ArrayLike, pi: ArrayLike) -> ByOrder:
    """Weight by order of q − π with d̂_S = Σ_w (−1)^{S·w} (q − π)(w): the squared gaps of all parity expectations."""
    return _by_order(walsh_hadamard(_table("q", q) - _table("pi", pi)) ** 2)


def mmd2_by_order(q: ArrayLike, pi: ArrayLike, kernel: HammingKernel) -> Array:
    """What each order adds to MMD²(q, π) under ``kernel``: (…, N+1), summing to it."""
    squares = walsh_hadamard(_table("q", q) - _table("pi", pi)) ** 2
    return _sum_by_order(squares * kernel.normalised_eigenvalues(squares.shape[-1].bit_length() - 1))


def bandwidth_by_order(kernel: HammingKernel, n_bits: int) -> Array:
    """Share of the kernel's weight on each order, (N+1,): Binomial(N, τ), averaged over the kernel's γ; sums to 1."""
    order = np.arange(n_bits + 1)
    ways = np.array([math.comb(n_bits, int(k)) for k in order], dtype=np.float64)
    each = [ways * tau**order * (1.0 - tau) ** (n_bits - order) for tau in kernel.tau]
    return np.mean(each, axis=0)


def mean_body(kernel: HammingKernel, n_bits: int) -> float:
    """Mean order N τ that the kernel looks at, averaged over its γ."""
    return float(n_bits * np.mean(kernel.tau))


def hidden_from_bandwidth(n_bits: int, *, distance: int | None = None) -> Case:
    """q and a uniform π that agree in all parities below order ``distance``: MMD is small, KL large.

    q is uniform on the 2^{N−m} strings that satisfy m parity checks, so KL(q‖π) = m log 2; the checks and all their
    sums have at least ``distance`` bits (a greedy linear code, Conway & Sloane, IEEE TIT 32, 1986), so only parities
    of such high order tell q from π, and MMD² is at most 2^m τ^distance for τ ≤ ½.

    Args:
        n_bits: N, 2 to 20.
        distance: lowest order in which they differ, 1 to N; by default half of N, rounded up.
    """
    check_int("n_bits", n_bits, low=2, high=20)
    lowest = check_int("distance", (n_bits + 1) // 2 if distance is None else distance, low=1, high=n_bits)
    checks = _greedy_code(n_bits, lowest)
    strings = np.arange(1 << n_bits)
    satisfied = np.ones(strings.size, dtype=bool)
    for check in checks:
        satisfied &= np.bitwise_count(strings & check) % 2 == 0
    q = satisfied.astype(np.float64) / float(satisfied.sum())
    pi = np.full(strings.size, 1.0 / strings.size)
    differ = np.abs(walsh_hadamard(q - pi)) > 0.5
    counts = np.bincount(orders(n_bits)[differ], minlength=n_bits + 1).astype(np.float64)
    return Case(q, pi, len(checks) * math.log(2.0), counts)


def _greedy_code(n_bits: int, distance: int) -> list[int]:
    """Basis of the lexicographically first linear code with at least this minimum distance."""
    strings = np.arange(1 << n_bits)
    to_code = np.bitwise_count(strings).astype(np.int64)
    basis: list[int] = []
    while (far := np.flatnonzero(to_code >= distance)).size:
        basis.append(int(far[0]))
        to_code = np.minimum(to_code, to_code[strings ^ far[0]])
    return basis


def _table(argument: str, values: ArrayLike) -> Array:
    table = check_finite(argument, values)
    size = table.shape[-1] if table.ndim in (1, 2) else 0
    if size < 2 or size & (size - 1):
        raise InvalidArgument(argument, expected="shape (2**N,) or (replicas, 2**N)", got=f"shape {table.shape}")
    return table


def _sum_by_order(values: Array) -> Array:
    size = values.shape[-1]
    order = orders(size.bit_length() - 1)
    rows = [np.bincount(order, weights=row) for row in values.reshape(-1, size)]
    return np.array(rows, dtype=np.float64).reshape(*values.shape[:-1], -1)


def _by_order(squares: Array) -> ByOrder:
    weight = _sum_by_order(squares)
    varying = weight.copy()
    varying[..., 0] = 0.0
    total = varying.sum(axis=-1, keepdims=True)
    negligible = total <= 1e-28 * np.maximum(weight[..., :1], 1e-300)
    return ByOrder(weight, np.where(negligible, 0.0, varying / np.where(negligible, 1.0, total)))
