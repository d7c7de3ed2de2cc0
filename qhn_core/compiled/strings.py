"""Between bits and indices of strings, wire 0 most significant."""

from __future__ import annotations

import numpy as np
from numba import types

from qhn_core.compiled.base import BITS2, I8, kernel


@kernel(BITS2, types.Array(types.int64, 1, "C"))
def index_rows(bits, out):  # type: ignore[no-untyped-def]
    """out_s = index of the string bits_s, (S, N) -> (S,)."""
    for s in range(bits.shape[0]):
        index = np.int64(0)
        for i in range(bits.shape[1]):
            index = (index << 1) | np.int64(bits[s, i])
        out[s] = index


@kernel(I8, types.Array(types.uint8, 2, "C"))
def bits_rows(index, out):  # type: ignore[no-untyped-def]
    """Its inverse: (S,) -> (S, N)."""
    n = out.shape[1]
    for s in range(index.size):
        for i in range(n):
            out[s, i] = (index[s] >> (n - 1 - i)) & 1
