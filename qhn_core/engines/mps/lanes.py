"""Loops over complex vectors of several strings side by side, emitted as vector instructions.

Eight strings fill a vector of ``WIDTH`` lanes. A complex vector of n elements lies in one flat float64 array: element a
has its real parts at 2·WIDTH·a and its imaginary parts WIDTH further. Left to itself LLVM would not keep the sums in
registers, as it cannot prove that the arrays do not overlap; and views of arrays cost more than what is done in them.
All arguments ``…_at`` are offsets, in elements of the array before them.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from qhn_core.engines.statevector.kernels.simd import Vector

#: Strings side by side.
WIDTH = 8

_DOUBLE, _INDEX = ir.DoubleType(), ir.IntType(64)
_LANES = ir.VectorType(_DOUBLE, WIDTH)


class Emit:
    """Loads, stores and loops at given offsets of arrays of float64 or complex128."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def constant(self, value: int) -> ir.Value:
        """An index."""
        return ir.Constant(_INDEX, value)

    def at(self, *terms: Any) -> ir.Value:
        """Σ of indices; a pair is a product."""
        total: ir.Value = self.constant(0)
        for term in terms:
            parts = term if isinstance(term, tuple) else (term,)
            product: ir.Value = self.constant(1)
            for part in parts:
                product = self.builder.mul(product, self.constant(part) if isinstance(part, int) else part)
            total = self.builder.add(total, product)
        return total

    def load(self, pointer: ir.Value, at: ir.Value) -> Vector:
        """The lanes from element ``at`` on."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), _LANES.as_pointer())
        return Vector(self.builder, self.builder.load(place, align=8))

    def store(self, pointer: ir.Value, at: ir.Value, vector: Vector) -> None:
        """Write lanes from element ``at`` on."""
        place = self.builder.bitcast(self.builder.gep(pointer, [at]), _LANES.as_pointer())
        self.builder.store(vector.value, place, align=8)

    def complex(self, pointer: ir.Value, at: ir.Value) -> tuple[Vector, Vector]:
        """A vector's element that begins at ``at``: real and imaginary lanes."""
        return self.load(pointer, at), self.load(pointer, self.at(at, WIDTH))

    def splat(self, pointer: ir.Value, at: ir.Value) -> Vector:
        """The number at ``at``, in all lanes."""
        scalar = self.builder.load(self.builder.gep(pointer, [at]))
        single = self.builder.insert_element(ir.Constant(_LANES, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return Vector(self.builder, self.builder.shuffle_vector(single, single, mask))

    def zero(self) -> Vector:
        """Zeros."""
        return Vector(self.builder, ir.Constant(_LANES, [0.0] * WIDTH))

    def add_lanes(self, pointer: ir.Value, at: ir.Value, vector: Vector) -> None:
        """Add the sum of the lanes, halves first, to the number at ``at``."""
        value, lanes = vector.value, WIDTH
        while lanes > 1:
            lanes //= 2
            halves = [ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(k, k + lanes))) for k in (0, lanes)]
            low, high = (self.builder.shuffle_vector(value, value, half) for half in halves)
            value = self.builder.fadd(low, high)
        place = self.builder.gep(pointer, [at])
        scalar = self.builder.extract_element(value, ir.Constant(ir.IntType(32), 0))
        self.builder.store(self.builder.fadd(self.builder.load(place), scalar), place)

    def sums(self, count: ir.Value, many: int, body: Callable[[ir.Value], tuple[Vector, ...]]) -> list[Vector]:
        """Running sums of what ``body`` gives for 0 … count − 1, kept in registers."""
        slots = [cgutils.alloca_once_value(self.builder, self.zero().value) for _ in range(many)]
        for slot in slots:
            self.builder.store(self.zero().value, slot)
        with cgutils.for_range(self.builder, count) as loop:
            for slot, value in zip(slots, body(loop.index), strict=True):
                self.builder.store((Vector(self.builder, self.builder.load(slot)) + value).value, slot)
        return [Vector(self.builder, self.builder.load(slot)) for slot in slots]


def _lane_loop(body: Callable[..., None]) -> Any:
    """A Numba intrinsic of ``body(emit, *arguments)``: arrays come as pointers to float64, integers as they are."""

    def typed(typingctx: Any, arguments: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
            emit, given = Emit(builder), []
            for k, kind in enumerate(sig.args[0]):
                value = builder.extract_value(args[0], k)
                if isinstance(kind, types.Array):
                    data = cgutils.create_struct_proxy(kind)(context, builder, value=value).data
                    given.append(builder.bitcast(data, _DOUBLE.as_pointer()))
                else:
                    given.append(context.cast(builder, value, kind, types.int64))
            body(emit, *given)
            return context.get_dummy_value()

        return types.void(arguments), codegen

    return intrinsic(typed)


def _multiply(emit, outs, ins, t, t_at, in_step, out_step, x, x_at, z, z_at):
    with cgutils.for_range(emit.builder, outs) as out:

        def term(i):
            at = emit.at((2, t_at), (2, i, in_step), (2, out.index, out_step))
            tr, ti = emit.splat(t, at), emit.splat(t, emit.at(at, 1))
            xr, xi = emit.complex(x, emit.at(x_at, (2 * WIDTH, i)))
            return tr * xr - ti * xi, tr * xi + ti * xr

        re, im = emit.sums(ins, 2, term)
        at = emit.at(z_at, (2 * WIDTH, out.index))
        emit.store(z, at, re)
        emit.store(z, emit.at(at, WIDTH), im)


def _inner(emit, count, x, x_at, y, y_at, out, out_at):
    def term(a):
        xr, xi = emit.complex(x, emit.at(x_at, (2 * WIDTH, a)))
        yr, yi = emit.complex(y, emit.at(y_at, (2 * WIDTH, a)))
        return (xr * yr + xi * yi,)

    emit.store(out, out_at, emit.sums(count, 1, term)[0])


def _join(emit, count, x, x_at, y, y_at, out, out_at):
    def term(a):
        xr, xi = emit.complex(x, emit.at(x_at, (2 * WIDTH, a)))
        yr, yi = emit.complex(y, emit.at(y_at, (2 * WIDTH, a)))
        return xr * yr - xi * yi, xr * yi + xi * yr

    for k, total in enumerate(emit.sums(count, 2, term)):
        emit.store(out, emit.at(out_at, k * WIDTH), total)


def _choose(emit, count, mask, mask_at, z, zero_at, one_at, v, v_at):
    keep, take = emit.load(mask, mask_at), emit.load(mask, emit.at(mask_at, WIDTH))
    with cgutils.for_range(emit.builder, emit.at((2, count))) as part:
        step = emit.at((WIDTH, part.index))
        zero, one = emit.load(z, emit.at(zero_at, step)), emit.load(z, emit.at(one_at, step))
        emit.store(v, emit.at(v_at, step), keep * zero + take * one)


def _scale(emit, count, factor, factor_at, x, x_at, y, y_at):
    by = emit.load(factor, factor_at)
    with cgutils.for_range(emit.builder, emit.at((2, count))) as part:
        step = emit.at((WIDTH, part.index))
        emit.store(y, emit.at(y_at, step), by * emit.load(x, emit.at(x_at, step)))


def _add(emit, count, x, x_at, y, y_at):
    with cgutils.for_range(emit.builder, emit.at((2, count))) as part:
        step = emit.at((WIDTH, part.index))
        at = emit.at(y_at, step)
        emit.store(y, at, emit.load(y, at) + emit.load(x, emit.at(x_at, step)))


def _outer(emit, rows, columns, x, x_at, f, f_at, y, y_at, slope, slope_at):
    fr, fi = emit.complex(f, f_at)
    with cgutils.for_range(emit.builder, rows) as row:
        xr, xi = emit.complex(x, emit.at(x_at, (2 * WIDTH, row.index)))
        pr, pi = xr * fr - xi * fi, xr * fi + xi * fr
        with cgutils.for_range(emit.builder, columns) as column:
            yr, yi = emit.complex(y, emit.at(y_at, (2 * WIDTH, column.index)))
            at = emit.at((2, slope_at), (2, row.index, columns), (2, column.index))
            emit.add_lanes(slope, at, pr * yr - pi * yi)
            emit.add_lanes(slope, emit.at(at, 1), pr * yi + pi * yr)


#: multiply((outs, ins, t, t_at, in_step, out_step, x, x_at, z, z_at)): z_o = Σ_i t[t_at + i·in_step + o·out_step] x_i.
multiply = _lane_loop(_multiply)
#: inner((count, x, x_at, y, y_at, out, out_at)): out = Re Σ_a conj(x_a) y_a.
inner = _lane_loop(_inner)
#: join((count, x, x_at, y, y_at, out, out_at)): out = Σ_a x_a y_a, complex.
join = _lane_loop(_join)
#: choose((count, mask, mask_at, z, zero_at, one_at, v, v_at)): v = mask₀ · z(zero_at) + mask₁ · z(one_at).
choose = _lane_loop(_choose)
#: scale((count, factor, factor_at, x, x_at, y, y_at)): y = factor · x, a factor for each lane.
scale = _lane_loop(_scale)
#: add((count, x, x_at, y, y_at)): y += x.
add = _lane_loop(_add)
#: outer((rows, columns, x, x_at, f, f_at, y, y_at, slope, slope_at)): slope[a, b] += Σ_lanes f x_a y_b, all complex.
outer = _lane_loop(_outer)
