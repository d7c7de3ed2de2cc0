"""The compiled inner loop of perceptrons; imported at first use.

Every sum runs over its terms one after the other, four at a time: the same bits as term by term, whatever the batch.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

from typing import Any

from numba import types

from qhn_core.compiled.base import kernel

#: Examples worked on together: their sums and inputs stay in the nearest cache.
_BLOCK = 256
_given = types.Array(types.float64, 3, "C", readonly=True)


@kernel(_given, _given, types.Array(types.float64, 3, "C"))
def layer_sums(weights, values, out):
    """out[s, j, n] = Σ_i weights[s, i, j] · values[s or 0, i, n], in the order of i."""
    strings, fan_in, width = weights.shape
    examples = values.shape[2]
    for s in range(strings):
        x = values[s % values.shape[0]]
        for start in range(0, examples, _BLOCK):
            stop = min(start + _BLOCK, examples)
            for j in range(width):
                z = out[s, j, start:stop]
                first, w = x[0, start:stop], weights[s, 0, j]
                for n in range(z.size):
                    z[n] = w * first[n]
                i = 1
                while i + 4 <= fan_in:
                    w0, w1, w2, w3 = weights[s, i, j], weights[s, i + 1, j], weights[s, i + 2, j], weights[s, i + 3, j]
                    x0, x1 = x[i, start:stop], x[i + 1, start:stop]
                    x2, x3 = x[i + 2, start:stop], x[i + 3, start:stop]
                    for n in range(z.size):
                        z[n] = (((z[n] + w0 * x0[n]) + w1 * x1[n]) + w2 * x2[n]) + w3 * x3[n]
                    i += 4
                while i < fan_in:
                    w, row = weights[s, i, j], x[i, start:stop]
                    for n in range(z.size):
                        z[n] += w * row[n]
                    i += 1


_given_single = types.Array(types.float32, 3, "C", readonly=True)
_sums: Any = layer_sums
#: The same in single precision.
layer_sums_single = kernel(_given_single, _given_single, types.Array(types.float32, 3, "C"))(_sums.py_func)
