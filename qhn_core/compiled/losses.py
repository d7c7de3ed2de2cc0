"""Value and frozen diagonal of the losses on all strings; the Stein discrepancy has its own file."""

from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import BLOCK, ROWS, kernel
from qhn_core.compiled.logarithm import logarithms
from qhn_core.compiled.transform import smooth

#: Smallest probability whose logarithm is taken; below it 0 · log 0 = 0 by clamping.
_SMALLEST = float(np.finfo(np.float64).tiny)


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


@kernel(*ROWS)
def mle_rows(q, nll, prior, eigenvalues, weight, diagonal, fit, penalty):  # type: ignore[no-untyped-def]
    """diagonal = ℓ and fit = Σ q ℓ; there is no penalty."""
    for b in range(q.shape[0]):
        row = nll[b % nll.shape[0]]
        diagonal[b, :] = row
        fit[b], penalty[b] = dot(q[b], row), 0.0


@kernel(*ROWS)
def elbo_rows(q, nll, log_prior, eigenvalues, weight, diagonal, fit, penalty):  # type: ignore[no-untyped-def]
    """diagonal = ℓ + weight·(log q − log π), fit = Σ q ℓ, penalty = KL(q‖π)."""
    scratch = np.empty((2, BLOCK))
    for b in range(q.shape[0]):
        row, out, costs = q[b], diagonal[b], nll[b % nll.shape[0]]
        total, divergence = 0.0, 0.0
        for s in range(0, row.size, BLOCK):
            logarithms(row[s : s + BLOCK], _SMALLEST, scratch, out[s : s + BLOCK])
            part, part_kl = 0.0, 0.0
            for j in range(s, min(s + BLOCK, row.size)):
                ratio = out[j] - log_prior[j]
                part += row[j] * costs[j]
                part_kl += row[j] * ratio
                out[j] = costs[j] + weight * ratio
            total += part
            divergence += part_kl
        fit[b], penalty[b] = total, divergence


@kernel(*ROWS)
def selbo_rows(q, nll, prior, eigenvalues, weight, diagonal, fit, penalty):  # type: ignore[no-untyped-def]
    """diagonal = ℓ + 2·weight·K(q − π), fit = Σ q ℓ, penalty = (q − π)ᵀ K (q − π)."""
    for b in range(q.shape[0]):
        row, out, costs = q[b], diagonal[b], nll[b % nll.shape[0]]
        for j in range(row.size):
            out[j] = row[j] - prior[j]
        penalty[b] = smooth(out, eigenvalues)
        fit[b] = dot(row, costs)
        for j in range(row.size):
            out[j] = costs[j] + 2.0 * weight * out[j]
