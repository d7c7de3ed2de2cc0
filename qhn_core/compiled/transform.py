"""Walsh–Hadamard transform of rows, and what is diagonal in its basis."""

from __future__ import annotations

import numpy as np

from qhn_core.compiled.base import BLOCK, IN1, OUT1, OUT2, kernel

#: Entries of a transform that are finished inside the first-level cache before going on.
CACHED = 4096


@kernel()
def _radix8(x: np.ndarray) -> None:
    for s in range(0, x.size, 8):
        v = x[s : s + 8]
        a0, a1, a2, a3 = v[0] + v[1], v[0] - v[1], v[2] + v[3], v[2] - v[3]
        a4, a5, a6, a7 = v[4] + v[5], v[4] - v[5], v[6] + v[7], v[6] - v[7]
        b0, b1, b2, b3 = a0 + a2, a1 + a3, a0 - a2, a1 - a3
        b4, b5, b6, b7 = a4 + a6, a5 + a7, a4 - a6, a5 - a7
        v[0], v[1], v[2], v[3] = b0 + b4, b1 + b5, b2 + b6, b3 + b7
        v[4], v[5], v[6], v[7] = b0 - b4, b1 - b5, b2 - b6, b3 - b7


@kernel()
def _radix4(x: np.ndarray, h: int) -> None:
    for s in range(0, x.size, 4 * h):
        a, b, c, d = x[s : s + h], x[s + h : s + 2 * h], x[s + 2 * h : s + 3 * h], x[s + 3 * h : s + 4 * h]
        for j in range(h):
            p, q, r, t = a[j] + b[j], a[j] - b[j], c[j] + d[j], c[j] - d[j]
            a[j], b[j], c[j], d[j] = p + r, q + t, p - r, q - t


@kernel()
def _radix2(x: np.ndarray, h: int) -> None:
    for s in range(0, x.size, 2 * h):
        a, b = x[s : s + h], x[s + h : s + 2 * h]
        for j in range(h):
            p, q = a[j], b[j]
            a[j], b[j] = p + q, p - q


@kernel()
def _butterflies(x: np.ndarray, h: int) -> None:
    while 4 * h <= x.size:
        _radix4(x, h)
        h *= 4
    if 2 * h <= x.size:
        _radix2(x, h)


@kernel()
def transform(row: np.ndarray) -> None:
    h = 1
    if row.size >= 8:
        h = min(row.size, CACHED)
        for s in range(0, row.size, h):
            _radix8(row[s : s + h])
            _butterflies(row[s : s + h], 8)
    _butterflies(row, h)


@kernel()
def smooth(row: np.ndarray, eigenvalues: np.ndarray) -> float:
    """row <- K row in place, and the quadratic form rowᵀ K row of the old row; eigenvalues hold the factor 2^−N."""
    transform(row)
    total = 0.0
    for s in range(0, row.size, BLOCK):
        u, v = row[s : s + BLOCK], eigenvalues[s : s + BLOCK]
        part = 0.0
        for j in range(u.size):
            weighted = u[j] * v[j]
            part += u[j] * weighted
            u[j] = weighted
        total += part
    transform(row)
    return total


@kernel(OUT2)
def transform_rows(x):  # type: ignore[no-untyped-def]
    """Unnormalised Walsh–Hadamard transform of every row, in place."""
    for b in range(x.shape[0]):
        transform(x[b])


@kernel(OUT2, IN1, OUT1)
def smooth_rows(x, eigenvalues, quadratic):  # type: ignore[no-untyped-def]
    """x_b <- K x_b in place; quadratic_b = x_bᵀ K x_b of the old x_b."""
    for b in range(x.shape[0]):
        quadratic[b] = smooth(x[b], eigenvalues)
