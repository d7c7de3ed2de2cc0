"""How kernels are compiled, and the types of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, types

from qhn_core.compiled.cache import cache_folder, kept_in

#: Terms added before a partial sum is put aside: keeps the rounding error of a sum over 2**20 strings near 1e-15.
BLOCK = 512

F8 = types.float64
IN1, IN2, IN3 = (types.Array(F8, ndim, "C", readonly=True) for ndim in (1, 2, 3))
OUT1, OUT2, OUT3 = (types.Array(F8, ndim, "C") for ndim in (1, 2, 3))
BITS2 = types.Array(types.uint8, 2, "C", readonly=True)
I8, INDEX2 = (types.Array(types.int64, ndim, "C", readonly=True) for ndim in (1, 2))

_FOLDER = cache_folder(sorted(Path(__file__).parent.glob("*.py")))


def kernel(*signature: Any) -> Callable[[Callable], Callable]:
    """``numba.njit`` with the GIL released and the machine code kept on disk, where a folder for it can be written.

    Kernels of other rooms that use it are kept in the same folder, which is named after this one's files; Numba itself
    looks whether the file that a kernel stands in has changed.
    """

    def wrap(function: Callable) -> Callable:
        with kept_in(_FOLDER):
            return njit(signature or None, nogil=True, cache=_FOLDER is not None)(function)

    return wrap
