"""Kernels that move a state: relabelling, and high bits in strips of columns."""

# mypy: allow-untyped-defs
from __future__ import annotations

from qhn_core.engines.statevector.kernels.base import kernel
from qhn_core.engines.statevector.kernels.real import turn, turn_back


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
