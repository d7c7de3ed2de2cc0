"""How kernels are compiled, and the types of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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

#: What the kernels of losses take: q (B, 2**N), a table with one row, or one a replica, of ℓ as a rule (R, 2**N), what
#: q is held against (2**N,), eigenvalues of a kernel (2**N,), the penalty's weight; and fill: the frozen diagonal
#: (B, 2**N), Σ q ℓ (B,), the penalty without its weight (B,).
ROWS = (IN2, IN2, IN1, IN1, F8, OUT2, OUT1, OUT1)

_HERE = Path(__file__).parent


@cache
def _folder_of(room: Path) -> Path | None:
    """Where the kernels of a room are kept: what they call may stand in any file of it, or in this one's."""
    return cache_folder(sorted({*_HERE.glob("*.py"), *room.glob("*.py")}))


def kernel(*signature: Any, **options: Any) -> Callable[[Callable], Callable]:
    """``numba.njit`` with the GIL released and the machine code kept on disk, where a folder for it can be written.

    Numba itself looks only whether the file that a kernel stands in has changed, not those of what it calls: so the
    folder is named after all files of the kernel's room and of this one.
    """

    def wrap(function: Callable) -> Callable:
        folder = _folder_of(Path(function.__code__.co_filename).parent)
        with kept_in(folder):
            return njit(signature or None, nogil=True, cache=folder is not None, **options)(function)

    return wrap
