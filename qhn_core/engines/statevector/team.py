"""How several threads share one sweep: each piece of a phase is done by the thread that claims it first.

Kernels release the GIL, so plain Python threads run them side by side, and no threading layer of Numba is involved
(its ``workqueue`` layer aborts the process when two Python threads start parallel kernels at once). All threads of a
team run the same function. A phase has a fixed number of pieces, each with a flag that an atomic increment claims,
and a counter of pieces done that everybody waits for before the next phase. A helper that comes late finds the past
phases done and skips them; if none comes, the caller does everything. Which thread did a piece never shows in the
result. An empty array of claims means: one thread, no atomics.

A helper that is woken comes a tenth of a millisecond later, as long as a sweep of a small circuit takes. So one that
has done its part looks out for the next offer for a moment, some sweeps long, before it sleeps (:func:`take`), and
training, which has a sweep to offer every now and then, finds its helpers awake.
"""

# mypy: allow-untyped-defs
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from qhn_core.engines.cores import usable
from qhn_core.engines.statevector.kernel_cache import CACHE_FOLDER

#: int64 words of one phase: a flag for each piece, and the counter of pieces done.
PHASE_WORDS = 32
DONE = PHASE_WORDS - 1
ALONE = np.zeros(0, np.int64)
_SPINS = 2000
#: Times that a helper gives the processor away, each some half a microsecond, before it goes to sleep.
_PATIENCE = 500

#: What a helper's word says: nothing to do, work offered, work taken.
IDLE, OFFERED, TAKEN = range(3)
#: int64 words from one helper's word to the next, a cache line; and those of the letter that says what to do.
WORD, LETTER = 8, 8

_yield_processor = types.ExternalFunction("sched_yield", types.int32())


def _add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), codegen


#: old = _atomic_add(array, index, value): add to one int64 of an array, for all threads at once.
_atomic_add: Any = intrinsic(_add)


def _exchange(typingctx: Any, array: Any, index: Any, expected: Any, value: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(sig.args[0])(context, builder, value=args[0]).data
        place = builder.gep(data, [args[1]])
        return builder.extract_value(builder.cmpxchg(place, args[2], args[3], "seq_cst", "seq_cst"), 0)

    return types.int64(array, types.intp, types.int64, types.int64), codegen


def _numbers(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(sig.return_type))

    return types.CPointer(types.float64)(types.int64), codegen


#: old = _atomic_exchange(array, index, expected, value): store in one int64 of an array, if it holds what is expected.
_atomic_exchange: Any = intrinsic(_exchange)
#: The float64 numbers at an address.
_numbers_at: Any = intrinsic(_numbers)


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def offer(bell, kind, first, second):
    """Tell the helpers what to do, and with which two arrays."""
    if bell.size > LETTER:
        bell[0], bell[1], bell[2], bell[3] = kind, first.ctypes.data, first.shape[0], first.shape[1]
        bell[4], bell[5], bell[6] = second.ctypes.data, second.shape[0], second.shape[1]
        for at in range(LETTER, bell.size, WORD):
            _atomic_exchange(bell, at, IDLE, OFFERED)


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def offered(bell, which):
    """The first or second of the two arrays (0 or 1)."""
    at = 1 + 3 * which
    return carray(_numbers_at(bell[at]), (bell[at + 1], bell[at + 2]))


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def withdraw(bell):
    """Return when no helper is at work any more; those who have not taken the offer come too late."""
    for at in range(LETTER, bell.size, WORD):
        if _atomic_exchange(bell, at, OFFERED, IDLE) == TAKEN:
            spins = 0
            while _atomic_add(bell, at, 0) == TAKEN:
                spins += 1
                if spins > _SPINS:
                    _yield_processor()


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def take(bell, worker):
    """Whether helper ``worker`` (1, 2, …) took an offer; it looks out for one for a while."""
    at = LETTER + (worker - 1) * WORD
    for tries in range(_SPINS + _PATIENCE):
        if _atomic_exchange(bell, at, OFFERED, TAKEN) == OFFERED:
            return True
        if tries > _SPINS:
            _yield_processor()
    return False


@njit(nogil=True, cache=CACHE_FOLDER is not None)
def leave(bell, worker):
    """What was taken is done."""
    _atomic_exchange(bell, LETTER + (worker - 1) * WORD, TAKEN, IDLE)


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


_helpers: ThreadPoolExecutor | None = None


def pool() -> ThreadPoolExecutor:
    global _helpers
    if _helpers is None:
        _helpers = ThreadPoolExecutor(max(1, usable() - 1), thread_name_prefix="qhn-kernel")
    return _helpers


def bell(helpers: int) -> NDArray[np.int64]:
    """What a team agrees by: the letter, and a word for each helper."""
    return np.zeros(LETTER + helpers * WORD, np.int64)


class Helpers:
    """Who may help with the sweeps of one layout.

    Args:
        assist: called as ``assist(worker, *args)`` by each; returns when nothing was offered for a while.
        count: how many.
    """

    def __init__(self, assist: Callable[..., None], count: int, *args: Any) -> None:
        self._assist, self._args = assist, args
        self._asked: list[Future[None] | None] = [None] * count

    def call(self) -> None:
        """Wake those who sleep."""
        for w, asked in enumerate(self._asked):
            if asked is None or asked.done():
                self._asked[w] = _ask(self._assist, w + 1, *self._args)


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
