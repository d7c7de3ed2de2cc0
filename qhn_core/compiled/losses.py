"""Value and frozen diagonal of the losses on all strings; the Stein discrepancy has its own file."""

from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import BLOCK, F8, IN1, IN2, OUT1, OUT2, kernel
from qhn_core.compiled.transform import smooth


@kernel()
def dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for s in range(0, a.size, BLOCK):
        u, v = a[s : s + BLOCK], b[s : s + BLOCK]
        part = 0.0
        for j in range(u.size):
            part += u[j] * v[j]
        total += part
    return total


@kernel(IN2, IN2, OUT2, OUT1)
def mle_rows(q, nll, diagonal, value):  # type: ignore[no-untyped-def]
    """value_b = Σ q ℓ and diagonal = ℓ; ``nll`` has one row, or one a replica."""
    for b in range(q.shape[0]):
        row = nll[b % nll.shape[0]]
        diagonal[b, :] = row
        value[b] = dot(q[b], row)


@kernel(IN2, OUT2, IN2, IN1, F8, OUT1, OUT1)
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


@kernel(IN2, IN2, IN1, IN1, F8, OUT2, OUT1, OUT1)
def selbo_rows(q, nll, prior, eigenvalues, weight, diagonal, mean_nll, mmd2):  # type: ignore[no-untyped-def]
    """diagonal = ℓ + 2·weight·K(q − π), mean_nll = Σ q ℓ, mmd2 = (q − π)ᵀ K (q − π)."""
    for b in range(q.shape[0]):
        row, out, costs = q[b], diagonal[b], nll[b % nll.shape[0]]
        for j in range(row.size):
            out[j] = row[j] - prior[j]
        mmd2[b] = smooth(out, eigenvalues)
        mean_nll[b] = dot(row, costs)
        for j in range(row.size):
            out[j] = costs[j] + 2.0 * weight * out[j]
