"""Kernels on rows of a state: low bits and phases, there and back, and what lies between the two sweeps."""

# mypy: allow-untyped-defs
from __future__ import annotations

import numpy as np

from qhn_core.engines.statevector.kernels import loops
from qhn_core.engines.statevector.kernels.base import LANES, clear, kernel, sum_lanes
from qhn_core.engines.statevector.kernels.phase import parities, phase_row
from qhn_core.engines.statevector.kernels.real import turn, turn_back
from qhn_core.engines.statevector.program import PAIRS, PHASE


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
