"""Sums into the units of a layer, for many strings: compiled, and on all cores where there is much to do."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Multiplications below which one core is as fast as several.
_SERIAL = 4_000_000


def layer_sums(weights: Array, values: Array) -> Array:
    """z[s, j, n] = Σ_i weights[s, i, j] · values[s, i, n]: (S, inputs, units), (S or 1, inputs, n) -> (S, units, n).

    Sums run in the order of the inputs; strings are independent, so cores and batches do not change a bit. In single
    precision where both are float32, else in double.
    """
    from qhn_core.networks.sums import kernels

    matrix, inputs = np.ascontiguousarray(weights), np.ascontiguousarray(values)
    strings, fan_in, width = matrix.shape
    run = kernels.layer_sums_single if matrix.dtype == np.float32 else kernels.layer_sums
    out = np.empty((strings, width, inputs.shape[2]), matrix.dtype)
    workers = min(strings, _cores()) if strings * fan_in * width * inputs.shape[2] > _SERIAL else 1
    bounds = [strings * k // workers for k in range(workers + 1)]
    parts = [slice(bounds[k], bounds[k + 1]) for k in range(workers)]

    def work(part: slice) -> None:
        run(matrix[part], inputs if len(inputs) == 1 else inputs[part], out[part])

    try:
        others = [_pool().submit(work, part) for part in parts[1:]]
    except RuntimeError:  # the interpreter is ending, and executors refuse work
        parts, others = [slice(0, strings)], []
    work(parts[0])
    for other in others:
        other.result()
    return out


@cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, _cores() - 1), thread_name_prefix="qhn-network")
