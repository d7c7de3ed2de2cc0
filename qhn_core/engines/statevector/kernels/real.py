"""Kernels that apply the real 2×2 matrices of RY and Hadamard, and undo them with their derivatives."""

# mypy: allow-untyped-defs
from __future__ import annotations

from qhn_core.engines.statevector.kernels import loops
from qhn_core.engines.statevector.kernels.base import kernel, lane_bits


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
