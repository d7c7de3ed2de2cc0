"""Numba kernel behind :mod:`qhn_core.analysis.metrics`: all sums over the 2^N strings in one pass.

Single-threaded, with the GIL released, adding in blocks of fixed size: the same bits come out whatever the number of
threads (a BLAS product would not promise that).
"""

from __future__ import annotations

import numpy as np
from numba import types

from qhn_core.compiled.base import BLOCK, F8, IN1, IN2, IN3, OUT2, kernel

_labels = types.Array(types.int64, 1, "C", readonly=True)
_SMALLEST = float(np.finfo(np.float64).tiny)


@kernel(IN2, IN2, IN2, IN1, IN1, IN1, OUT2)
def expectation_rows(q, log_q, nll, log_prior, log_evidence, cutoff, out):  # type: ignore[no-untyped-def]
    """out[b] = Σ_w q_b(w) · (ℓ, log q, log π, log p(w|D), [ℓ ≤ cutoff]) of replica b, (B, 5).

    ``nll``, ``log_evidence`` and ``cutoff`` have one row, or one a replica.
    """
    for b in range(q.shape[0]):
        r = b % nll.shape[0]
        row, log_row, costs, log_z, best = q[b], log_q[b], nll[r], log_evidence[r], cutoff[r]
        out[b, :] = 0.0
        for s in range(0, row.size, BLOCK):
            a0, a1, a2, a3, a4 = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(s, min(s + BLOCK, row.size)):
                p, cost = row[j], costs[j]
                a0 += p * cost
                a1 += p * log_row[j]
                a2 += p * log_prior[j]
                a3 += p * (log_prior[j] - cost - log_z)
                if cost <= best:
                    a4 += p
            out[b, 0] += a0
            out[b, 1] += a1
            out[b, 2] += a2
            out[b, 3] += a3
            out[b, 4] += a4


@kernel(IN3, _labels, F8, OUT2)
def score_rows(proba, y, tie, out):  # type: ignore[no-untyped-def]
    """out[b] = means over examples of (−log p at the label, credit with ties shared, [tied]); proba (B, n, C)."""
    n, classes = proba.shape[1], proba.shape[2]
    for b in range(proba.shape[0]):
        nll, credit, ties = 0.0, 0.0, 0
        for i in range(n):
            row = proba[b, i]
            top = row[0]
            for c in range(1, classes):
                top = max(top, row[c])
            tied = 0
            for c in range(classes):
                tied += row[c] >= top - tie
            at_label = row[y[i]]
            nll -= np.log(max(at_label, _SMALLEST))
            if at_label >= top - tie:
                credit += 1.0 / tied
            ties += tied > 1
        out[b, 0], out[b, 1], out[b, 2] = nll / n, credit / n, ties / n
