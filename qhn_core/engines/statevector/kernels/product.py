"""Kernels of the product state that a circuit begins with, and its derivatives."""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from qhn_core.engines.statevector.kernels import loops
from qhn_core.engines.statevector.kernels.base import LANES, clear, kernel, lane_bits, sum_lanes


@kernel
def product_levels(work, start, mats, low, count):
    """Products of the first columns of the matrices of bits low … low + count − 1.

    Level b, the product over the first b bits, has 2**b entries from ``start`` + 2**b on.
    """
    work[start + 1] = 1.0
    for b in range(count):
        zero, one = work[mats + 4 * (low + b)], work[mats + 4 * (low + b) + 2]
        half = 1 << b
        here, there = start + half, start + 2 * half
        if b >= lane_bits(work):
            loops.SCALED_COPY(half, (work, work), (there, here), (), (zero,))
            loops.SCALED_COPY(half, (work, work), (there + half, here), (), (one,))
        else:
            for j in range(half):
                work[there + j], work[there + half + j] = zero * work[here + j], one * work[here + j]


@kernel
def product_gradient(work, u, levels, mats, low, count, out, first):
    """⟨u| ∂_φ (product)⟩ for the angle of each bit, by contracting one bit after the other; destroys u."""
    for b in range(count - 1, -1, -1):
        zero, one = work[mats + 4 * (low + b)], work[mats + 4 * (low + b) + 2]
        half = 1 << b
        here = levels + half
        total = 0.0
        for j in range(half):
            total += np.float64((work[u + half + j] * zero - work[u + j] * one) * work[here + j])
        for j in range(half):
            work[u + j] = work[u + j] * zero + work[u + half + j] * one
        out[first + b] = total


@kernel
def rows_product(mem, x, r0, r1, n, nb, work, low, high):
    """ψ = product state on rows, from the products over low and over high bits."""
    size, states = 1 << nb, 1 << n
    for r in range(r0, r1):
        o = x + r * size
        loops.SCALED_COPY(size, (mem, work), (o, low), (), (work[high + r],))
        clear(mem, o + states, size)


@kernel
def rows_contract(mem, y, r0, r1, nb, work, low, high, total, lanes, row_sums):
    """Contract rows of Re λ with the low product (to row_sums), and their sum weighted by the high product."""
    size = 1 << nb
    for r in range(r0, r1):
        clear(work, lanes, LANES)
        where = (y + r * size, low, total, lanes)
        loops.CONTRACT(size, (mem, work, work, work), where, (), (work[high + r],))
        row_sums[r] = sum_lanes(work, lanes)
