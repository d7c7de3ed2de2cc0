"""Numba kernels behind :mod:`qhn_core.analysis.predictive`.

Single-threaded, with the GIL released, adding in a fixed order: the same bits come out whatever the number of threads
(a BLAS product would not promise that).
"""

from __future__ import annotations

import numpy as np
from numba import types

from qhn_core.compiled.base import IN1, IN2, OUT2, OUT3, kernel

_groups = types.Array(types.int32, 1, "C", readonly=True)
_classes = types.Array(types.int64, 1, "C", readonly=True)

#: Columns summed at a time: with four rows they stay in the first-level cache.
_TILE = 256


@kernel(IN2, _groups, OUT2)
def group_rows(q, group_of, out):  # type: ignore[no-untyped-def]
    """out[b, group_of[w]] += q[b, w]: (B, 2**N) -> (B, G)."""
    for b in range(q.shape[0]):
        row, sums = q[b], out[b]
        sums[:] = 0.0
        for w in range(row.size):
            sums[group_of[w]] += row[w]


@kernel(IN2, IN2, OUT2)
def mix_rows(weights, values, out):  # type: ignore[no-untyped-def]
    """out += weights @ values: (B, G), (G, K) -> (B, K)."""
    n_groups, n_columns = values.shape
    whole = n_groups - n_groups % 4
    for first in range(0, n_columns, _TILE):
        last = min(first + _TILE, n_columns)
        for b in range(weights.shape[0]):
            row, total = weights[b], out[b, first:last]
            for g in range(0, whole, 4):
                u, v, s, t = row[g], row[g + 1], row[g + 2], row[g + 3]
                a0, a1 = values[g, first:last], values[g + 1, first:last]
                a2, a3 = values[g + 2, first:last], values[g + 3, first:last]
                for j in range(last - first):
                    total[j] += (u * a0[j] + v * a1[j]) + (s * a2[j] + t * a3[j])
            for g in range(whole, n_groups):
                u, a0 = row[g], values[g, first:last]
                for j in range(last - first):
                    total[j] += u * a0[j]


@kernel(IN2, _classes, IN1, OUT3)
def spread_rows(of_reference, reference, mass, out):  # type: ignore[no-untyped-def]
    """out[b, i] = p of classes 0 and 1 from that of class reference[i]; they add up to mass[b]: (B, n) -> (B, n, 2)."""
    for b in range(of_reference.shape[0]):
        row, both = of_reference[b], out[b]
        for i in range(row.size):
            rest = max(mass[b] - row[i], 0.0)
            if reference[i] == 0:
                both[i, 0], both[i, 1] = row[i], rest
            else:
                both[i, 0], both[i, 1] = rest, row[i]


def warm() -> None:
    """Load (or compile) the kernels."""
    one = np.zeros((1, 1))
    group_rows(one, np.zeros(1, dtype=np.int32), one.copy())
    mix_rows(one, one, one.copy())
    spread_rows(one, np.zeros(1, dtype=np.int64), one[0], np.zeros((1, 1, 2)))
