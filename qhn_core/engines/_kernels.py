"""Kernels on blocks, rows and strips of a state. Real and imaginary parts are separate runs of one flat array.

Names used throughout: ``n`` bits, ``nb`` bits of a block (a *row* of M = 2**nb amplitudes), R = 2**(n − nb) rows,
S = 2**n. ``mem`` holds states, ``work`` scratch of the same type; other arguments named after a region are offsets
into ``work`` (:func:`layout`). All functions are serial; :mod:`._sweeps` runs them on pieces in parallel.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from qhn_core.engines import _loops as loops
from qhn_core.engines._cache import CACHE_FOLDER
from qhn_core.engines._plan import PAIRS, PHASE

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": CACHE_FOLDER is not None,
    "fastmath": {"contract", "nsz"},
    "error_model": "numpy",
}
LANES = 16  #: room for one vector of lanes, of either type


def kernel(function: Any) -> Any:
    """Compile a serial kernel."""
    return njit(**_OPTIONS)(function)


@kernel
def lane_bits(array):
    """Bits inside one 64-byte vector."""
    return 3 if array.itemsize == 8 else 4


@kernel
def resolve_angles(theta, matrix, numbers, angle, cosine, sine):
    """Angles α = A θ + a, and the cosine and sine of their halves.

    ``matrix`` holds, for n angles, n + 1 row pointers and then the slots; ``numbers`` n constants and then the
    coefficients: A in compressed rows.
    """
    count = angle.size
    for i in range(count):
        total = numbers[i]
        for k in range(matrix[i], matrix[i + 1]):
            total += numbers[count + k] * theta[matrix[count + 1 + k]]
        angle[i] = total
        if total == 0.0:
            cosine[i], sine[i] = 1.0, 0.0
        else:
            cosine[i], sine[i] = math.cos(0.5 * total), math.sin(0.5 * total)


@kernel
def transpose_angles(matrix, numbers, derivative, gradient):
    """∂/∂θ = Aᵀ ∂/∂α."""
    count = derivative.size
    gradient[:] = 0.0
    for i in range(count):
        for k in range(matrix[i], matrix[i + 1]):
            gradient[matrix[count + 1 + k]] += numbers[count + k] * derivative[i]


@kernel
def matrices(cosine, sine, first, reflect, n, inverse, work, mats):
    """RY(φ)·H^p of every bit, or the inverses, four numbers each."""
    for b in range(n):
        c, s, o = cosine[first + b], sine[first + b], mats + 4 * b
        if reflect >> b & 1:
            h = math.sqrt(0.5)
            work[o], work[o + 1], work[o + 2], work[o + 3] = h * (c - s), h * (c + s), h * (c + s), h * (s - c)
        else:
            if inverse:
                s = -s
            work[o], work[o + 1], work[o + 2], work[o + 3] = c, -s, s, c


@kernel
def _four(w, i):
    return (w[i], w[i + 1], w[i + 2], w[i + 3])


@kernel
def turn(mem, start, size, unit, work, mats, first, count, active):
    """Apply the matrices of bits first … first + count − 1, of which bit b has stride unit·2**b, to a real array."""
    b = 0
    if unit == 1:
        b = lane_bits(mem)
        if active & ((1 << b) - 1):
            m = _four(work, mats) + _four(work, mats + 4) + _four(work, mats + 8) + _four(work, mats + 12)
            loops.LANES(size, (mem,), (start,), (), m)
    while b < count:
        k = min(3, count - b)
        if active >> b & ((1 << k) - 1):
            stride, m0 = unit << b, mats + 4 * (first + b)
            step = stride << k
            if k == 3:
                m3 = _four(work, m0) + _four(work, m0 + 4) + _four(work, m0 + 8)
                for base in range(start, start + size, step):
                    loops.TURN3(stride, (mem,), (base,), (stride,), m3)
            elif k == 2:
                m2 = _four(work, m0) + _four(work, m0 + 4)
                for base in range(start, start + size, step):
                    loops.TURN2(stride, (mem,), (base,), (stride,), m2)
            else:
                m1 = _four(work, m0)
                for base in range(start, start + size, step):
                    loops.TURN1(stride, (mem,), (base,), (stride,), m1)
        b += k


@kernel
def turn_back(mem, psi, lam, size, unit, work, mats, first, count, active, sums):
    """The same to ψ and λ (with inverse matrices), adding Σ(λ1 ψ0 − λ0 ψ1) of each bit to its lanes in ``sums``."""
    b = 0
    if unit == 1:
        b = lane_bits(mem)
        if active & ((1 << b) - 1):
            m = _four(work, mats) + _four(work, mats + 4) + _four(work, mats + 8) + _four(work, mats + 12)
            loops.LANES_BACK(size, (mem, mem, work), (psi, lam, sums), (), m)
    lanes = 64 // mem.itemsize
    while b < count:
        k = min(3, count - b)
        if active >> b & ((1 << k) - 1):
            stride, m0, total = unit << b, mats + 4 * (first + b), sums + lanes * (first + b)
            step = stride << k
            if k == 3:
                m3 = _four(work, m0) + _four(work, m0 + 4) + _four(work, m0 + 8)
                for base in range(0, size, step):
                    loops.BACK3(stride, (mem, mem, work), (psi + base, lam + base, total), (stride,), m3)
            elif k == 2:
                m2 = _four(work, m0) + _four(work, m0 + 4)
                for base in range(0, size, step):
                    loops.BACK2(stride, (mem, mem, work), (psi + base, lam + base, total), (stride,), m2)
            else:
                m1 = _four(work, m0)
                for base in range(0, size, step):
                    loops.BACK1(stride, (mem, mem, work), (psi + base, lam + base, total), (stride,), m1)
        b += k


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
def rows_forward(mem, x, r0, r1, n, nb, stage, active, angle, pairs, work, low, high, mats, factor):
    """Real matrices of the low bits, then phases, on rows r0 … r1 − 1 of ψ at ``x``."""
    size, rows, states = 1 << nb, 1 << (n - nb), 1 << n
    for r in range(r0, r1):
        o = x + r * size
        if active & (size - 1):
            turn(mem, o, size, 1, work, mats, 0, nb, active & (size - 1))
            turn(mem, o + states, size, 1, work, mats, 0, nb, active & (size - 1))
        if stage[PHASE] >= 0:
            if factor >= 0:
                phase_row(work, factor, r, rows, high, nb, angle, pairs, stage[PAIRS], n)
                where = (o, o + states, low, low + size, factor, factor + size)
                loops.PHASE_ROWS(size, (mem, mem, work, work, work, work), where, (), ())
            else:
                e = (work[high + r], work[high + rows + r])
                loops.PHASE_ALL(size, (mem, mem, work, work), (o, o + states, low, low + size), (), e)


@kernel
def rows_unphase(mem, x, y, r0, r1, n, nb, stage, angle, pairs, work, low, high, factor, total, lanes, row_sums, cross):
    """Undo the phases on rows of ψ at ``x`` and λ at ``y``; t = Im(conj(λ)ψ) summed over rows and over columns."""
    size, rows, states = 1 << nb, 1 << (n - nb), 1 << n
    for r in range(r0, r1):
        p, q = x + r * size, y + r * size
        if factor >= 0:
            phase_row(work, factor, r, rows, high, nb, angle, pairs, stage[PAIRS], n)
            t = factor + 2 * size
            where = (p, p + states, q, q + states, low, low + size, factor, factor + size, total, t)
            arrays = (mem, mem, mem, mem, work, work, work, work, work, work)
            loops.PHASE_ROWS_BACK(size, arrays, where, (), ())
            row_sums[r] = parities(work, t, nb, lanes, cross, r, rows)
        else:
            clear(work, lanes, LANES)
            e = (work[high + r], work[high + rows + r])
            at = (p, p + states, q, q + states, low, low + size, total, lanes)
            loops.PHASE_BACK(size, (mem, mem, mem, mem, work, work, work, work), at, (), e)
            row_sums[r] = sum_lanes(work, lanes)


@kernel
def rows_turn_back(mem, x, y, r0, r1, n, nb, active, slots, work, mats, sums):
    """Undo the real matrices of the low bits on rows of ψ and λ, with their gradients if ``slots``."""
    size, states = 1 << nb, 1 << n
    low = active & (size - 1)
    for r in range(r0, r1):
        p, q = x + r * size, y + r * size
        for part in range(0, 2 * states, states):
            if slots:
                turn_back(mem, p + part, q + part, size, 1, work, mats, 0, nb, low, sums)
            else:
                turn(mem, p + part, size, 1, work, mats, 0, nb, low)
                turn(mem, q + part, size, 1, work, mats, 0, nb, low)


@kernel
def strip_columns(n, nb):
    """Columns of a strip: about 2**14 amplitudes, so that ψ and λ stay in a core's cache."""
    return max(16, min(256, 1 << max(0, 14 - (n - nb))))


@kernel
def pack(mem, source, work, strip, column, columns, rows, nb, maps, offset):
    """Copy a strip of columns, row by row, to scratch; through the relabelling at ``offset`` unless it is < 0."""
    for r in range(rows):
        o = strip + r * columns
        if offset < 0:
            base = source + (r << nb) + column
            for j in range(columns):
                work[o + j] = mem[base + j]
        else:
            high, low = maps[offset + (1 << nb) + r], offset + column
            for j in range(columns):
                work[o + j] = mem[source + (high ^ maps[low + j])]


@kernel
def unpack(mem, target, work, strip, column, columns, rows, nb, maps, offset):
    """The inverse of :func:`pack`."""
    for r in range(rows):
        o = strip + r * columns
        if offset < 0:
            base = target + (r << nb) + column
            for j in range(columns):
                mem[base + j] = work[o + j]
        else:
            high, low = maps[offset + (1 << nb) + r], offset + column
            for j in range(columns):
                mem[target + (high ^ maps[low + j])] = work[o + j]


@kernel
def strip_forward(mem, x, y, column, columns, n, nb, maps, offset, active, work, mats, strip):
    """Relabel and apply the high bits' matrices to a strip of ψ: from ``x`` to ``y``, which may be the same."""
    rows, states = 1 << (n - nb), 1 << n
    for part in range(0, 2 * states, states):
        pack(mem, x + part, work, strip, column, columns, rows, nb, maps, offset)
        turn(work, strip, rows * columns, columns, work, mats, nb, n - nb, active >> nb)
        unpack(mem, y + part, work, strip, column, columns, rows, nb, maps, -1)


@kernel
def strip_backward(mem, x, y, lx, ly, column, columns, n, nb, maps, offset, active, slots, work, mats, strip, sums):
    """Undo :func:`strip_forward` on ψ, from ``x`` to ``y``, and λ, from ``lx`` to ``ly``, with gradients."""
    rows, states = 1 << (n - nb), 1 << n
    size, high = rows * columns, active >> nb
    other = strip + size
    for part in range(0, 2 * states, states):
        pack(mem, x + part, work, strip, column, columns, rows, nb, maps, -1)
        pack(mem, lx + part, work, other, column, columns, rows, nb, maps, -1)
        if slots:
            turn_back(work, strip, other, size, columns, work, mats, nb, n - nb, high, sums)
        else:
            turn(work, strip, size, columns, work, mats, nb, n - nb, high)
            turn(work, other, size, columns, work, mats, nb, n - nb, high)
        unpack(mem, y + part, work, strip, column, columns, rows, nb, maps, offset)
        unpack(mem, ly + part, work, other, column, columns, rows, nb, maps, offset)


@kernel
def rows_probabilities(mem, x, r0, r1, n, nb, maps, offset, q):
    """q(w) = |ψ|² on rows, through the last relabelling."""
    size, states = 1 << nb, 1 << n
    for r in range(r0, r1):
        if r * size >= q.size:
            return
        many = min(size, q.size - r * size)
        if offset < 0:
            for j in range(r * size, r * size + many):
                re, im = np.float64(mem[x + j]), np.float64(mem[x + states + j])
                q[j] = re * re + im * im
        else:
            high = maps[offset + size + r]
            for j in range(many):
                v = x + (high ^ maps[offset + j])
                re, im = np.float64(mem[v]), np.float64(mem[v + states])
                q[r * size + j] = re * re + im * im


@kernel
def rows_adjoint(mem, x, y, r0, r1, n, nb, maps, offset, g):
    """λ = g ψ on rows, g read through the last relabelling; amplitudes of idle wires get 0."""
    size, states = 1 << nb, 1 << n
    for r in range(r0, r1):
        high = maps[offset + size + r] if offset >= 0 else r * size
        for j in range(size):
            w = r * size + j
            v = w if offset < 0 else high ^ maps[offset + j]
            value = g[w] if w < g.size else 0.0
            mem[y + v] = value * mem[x + v]
            mem[y + states + v] = value * mem[x + states + v]


@kernel
def relabel(mem, source, target, size, maps, offset):
    """A state of one block through the relabelling."""
    for part in range(0, 2 * size, size):
        for j in range(size):
            mem[target + part + j] = mem[source + part + maps[offset + j]]


@kernel
def relabel_back(mem, source, target, size, maps, offset):
    """Its inverse."""
    for part in range(0, 2 * size, size):
        for j in range(size):
            mem[target + part + maps[offset + j]] = mem[source + part + j]


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


@kernel
def add_pieces(work, first, step, pieces, size):
    """Add the arrays of pieces 1, 2, … to that of piece 0, in order."""
    for p in range(1, pieces):
        o = first + p * step
        for j in range(size):
            work[first + j] += work[o + j]
