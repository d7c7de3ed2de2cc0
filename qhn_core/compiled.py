"""Numba kernels behind :mod:`qhn_core.kernels`, the objectives and the sampling estimators.

Importing this module compiles them once (some seconds) and afterwards loads them from Numba's cache; so it is imported
at first use, through ``functools.cache``, and never at ``import qhn_core``. All are single-threaded, release the GIL,
and add in a fixed order: the same input gives the same bits whatever the number of threads. Each has a NumPy twin in
the tests.

Arrays are C-ordered float64 unless said otherwise; B replicas are rows of length n = 2**N.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, types

#: Terms added before a partial sum is put aside: keeps the rounding error of a sum over 2**20 strings near 1e-15.
BLOCK = 512
#: Entries of a transform that are finished inside the first-level cache before going on.
CACHED = 4096

_f8 = types.float64
_in1 = types.Array(_f8, 1, "C", readonly=True)
_in2 = types.Array(_f8, 2, "C", readonly=True)
_i8 = types.Array(types.int64, 1, "C", readonly=True)
_in3 = types.Array(_f8, 3, "C", readonly=True)
_out1 = types.Array(_f8, 1, "C")
_out2 = types.Array(_f8, 2, "C")
_out3 = types.Array(_f8, 3, "C")


def compiled(*signature: Any) -> Callable[[Callable], Callable]:
    """``numba.njit`` with the GIL released and the result cached on disk, where a folder for it can be written."""

    def wrap(function: Callable) -> Callable:
        try:
            return njit(signature or None, nogil=True, cache=True)(function)
        except RuntimeError:  # no writable place for the cache: compile anew in each process
            return njit(signature or None, nogil=True)(function)

    return wrap


@compiled()
def _radix8(x: np.ndarray) -> None:
    for s in range(0, x.size, 8):
        v = x[s : s + 8]
        a0, a1, a2, a3 = v[0] + v[1], v[0] - v[1], v[2] + v[3], v[2] - v[3]
        a4, a5, a6, a7 = v[4] + v[5], v[4] - v[5], v[6] + v[7], v[6] - v[7]
        b0, b1, b2, b3 = a0 + a2, a1 + a3, a0 - a2, a1 - a3
        b4, b5, b6, b7 = a4 + a6, a5 + a7, a4 - a6, a5 - a7
        v[0], v[1], v[2], v[3] = b0 + b4, b1 + b5, b2 + b6, b3 + b7
        v[4], v[5], v[6], v[7] = b0 - b4, b1 - b5, b2 - b6, b3 - b7


@compiled()
def _radix4(x: np.ndarray, h: int) -> None:
    for s in range(0, x.size, 4 * h):
        a, b, c, d = x[s : s + h], x[s + h : s + 2 * h], x[s + 2 * h : s + 3 * h], x[s + 3 * h : s + 4 * h]
        for j in range(h):
            p, q, r, t = a[j] + b[j], a[j] - b[j], c[j] + d[j], c[j] - d[j]
            a[j], b[j], c[j], d[j] = p + r, q + t, p - r, q - t


@compiled()
def _radix2(x: np.ndarray, h: int) -> None:
    for s in range(0, x.size, 2 * h):
        a, b = x[s : s + h], x[s + h : s + 2 * h]
        for j in range(h):
            p, q = a[j], b[j]
            a[j], b[j] = p + q, p - q


@compiled()
def _butterflies(x: np.ndarray, h: int) -> None:
    while 4 * h <= x.size:
        _radix4(x, h)
        h *= 4
    if 2 * h <= x.size:
        _radix2(x, h)


@compiled()
def _transform(row: np.ndarray) -> None:
    h = 1
    if row.size >= 8:
        h = min(row.size, CACHED)
        for s in range(0, row.size, h):
            _radix8(row[s : s + h])
            _butterflies(row[s : s + h], 8)
    _butterflies(row, h)


@compiled()
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for s in range(0, a.size, BLOCK):
        u, v = a[s : s + BLOCK], b[s : s + BLOCK]
        part = 0.0
        for j in range(u.size):
            part += u[j] * v[j]
        total += part
    return total


@compiled()
def _smooth(row: np.ndarray, eigenvalues: np.ndarray) -> float:
    """row <- K row in place, and the quadratic form rowᵀ K row of the old row; eigenvalues hold the factor 2^−N."""
    _transform(row)
    total = 0.0
    for s in range(0, row.size, BLOCK):
        u, v = row[s : s + BLOCK], eigenvalues[s : s + BLOCK]
        part = 0.0
        for j in range(u.size):
            weighted = u[j] * v[j]
            part += u[j] * weighted
            u[j] = weighted
        total += part
    _transform(row)
    return total


@compiled(_out2)
def transform_rows(x):  # type: ignore[no-untyped-def]
    """Unnormalised Walsh–Hadamard transform of every row, in place."""
    for b in range(x.shape[0]):
        _transform(x[b])


@compiled(_out2, _in1, _out1)
def smooth_rows(x, eigenvalues, quadratic):  # type: ignore[no-untyped-def]
    """x_b <- K x_b in place; quadratic_b = x_bᵀ K x_b of the old x_b."""
    for b in range(x.shape[0]):
        quadratic[b] = _smooth(x[b], eigenvalues)


@compiled(_in2, _in2, _out2, _out1)
def mle_rows(q, nll, diagonal, value):  # type: ignore[no-untyped-def]
    """value_b = Σ q ℓ and diagonal = ℓ; ``nll`` has one row, or one a replica."""
    for b in range(q.shape[0]):
        row = nll[b % nll.shape[0]]
        diagonal[b, :] = row
        value[b] = _dot(q[b], row)


@compiled(_in2, _out2, _in2, _in1, _f8, _out1, _out1)
def elbo_rows(q, diagonal, nll, log_prior, beta, mean_nll, kl):  # type: ignore[no-untyped-def]
    """``diagonal`` holds log q on entry and ℓ + β(log q − log π) on return; mean_nll = Σ q ℓ, kl = KL(q‖π)."""
    for b in range(q.shape[0]):
        row, out, costs = q[b], diagonal[b], nll[b % nll.shape[0]]
        total, divergence = 0.0, 0.0
        for s in range(0, row.size, BLOCK):
            part, part_kl = 0.0, 0.0
            for j in range(s, min(s + BLOCK, row.size)):
                ratio = out[j] - log_prior[j]
                part += row[j] * costs[j]
                part_kl += row[j] * ratio
                out[j] = costs[j] + beta * ratio
            total += part
            divergence += part_kl
        mean_nll[b], kl[b] = total, divergence


@compiled(_in2, _in2, _in1, _in1, _f8, _out2, _out1, _out1)
def selbo_rows(q, nll, prior, eigenvalues, weight, diagonal, mean_nll, mmd2):  # type: ignore[no-untyped-def]
    """diagonal = ℓ + 2·weight·K(q − π), mean_nll = Σ q ℓ, mmd2 = (q − π)ᵀ K (q − π)."""
    for b in range(q.shape[0]):
        row, out, costs = q[b], diagonal[b], nll[b % nll.shape[0]]
        for j in range(row.size):
            out[j] = row[j] - prior[j]
        mmd2[b] = _smooth(out, eigenvalues)
        mean_nll[b] = _dot(row, costs)
        for j in range(row.size):
            out[j] = costs[j] + 2.0 * weight * out[j]


@compiled(_in2, _out3)
def barker_rows(log_p, rates):  # type: ignore[no-untyped-def]
    """rates[r, i, :] = p(v)/(p(w) + p(v)) for the pairs w (bit i = 0), v = flip_i w, in order of w; (R, N, n/2)."""
    for r in range(log_p.shape[0]):
        row = log_p[r]
        for i in range(rates.shape[1]):
            h = row.size >> (i + 1)
            pair = 0
            for s in range(0, row.size, 2 * h):
                for j in range(s, s + h):
                    ratio = row[j + h] - row[j]
                    small = np.exp(-abs(ratio))
                    rates[r, i, pair] = (1.0 if ratio >= 0.0 else small) / (1.0 + small)
                    pair += 1


@compiled()
def _flow(q: np.ndarray, rates: np.ndarray, out: np.ndarray) -> None:
    """out = Aᵀ q: the net probability that the Barker process carries into each string."""
    out[:] = 0.0
    for i in range(rates.shape[0]):
        h, pair = q.size >> (i + 1), 0
        for s in range(0, q.size, 2 * h):
            low, high, c = q[s : s + h], q[s + h : s + 2 * h], rates[i, pair : pair + h]
            to_low, to_high = out[s : s + h], out[s + h : s + 2 * h]
            for j in range(h):
                current = low[j] * c[j] - high[j] * (1.0 - c[j])
                to_low[j] -= current
                to_high[j] += current
            pair += h


@compiled()
def _generate(f: np.ndarray, rates: np.ndarray, factor: float, out: np.ndarray) -> None:
    """out = factor · A f, with (A f)(w) = Σ_i c_i(w) [f(flip_i w) − f(w)]."""
    out[:] = 0.0
    for i in range(rates.shape[0]):
        h, pair = f.size >> (i + 1), 0
        for s in range(0, f.size, 2 * h):
            low, high, c = f[s : s + h], f[s + h : s + 2 * h], rates[i, pair : pair + h]
            at_low, at_high = out[s : s + h], out[s + h : s + 2 * h]
            for j in range(h):
                rise = factor * (high[j] - low[j])
                at_low[j] += c[j] * rise
                at_high[j] -= (1.0 - c[j]) * rise
            pair += h


@compiled(_in2, _in3, _in1, _out2, _out1)
def ksd_rows(q, rates, eigenvalues, diagonal, value):  # type: ignore[no-untyped-def]
    """value = (Aᵀq)ᵀ K (Aᵀq) and diagonal = 2 A K Aᵀ q, never forming K or A."""
    work = np.empty(q.shape[1])
    for b in range(q.shape[0]):
        c = rates[b % rates.shape[0]]
        _flow(q[b], c, work)
        value[b] = _smooth(work, eigenvalues)
        _generate(work, c, 2.0, diagonal[b])


@compiled(_i8, _in2, _i8, _in2, _in1, _in1, _out1)
def stein_sums(w, w_rates, v, v_rates, weights, gammas, out):  # type: ignore[no-untyped-def]
    """out_s = Σ_m weights_m k_p(w_s, v_m) for packed strings with flip rates (S, N) and (M, N), averaged over γ.

    With x_i = [w_i ≠ v_i] and t_i = e^{γ} if x_i else e^{−γ}, flipping bit i of one string multiplies k by t_i, so
    k_p = k · [Σ_i c_i(w)(t_i − 1) · Σ_j c_j(v)(t_j − 1) + Σ_i c_i(w) c_i(v) (1 − t_i²)].
    """
    n_bits = w_rates.shape[1]
    down, up, down2, up2 = np.expm1(-gammas), np.expm1(gammas), np.expm1(-2.0 * gammas), np.expm1(2.0 * gammas)
    kernel = np.empty((n_bits + 1, gammas.size))
    for distance in range(n_bits + 1):
        kernel[distance] = np.exp(-gammas * distance) / gammas.size
    for s in range(w.size):
        total = 0.0
        for m in range(v.size):
            differ = w[s] ^ v[m]
            distance, w_same, w_other, v_same, v_other, same, other = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(n_bits):
                a, b = w_rates[s, i], v_rates[m, i]
                x = (differ >> (n_bits - 1 - i)) & 1
                distance += x
                w_other += x * a
                v_other += x * b
                other += x * a * b
                w_same += (1 - x) * a
                v_same += (1 - x) * b
                same += (1 - x) * a * b
            for k in range(gammas.size):
                left, right = down[k] * w_same + up[k] * w_other, down[k] * v_same + up[k] * v_other
                total += weights[m] * kernel[distance, k] * (left * right - down2[k] * same - up2[k] * other)
        out[s] = total


@compiled(_in2, _in2, types.Array(types.int64, 2, "C"))
def draw_rows(q, uniform, out):  # type: ignore[no-untyped-def]
    """out[k, s] = first index whose cumulative share of q_k exceeds uniform[k, s] ∈ [0, 1)."""
    n = q.shape[1]
    buckets = min(4 * n, 2048)
    cumulative, guide = np.empty(n), np.empty(buckets + 1, dtype=np.int64)
    for k in range(q.shape[0]):
        total, last = 0.0, 0
        for j in range(n):
            total += q[k, j]
            cumulative[j] = total
            if q[k, j] > 0.0:
                last = j
        # guide[g]: first index whose cumulative exceeds the share g / buckets; a search needs only look between two.
        j = 0
        for g in range(buckets):
            share = g / buckets * total
            while j < last and cumulative[j] <= share:
                j += 1
            guide[g] = j
        guide[buckets] = last
        for s in range(uniform.shape[1]):
            target, g = uniform[k, s] * total, int(uniform[k, s] * buckets)
            start, end = guide[g], guide[g + 1]
            while start < end:
                middle = (start + end) >> 1
                if cumulative[middle] <= target:
                    start = middle + 1
                else:
                    end = middle
            out[k, s] = start


@compiled(_in2, types.Array(types.int64, 2, "C", readonly=True), types.Array(types.int64, 1, "C", readonly=True), _out1)
def mean_at(table, index, row, out):  # type: ignore[no-untyped-def]
    """out_k = mean over s of table[row_k, index[k, s]]."""
    for k in range(index.shape[0]):
        values, total = table[row[k]], 0.0
        for s in range(index.shape[1]):
            total += values[index[k, s]]
        out[k] = total / index.shape[1]


@compiled(_in2, _in2, _in2, _in2, _f8, _f8, _f8, _f8, _f8, _out2, _out2, _out2)
def adam_rows(theta, gradient, mean, square, beta1, beta2, rate, root, eps, moved, new_mean, new_square):  # type: ignore[no-untyped-def]
    """One Adam update of angles (B, P), with rate = lr / (1 − β₁ᵗ) and root = √(1 − β₂ᵗ)."""
    for b in range(theta.shape[0]):
        for i in range(theta.shape[1]):
            g = gradient[b, i]
            m = mean[b, i] + (1.0 - beta1) * (g - mean[b, i])
            v = beta2 * square[b, i] + (1.0 - beta2) * (g * g)
            moved[b, i] = theta[b, i] - rate * (m / (np.sqrt(v) / root + eps))
            new_mean[b, i], new_square[b, i] = m, v
