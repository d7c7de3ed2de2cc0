"""Vector loops for Numba, emitted as LLVM vector instructions instead of left to the auto-vectoriser.

LLVM does not vectorise an in-place butterfly over eight strided streams of one array: it cannot prove that they do
not overlap. Here a loop body is a Python function over :class:`Vector` values; :func:`vector_loop` turns it into a
Numba intrinsic that runs it over contiguous elements, one 64-byte vector at a time. On a machine with shorter
vectors LLVM splits each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR_BYTES = 64
_CONTRACT = ("contract", "nsz")


class Vector:
    """An SSA vector with arithmetic; a·b + c may become one fused instruction."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: Vector) -> Vector:
        return Vector(self.builder, self.builder.fadd(self.value, other.value, flags=_CONTRACT))

    def __sub__(self, other: Vector) -> Vector:
        return Vector(self.builder, self.builder.fsub(self.value, other.value, flags=_CONTRACT))

    def __mul__(self, other: Vector) -> Vector:
        return Vector(self.builder, self.builder.fmul(self.value, other.value, flags=_CONTRACT))

    def swapped(self, distance: int) -> Vector:
        """Lanes exchanged with the lanes ``distance`` (a power of two) away: lane i becomes lane i ^ distance."""
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [lane ^ distance for lane in range(self.lanes)])
        return Vector(self.builder, self.builder.shuffle_vector(self.value, self.value, mask))

    def mixed(self, other: Vector, distance: int) -> Vector:
        """This vector's lanes where bit ``distance`` of the lane is 0, ``other``'s where it is 1."""
        mask = ir.Constant(
            ir.VectorType(ir.IntType(32), self.lanes),
            [lane + (self.lanes if lane & distance else 0) for lane in range(self.lanes)],
        )
        return Vector(self.builder, self.builder.shuffle_vector(self.value, other.value, mask))

    @property
    def lanes(self) -> int:
        """Number of lanes."""
        return int(self.value.type.count)


class Frame:
    """What a loop body sees: loads, stores, scalars and running sums at the current position."""

    def __init__(self, builder: ir.IRBuilder, element: ir.Type, pointers: Sequence[ir.Value]) -> None:
        self.builder, self.pointers = builder, pointers
        self.lanes = VECTOR_BYTES // (8 if isinstance(element, ir.DoubleType) else 4)
        self.vector_type = ir.VectorType(element, self.lanes)
        self.element = element
        self.position: ir.Value | None = None

    def _pointer(self, stream: int, offset: ir.Value | None = None) -> ir.Value:
        position = self.position if offset is None else self.builder.add(self.position, offset)
        pointer = self.builder.gep(self.pointers[stream], [position])
        return self.builder.bitcast(pointer, self.vector_type.as_pointer())

    def load(self, stream: int, offset: ir.Value | None = None) -> Vector:
        """The vector of ``stream`` at the current position, plus ``offset`` elements."""
        return Vector(self.builder, self.builder.load(self._pointer(stream, offset), align=self._align))

    def store(self, stream: int, vector: Vector, offset: ir.Value | None = None) -> None:
        """Write it there."""
        self.builder.store(vector.value, self._pointer(stream, offset), align=self._align)

    @property
    def _align(self) -> int:
        return 8 if isinstance(self.element, ir.DoubleType) else 4

    def splat(self, scalar: ir.Value) -> Vector:
        """All lanes equal to ``scalar``."""
        single = self.builder.insert_element(
            ir.Constant(self.vector_type, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0)
        )
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return Vector(self.builder, self.builder.shuffle_vector(single, single, mask))

    def signs(self, distance: int) -> Vector:
        """−1 in lanes whose bit ``distance`` is 0, +1 in the others."""
        return Vector(
            self.builder, ir.Constant(self.vector_type, [1.0 if i & distance else -1.0 for i in range(self.lanes)])
        )

    def zero(self) -> Vector:
        """All lanes zero."""
        return Vector(self.builder, ir.Constant(self.vector_type, [0.0] * self.lanes))


#: (frame, scalars as vectors, strides, running sums) -> new running sums.
Body = Callable[[Frame, list[Vector], list[ir.Value], list[Vector]], list[Vector] | None]


def vector_loop(body: Body, *, sums: int = 0) -> Any:
    """A Numba intrinsic ``loop(count, arrays, offsets, strides, scalars)`` that runs ``body``.

    Arguments of the intrinsic: ``count`` elements (a multiple of the lanes); ``arrays``, a tuple of one-dimensional
    C-ordered arrays of one dtype; ``offsets``, the element where each starts; ``strides``, integers for the body;
    ``scalars``, floats of the arrays' dtype, given to the body as splat vectors. With ``sums`` > 0 the last array
    receives, added to it from its offset on, one vector of lanes for each running sum: the caller adds the lanes up.
    """

    @intrinsic
    def loop(typingctx: Any, count: Any, arrays: Any, offsets: Any, strides: Any, scalars: Any) -> Any:
        signature = types.void(types.intp, arrays, offsets, strides, scalars)
        dtype = arrays[0].dtype

        def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
            element = context.get_data_type(dtype)
            pointers = []
            for i, kind in enumerate(sig.args[1]):
                array = cgutils.create_struct_proxy(kind)(context, builder, value=_item(builder, args[1], i))
                pointers.append(builder.gep(array.data, [_item(builder, args[2], i)]))
            frame = Frame(builder, element, pointers)
            splats = []
            for i, kind in enumerate(sig.args[4]):
                scalar = context.cast(builder, _item(builder, args[4], i), kind, dtype)
                splats.append(frame.splat(scalar))
            steps = [_item(builder, args[3], i) for i in range(len(sig.args[3]))]
            totals = [cgutils.alloca_once_value(builder, frame.zero().value) for _ in range(sums)]
            size = ir.Constant(args[0].type, frame.lanes)
            with cgutils.for_range(builder, builder.sdiv(args[0], size)) as inner:
                frame.position = builder.mul(inner.index, size)
                running = [Vector(builder, builder.load(t)) for t in totals]
                for slot, value in zip(totals, body(frame, splats, steps, running) or [], strict=True):
                    builder.store(value.value, slot)
            for i, slot in enumerate(totals):
                frame.position = ir.Constant(args[0].type, i * frame.lanes)
                last = len(pointers) - 1
                frame.store(last, frame.load(last) + Vector(builder, builder.load(slot)))
            return context.get_dummy_value()

        return signature, codegen

    return loop


def _item(builder: ir.IRBuilder, packed: ir.Value, index: int) -> ir.Value:
    return builder.extract_value(packed, index)
