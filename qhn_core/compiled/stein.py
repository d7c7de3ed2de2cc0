"""The Stein operator of the Barker jump process: its rates, and the kernel discrepancy by tables and by pairs."""

from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import BITS2, IN1, IN2, OUT1, OUT3, ROWS, kernel
from qhn_core.compiled.transform import smooth


@kernel(IN2, OUT3)
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


@kernel()
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


@kernel()
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


@kernel(*ROWS)
def ksd_rows(q, rates, prior, eigenvalues, weight, diagonal, value, penalty):  # type: ignore[no-untyped-def]
    """value = (Aᵀq)ᵀ K (Aᵀq) and diagonal = 2 A K Aᵀ q, never forming K or A; rates (R, N·2**(N−1))."""
    work = np.empty(q.shape[1])
    for b in range(q.shape[0]):
        c = rates[b % rates.shape[0]].reshape(-1, q.shape[1] // 2)
        _flow(q[b], c, work)
        value[b], penalty[b] = smooth(work, eigenvalues), 0.0
        _generate(work, c, 2.0, diagonal[b])


@kernel(BITS2, IN2, BITS2, IN2, IN1, IN1, OUT1)
def stein_sums(w, w_rates, v, v_rates, weights, gammas, out):  # type: ignore[no-untyped-def]
    """out_s = Σ_m weights_m k_p(w_s, v_m) for strings with flip rates, both (S, N) and (M, N), averaged over γ.

    With x_i = [w_i ≠ v_i] and t_i = e^{γ} if x_i else e^{−γ}, flipping bit i of one string multiplies k by t_i, so
    k_p = k · [Σ_i c_i(w)(t_i − 1) · Σ_j c_j(v)(t_j − 1) + Σ_i c_i(w) c_i(v) (1 − t_i²)].
    """
    n_bits = w_rates.shape[1]
    down, up, down2, up2 = np.expm1(-gammas), np.expm1(gammas), np.expm1(-2.0 * gammas), np.expm1(2.0 * gammas)
    kernel = np.empty((n_bits + 1, gammas.size))
    for distance in range(n_bits + 1):
        kernel[distance] = np.exp(-gammas * distance) / gammas.size
    for s in range(w.shape[0]):
        total = 0.0
        for m in range(v.shape[0]):
            distance, w_same, w_other, v_same, v_other, same, other = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(n_bits):
                a, b = w_rates[s, i], v_rates[m, i]
                x = int(w[s, i] != v[m, i])
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
