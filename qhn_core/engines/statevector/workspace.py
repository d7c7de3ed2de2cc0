"""Where things lie in the kernels' scratch, and scratch that no two calls share."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qhn_core.engines.statevector import sweeps
from qhn_core.engines.statevector.kernels.base import LANES
from qhn_core.engines.statevector.kernels.strips import strip_columns
from qhn_core.engines.statevector.program import CROSS, PHASE_SLOTS, PIECES, REAL_SLOTS, Program

#: Buffers above this size are not kept between calls.
_KEEP_BYTES = 512 * 2**20
_ALIGN = 64


def layout(program: Program, replicas: int, *, reverse: bool) -> tuple[NDArray[np.int64], int, int]:
    """(dims for the kernels, elements of ``mem`` a worker, elements of ``work`` a worker)."""
    n, nb = program.bits, program.block
    size, rows = 1 << nb, 1 << (n - nb)
    pieces = min(PIECES, rows)
    cursor = 0

    def take(count: int) -> int:
        nonlocal cursor
        start, cursor = cursor, cursor + -(-count // 16) * 16
        return start

    dims = np.zeros(sweeps.DIMS, np.int64)
    needed = np.flatnonzero(program.stages[:, REAL_SLOTS] + program.stages[:, PHASE_SLOTS])
    dims[sweeps.BITS], dims[sweeps.BLOCK], dims[sweeps.LAST] = n, nb, program.last_map
    dims[sweeps.SWAPS], dims[sweeps.PIECES], dims[sweeps.REPLICAS] = program.swaps, pieces, replicas
    dims[sweeps.NEEDED] = needed[0] if needed.size else len(program.stages)
    regions = ((sweeps.LOW, 2 * size), (sweeps.HIGH, 2 * rows), (sweeps.MATS, 4 * n), (sweeps.FLAT, 4 * n))
    for slot, count in (*regions, (sweeps.ROW_BUFFER, rows)):
        dims[slot] = take(count)
    dims[sweeps.PIECE], cursor = cursor, 0
    strip = 2 * rows * strip_columns(n, nb) if rows > 1 else 0
    factor = 3 * size if program.stages[:, CROSS].any() else 0
    counts = (
        (sweeps.FACTOR, max(factor, strip)),
        (sweeps.TOTAL, size if reverse else 0),
        (sweeps.SUMS, n * LANES),
    )
    for slot, count in (*counts, (sweeps.LANES, LANES)):
        dims[slot] = take(count)
    dims[sweeps.STRIP] = dims[sweeps.FACTOR]  # never in use at the same time
    dims[sweeps.PIECE_STEP] = cursor
    dims[sweeps.MEM_STEP] = (6 if reverse else 2) << n
    dims[sweeps.WORK_STEP] = dims[sweeps.PIECE] + pieces * cursor
    dims[sweeps.ROW_STEP] = rows * (1 + nb) if rows > 1 else 1 + nb
    return dims, int(dims[sweeps.MEM_STEP]), int(dims[sweeps.WORK_STEP])


class Scratch:
    """Arrays that one call uses at a time; grown when needed, never shared while in use."""

    def __init__(self) -> None:
        self._raw: dict[tuple[str, Any], NDArray[np.uint8]] = {}
        self._bytes = 0
        self.kind: tuple[Any, ...] | None = None  #: what ``prepared`` was made for
        self.prepared: Any = None  #: what the last call laid out in the arrays; a new layout takes its place

    def array(self, name: str, dtype: Any, size: int) -> NDArray[Any]:
        """An uninitialised array of ``size`` elements, aligned to a vector."""
        wanted = size * np.dtype(dtype).itemsize
        raw = self._raw.get((name, dtype))
        if raw is None or raw.nbytes < wanted + _ALIGN:
            self._bytes += wanted + _ALIGN - (raw.nbytes if raw is not None else 0)
            raw = np.empty(wanted + _ALIGN, np.uint8)
            self._raw[name, dtype] = raw
        start = -raw.ctypes.data % _ALIGN
        return raw[start : start + wanted].view(dtype)

    def trim(self) -> None:
        """Drop what is too large to keep."""
        if self._bytes > _KEEP_BYTES:
            self._raw.clear()
            self._bytes, self.kind, self.prepared = 0, None, None


class _Pool(threading.local):
    def __init__(self) -> None:
        self.free: list[Scratch] = []


_pool = _Pool()


class Borrowed:
    """Context: scratch of this thread that no other call holds; a call inside a call gets its own."""

    __slots__ = ("_scratch",)

    def __enter__(self) -> Scratch:
        self._scratch = _pool.free.pop() if _pool.free else Scratch()
        return self._scratch

    def __exit__(self, *_: object) -> None:
        self._scratch.trim()
        _pool.free.append(self._scratch)
