"""Strings drawn from tables of probabilities, and means over them."""

from __future__ import annotations

import numpy as np
from numba import types

from qhn_core.compiled.base import I8, IN2, INDEX2, OUT1, kernel

#: Most partial sums of a distribution that are kept while strings are drawn from it; both powers of two.
KEPT = 1 << 16


@kernel(IN2, IN2, types.Array(types.int64, 2, "C"))
def draw_rows(q, uniform, out):  # type: ignore[no-untyped-def]
    """out[k, s] = first index whose cumulative share of q_k exceeds uniform[k, s] ∈ [0, 1).

    The cumulative is kept at the ends of runs of ``stride`` entries, and a run is added up again where a draw falls
    into it: the same numbers as if all were kept, without a second vector of the size of q.
    """
    n = q.shape[1]
    stride = max(1, n // KEPT)
    runs = n // stride
    buckets = min(4 * runs, 2048)
    cumulative, guide = np.empty(runs), np.empty(buckets + 1, dtype=np.int64)
    for k in range(q.shape[0]):
        total, last = 0.0, 0
        for run in range(runs):
            for j in range(run * stride, (run + 1) * stride):
                total += q[k, j]
                if q[k, j] > 0.0:
                    last = j
            cumulative[run] = total
        # guide[g]: first run whose cumulative exceeds the share g / buckets; a search needs only look between two.
        run, last_run = 0, last // stride
        for g in range(buckets):
            share = g / buckets * total
            while run < last_run and cumulative[run] <= share:
                run += 1
            guide[g] = run
        guide[buckets] = last_run
        for s in range(uniform.shape[1]):
            target, g = uniform[k, s] * total, int(uniform[k, s] * buckets)
            start, end = guide[g], guide[g + 1]
            while start < end:
                middle = (start + end) >> 1
                if cumulative[middle] <= target:
                    start = middle + 1
                else:
                    end = middle
            if stride > 1:
                share = cumulative[start - 1] if start else 0.0
                start *= stride
                share += q[k, start]
                while start < last and share <= target:
                    start += 1
                    share += q[k, start]
            out[k, s] = start


@kernel(IN2, INDEX2, I8, OUT1)
def mean_at(table, index, row, out):  # type: ignore[no-untyped-def]
    """out_k = mean over s of table[row_k, index[k, s]]."""
    for k in range(index.shape[0]):
        values, total = table[row[k]], 0.0
        for s in range(index.shape[1]):
            total += values[index[k, s]]
        out[k] = total / index.shape[1]
