"""What all kernels share: how they are compiled, vectors of lanes, sums in a fixed order."""

# mypy: allow-untyped-defs
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from qhn_core.engines.statevector.kernel_cache import CACHE_FOLDER

#: How kernels of this engine are compiled.
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": CACHE_FOLDER is not None,
    "fastmath": {"contract", "nsz"},
    "error_model": "numpy",
}
LANES = 16  #: room for one vector of lanes, of either type


def kernel(function: Any) -> Any:
    """Compile a serial kernel."""
    return njit(**OPTIONS)(function)


@kernel
def lane_bits(array):
    """Bits inside one 64-byte vector."""
    return 3 if array.itemsize == 8 else 4


@kernel
def sum_lanes(work, start):
    """Sum of one vector of lanes, in float64."""
    total = 0.0
    for i in range(start, start + 64 // work.itemsize):
        total += np.float64(work[i])
    return total


@kernel
def clear(work, start, size):
    """Fill with zeros."""
    for i in range(start, start + size):
        work[i] = 0.0


@kernel
def add_pieces(work, first, step, pieces, size):
    """Add the arrays of pieces 1, 2, … to that of piece 0, in order."""
    for p in range(1, pieces):
        o = first + p * step
        for j in range(size):
            work[first + j] += work[o + j]
