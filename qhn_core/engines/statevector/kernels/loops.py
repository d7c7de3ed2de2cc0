"""The vector loops of the fast engine. Real matrices act alike on real and imaginary parts, so loops see one part.

A butterfly over k bits loads 2**k vectors, applies k two-by-two matrices in registers and stores: k passes for one.
Scalars are the matrices row by row, (m00, m01, m10, m11) for each bit.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from qhn_core.engines.statevector.kernels.simd import Frame, Vector, vector_loop

#: Bits inside one vector that a lane pass can see: three for float64, four for float32.
LANE_MATRICES = 4


def _offsets(frame: Frame, stride: ir.Value, bits: int) -> list[ir.Value]:
    return [frame.builder.mul(stride, ir.Constant(stride.type, i)) for i in range(1 << bits)]


def _apply(x: list[Vector], bit: int, m: list[Vector]) -> None:
    for i in range(len(x)):
        if not i >> bit & 1:
            j = i | 1 << bit
            x[i], x[j] = m[0] * x[i] + m[1] * x[j], m[2] * x[i] + m[3] * x[j]


def _overlap(total: Vector, psi: list[Vector], lam: list[Vector], bit: int) -> Vector:
    """Σ (λ1 ψ0 − λ0 ψ1) over pairs that differ in ``bit``: the derivative by the angle of RY."""
    for i in range(len(psi)):
        if not i >> bit & 1:
            j = i | 1 << bit
            total = total + lam[j] * psi[i] - lam[i] * psi[j]
    return total


def _turn(bits: int) -> Any:
    def body(frame: Frame, m: list[Vector], strides: list[ir.Value], _: list[Vector]) -> None:
        offsets = _offsets(frame, strides[0], bits)
        x = [frame.load(0, o) for o in offsets]
        for bit in range(bits):
            _apply(x, bit, m[4 * bit : 4 * bit + 4])
        for o, vector in zip(offsets, x, strict=True):
            frame.store(0, vector, o)

    return vector_loop(body)


def _turn_back(bits: int) -> Any:
    def body(frame: Frame, m: list[Vector], strides: list[ir.Value], sums: list[Vector]) -> list[Vector]:
        offsets = _offsets(frame, strides[0], bits)
        psi = [frame.load(0, o) for o in offsets]
        lam = [frame.load(1, o) for o in offsets]
        out = []
        for bit in range(bits):
            out.append(_overlap(sums[bit], psi, lam, bit))
            _apply(psi, bit, m[4 * bit : 4 * bit + 4])
            _apply(lam, bit, m[4 * bit : 4 * bit + 4])
        for o, one, two in zip(offsets, psi, lam, strict=True):
            frame.store(0, one, o)
            frame.store(1, two, o)
        return out

    return vector_loop(body, sums=bits)


def _lane_bits(frame: Frame) -> int:
    return frame.lanes.bit_length() - 1


def _lane_apply(x: Vector, bit: int, m: list[Vector]) -> Vector:
    there = x.swapped(1 << bit)
    return m[0].mixed(m[3], 1 << bit) * x + m[1].mixed(m[2], 1 << bit) * there


def _lanes(frame: Frame, m: list[Vector], _s: list[ir.Value], _: list[Vector]) -> None:
    x = frame.load(0)
    for bit in range(_lane_bits(frame)):
        x = _lane_apply(x, bit, m[4 * bit : 4 * bit + 4])
    frame.store(0, x)


def _lanes_back(frame: Frame, m: list[Vector], _s: list[ir.Value], sums: list[Vector]) -> list[Vector]:
    psi, lam = frame.load(0), frame.load(1)
    out = list(sums)
    for bit in range(_lane_bits(frame)):
        out[bit] = sums[bit] + lam * (psi.swapped(1 << bit) * frame.signs(1 << bit))
        psi = _lane_apply(psi, bit, m[4 * bit : 4 * bit + 4])
        lam = _lane_apply(lam, bit, m[4 * bit : 4 * bit + 4])
    frame.store(0, psi)
    frame.store(1, lam)
    return out


def _times(ar: Vector, ai: Vector, br: Vector, bi: Vector) -> tuple[Vector, Vector]:
    return ar * br - ai * bi, ar * bi + ai * br


def _phase(frame: Frame, e: list[Vector], _s: list[ir.Value], _: list[Vector]) -> None:
    """ψ ← e·T·ψ; streams ψr ψi Tr Ti; scalars er ei."""
    fr, fi = _times(e[0], e[1], frame.load(2), frame.load(3))
    re, im = _times(fr, fi, frame.load(0), frame.load(1))
    frame.store(0, re)
    frame.store(1, im)


def _phase_rows(frame: Frame, _m: list[Vector], _s: list[ir.Value], _: list[Vector]) -> None:
    """ψ ← F·T·ψ; streams ψr ψi Tr Ti Fr Fi."""
    fr, fi = _times(frame.load(4), frame.load(5), frame.load(2), frame.load(3))
    re, im = _times(fr, fi, frame.load(0), frame.load(1))
    frame.store(0, re)
    frame.store(1, im)


def _unphase(frame: Frame, fr: Vector, fi: Vector) -> Vector:
    """(ψ, λ) ← conj(f)·(ψ, λ); returns t = Im(conj(λ) ψ), which the phase does not change."""
    pr, pi, lr, li = (frame.load(i) for i in range(4))
    t = lr * pi - li * pr
    frame.store(0, fr * pr + fi * pi)
    frame.store(1, fr * pi - fi * pr)
    frame.store(2, fr * lr + fi * li)
    frame.store(3, fr * li - fi * lr)
    return t


def _phase_back(frame: Frame, e: list[Vector], _s: list[ir.Value], sums: list[Vector]) -> list[Vector]:
    """Streams ψr ψi λr λi Tr Ti, and one to which t is added; scalars er ei; sums t."""
    fr, fi = _times(e[0], e[1], frame.load(4), frame.load(5))
    t = _unphase(frame, fr, fi)
    frame.store(6, frame.load(6) + t)
    return [sums[0] + t]


def _phase_rows_back(frame: Frame, _m: list[Vector], _s: list[ir.Value], _: list[Vector]) -> None:
    """Streams ψr ψi λr λi Tr Ti Fr Fi, one to which t is added and one that receives it."""
    fr, fi = _times(frame.load(6), frame.load(7), frame.load(4), frame.load(5))
    t = _unphase(frame, fr, fi)
    frame.store(8, frame.load(8) + t)
    frame.store(9, t)


def _contract(frame: Frame, h: list[Vector], _s: list[ir.Value], sums: list[Vector]) -> list[Vector]:
    """u ← u + h·λ, and Σ λ·v; streams λ v u; scalar h."""
    lam = frame.load(0)
    frame.store(2, frame.load(2) + h[0] * lam)
    return [sums[0] + lam * frame.load(1)]


def _fold(frame: Frame, _m: list[Vector], strides: list[ir.Value], sums: list[Vector]) -> list[Vector]:
    """lower ← lower + upper half, and Σ (lower − upper)."""
    low, high = frame.load(0), frame.load(0, strides[0])
    frame.store(0, low + high)
    return [sums[0] + (low - high)]


def _double(frame: Frame, e: list[Vector], strides: list[ir.Value], _: list[Vector]) -> None:
    """Upper half ← (c + i s)·T, lower ← (c − i s)·T; streams Tr Ti; scalars c s."""
    tr, ti = frame.load(0), frame.load(1)
    cr, si, ci, sr = e[0] * tr, e[1] * ti, e[0] * ti, e[1] * tr
    frame.store(0, cr + si)
    frame.store(1, ci - sr)
    frame.store(0, cr - si, strides[0])
    frame.store(1, ci + sr, strides[0])


def _double_by(frame: Frame, _m: list[Vector], strides: list[ir.Value], _: list[Vector]) -> None:
    """Upper half ← conj(F)·T, lower ← F·T; streams Tr Ti Fr Fi."""
    tr, ti, fr, fi = (frame.load(i) for i in range(4))
    cr, si, ci, sr = fr * tr, fi * ti, fr * ti, fi * tr
    frame.store(0, cr - si)
    frame.store(1, ci + sr)
    frame.store(0, cr + si, strides[0])
    frame.store(1, ci - sr, strides[0])


def _scaled_copy(frame: Frame, h: list[Vector], _s: list[ir.Value], _: list[Vector]) -> None:
    """Stream 0 ← h · stream 1."""
    frame.store(0, h[0] * frame.load(1))


TURN1, TURN2, TURN3 = _turn(1), _turn(2), _turn(3)
BACK1, BACK2, BACK3 = _turn_back(1), _turn_back(2), _turn_back(3)
LANES = vector_loop(_lanes)
LANES_BACK = vector_loop(_lanes_back, sums=LANE_MATRICES)
PHASE_ALL = vector_loop(_phase)
PHASE_ROWS = vector_loop(_phase_rows)
PHASE_BACK = vector_loop(_phase_back, sums=1)
PHASE_ROWS_BACK = vector_loop(_phase_rows_back)
CONTRACT = vector_loop(_contract, sums=1)
FOLD = vector_loop(_fold, sums=1)
DOUBLE = vector_loop(_double)
DOUBLE_BY = vector_loop(_double_by)
SCALED_COPY = vector_loop(_scaled_copy)
