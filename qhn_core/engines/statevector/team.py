"""How several threads share one sweep: each piece of a phase is done by the thread that claims it first.

Kernels release the GIL, so plain Python threads run them side by side, and no threading layer of Numba is involved
(its ``workqueue`` layer aborts the process when two Python threads start parallel kernels at once). All threads of a
team run the same function. A phase has a fixed number of pieces, each with a flag that an atomic increment claims,
and a counter of pieces done that everybody waits for before the next phase. A helper that comes late finds the past
phases done and skips them; if none comes, the caller does everything. Which thread did a piece never shows in the
result. An empty array of claims means: one thread, no atomics.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from qhn_core.engines.statevector.kernel_cache import CACHE_FOLDER

#: int64 words of one phase: a flag for each piece, and the counter of pieces done.
PHASE_WORDS = 32
DONE = PHASE_WORDS - 1
ALONE = np.zeros(0, np.int64)
_SPINS = 2000

_yield_processor = types.ExternalFunction("sched_yield", types.int32())


def _add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), codegen


#: old = _atomic_add(array, index, value): add to one int64 of an array, for all threads at once.
_atomic_add: Any = intrinsic(_add)


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def mine(claims, phase, piece):
    """Whether this thread is the first to claim the piece."""
    return claims.size == 0 or _atomic_add(claims, phase * PHASE_WORDS + piece, 1) == 0


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def done(claims, phase):
    """Tell the team that a claimed piece is finished."""
    if claims.size:
        _atomic_add(claims, phase * PHASE_WORDS + DONE, 1)


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def wait(claims, phase, pieces):
    """Return when all pieces of the phase are finished; gives the processor away after a short spin."""
    if claims.size:
        spins = 0
        while _atomic_add(claims, phase * PHASE_WORDS + DONE, 0) < pieces:
            spins += 1
            if spins > _SPINS:
                _yield_processor()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_helpers: ThreadPoolExecutor | None = None


def pool() -> ThreadPoolExecutor:
    global _helpers
    if _helpers is None:
        _helpers = ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="qhn-kernel")
    return _helpers


def run(function: Callable[..., None], threads: int, *args: Any) -> None:
    """``function(worker, *args)`` on up to ``threads`` threads, worker 0 being this one; waits for all of them."""
    helpers = [helper for w in range(1, threads) if (helper := _ask(function, w, *args)) is not None]
    try:
        function(0, *args)
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()


def _ask(function: Callable[..., None], worker: int, *args: Any) -> Future[None] | None:
    """A helper, or None while the interpreter is ending: executors refuse work then, and the caller does it alone."""
    try:
        return pool().submit(function, worker, *args)
    except RuntimeError:
        return None
