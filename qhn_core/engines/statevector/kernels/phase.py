"""Kernels of diagonal operations: tables of phases, and the parities that are their derivatives."""

# mypy: allow-untyped-defs
from __future__ import annotations

import math

import numpy as np

from qhn_core.engines.statevector.kernels import loops
from qhn_core.engines.statevector.kernels.base import LANES, clear, kernel, lane_bits, sum_lanes
from qhn_core.engines.statevector.kernels.real import turn
from qhn_core.engines.statevector.program import PAIRS, PHASE


@kernel
def _double(work, tr, ti, bit, c, s):
    """Add a bit to a table of phases: upper half T·e^{iα/2}, lower T·e^{−iα/2}."""
    half = 1 << bit
    if bit >= lane_bits(work):
        loops.DOUBLE(half, (work, work), (tr, ti), (half,), (c, s))
        return
    for j in range(half):
        re, im = work[tr + j], work[ti + j]
        work[tr + j], work[ti + j] = c * re + s * im, c * im - s * re
        work[tr + j + half], work[ti + j + half] = c * re - s * im, c * im + s * re


@kernel
def _double_by(work, tr, ti, fr, fi, bit):
    """Add a bit to a table of phases: upper half conj(F)·T, lower F·T."""
    half = 1 << bit
    if bit >= lane_bits(work):
        loops.DOUBLE_BY(half, (work, work, work, work), (tr, ti, fr, fi), (half,), ())
        return
    for j in range(half):
        re, im, gr, gi = work[tr + j], work[ti + j], work[fr + j], work[fi + j]
        work[tr + j], work[ti + j] = gr * re - gi * im, gr * im + gi * re
        work[tr + j + half], work[ti + j + half] = gr * re + gi * im, gr * im - gi * re


@kernel
def phase_table(work, table, low, count, cosine, sine, first, pairs, offset, n):
    """Table of 2**count phases exp(−i/2 (Σ α_a z_a + Σ α_ab z_a z_b)) of bits low … low + count − 1; real, imaginary.

    Built by doubling. The factor of a new bit with the earlier ones is itself a product, built by doubling in the
    half of the table that is still free: all pairs together cost as much as a few products.
    """
    tr, ti = table, table + (1 << count)
    work[tr], work[ti] = 1.0, 0.0
    for i in range(count):
        a = first + low + i
        last = -1
        if offset >= 0:
            for k in range(i):
                if pairs[offset + (low + i) * n + low + k] >= 0:
                    last = k
        if last < 0:
            _double(work, tr, ti, i, cosine[a], sine[a])
            continue
        half = 1 << i
        fr, fi = tr + half, ti + half
        work[fr], work[fi] = cosine[a], -sine[a]
        for k in range(i):
            p = pairs[offset + (low + i) * n + low + k]
            if p >= 0:
                _double(work, fr, fi, k, cosine[p], sine[p])
            else:
                _double(work, fr, fi, k, 1.0, 0.0)
        _double_by(work, tr, ti, fr, fi, i)


@kernel
def phase_row(work, table, row, rows, high, nb, angle, pairs, offset, n):
    """Table over a row of the phases that depend on the row: of its own bits, and of pairs across."""
    fr, fi = table, table + (1 << nb)
    work[fr], work[fi] = work[high + row], work[high + rows + row]
    for b in range(nb):
        total = 0.0
        for p in range(nb, n):
            pair = pairs[offset + p * n + b]
            if pair >= 0:
                total += -angle[pair] if row >> (p - nb) & 1 else angle[pair]
        _double(work, fr, fi, b, math.cos(0.5 * total), math.sin(0.5 * total))


@kernel
def parities(work, start, bits, lanes, out, first, step):
    """Σ z_b t for every bit b, to out[first + b·step], and Σ t, returned; destroys t."""
    small = min(bits, lane_bits(work))
    for b in range(bits - 1, small - 1, -1):
        half = 1 << b
        clear(work, lanes, LANES)
        loops.FOLD(half, (work, work), (start, lanes), (half,), ())
        out[first + b * step] = sum_lanes(work, lanes)
    total = 0.0
    for b in range(small):
        out[first + b * step] = 0.0
    for i in range(1 << small):
        t = np.float64(work[start + i])
        total += t
        for b in range(small):
            out[first + b * step] += -t if i >> b & 1 else t
    return total


@kernel
def row_parities(sums, start, bits, out, first):
    """Σ z_b t for every bit b of a float64 array, to out[first + b]."""
    for b in range(bits):
        total = 0.0
        for i in range(1 << bits):
            total += -sums[start + i] if i >> b & 1 else sums[start + i]
        out[first + b] = total


@kernel
def one_parity(sums, start, bits, a):
    """Σ z_a t of a float64 array."""
    total = 0.0
    for i in range(1 << bits):
        total += -sums[start + i] if i >> a & 1 else sums[start + i]
    return total


@kernel
def row_pair_parity(sums, start, bits, a, b):
    """Σ z_a z_b t of a float64 array."""
    total = 0.0
    for i in range(1 << bits):
        total += -sums[start + i] if (i >> a ^ i >> b) & 1 else sums[start + i]
    return total


@kernel
def phase_gradient(work, total, flat, lanes, row_sums, stage, pairs, n, nb, out):
    """Derivatives by the angles of a phase operation, from t summed over rows (at ``total``) and over columns.

    All one- and two-body parities of t come from one Walsh–Hadamard transform of each of the two sums; pairs across
    from the low bits' parities of every row.
    """
    first, offset, rows = stage[PHASE], stage[PAIRS], 1 << (n - nb)
    row_parities(row_sums, 0, n - nb, out, first + nb)
    if offset < 0:
        parities(work, total, nb, lanes, out, first, 1)
        return
    turn(work, total, 1 << nb, 1, work, flat, 0, nb, (1 << nb) - 1)
    for b in range(nb):
        out[first + b] = work[total + (1 << b)]
    for a in range(n):
        for b in range(a):
            p = pairs[offset + a * n + b]
            if p < 0:
                continue
            if a < nb:
                out[p] = work[total + (1 << a | 1 << b)]
            elif b >= nb:
                out[p] = row_pair_parity(row_sums, 0, n - nb, a - nb, b - nb)
            else:
                out[p] = one_parity(row_sums, rows * (1 + b), n - nb, a - nb)
