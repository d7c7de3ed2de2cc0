"""ℓ of drawn strings where there is no table: the distinct ones among them are evaluated, and remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qhn_core.bitstrings import MAX_INDEX_BITS, Bits, Indices, index_of, unique

Array = NDArray[np.float64]


class DrawnLikelihoods:
    """ℓ of strings seen so far, sorted by index; starts anew when it has grown beyond its limit.

    Beyond 62 bits nothing is remembered: such strings hardly ever come again, but for those of one batch.
    """

    def __init__(self, limit: int = 2**19) -> None:
        self._limit, self._lock = limit, threading.Lock()
        self._index = np.zeros(0, dtype=np.int64)
        self._values = np.zeros(0)
        self._last: tuple[Bits | None, Array] = (None, self._values)

    def look_up(self, bits: Bits, evaluate: Callable[[Bits], Array]) -> Array:
        """ℓ of strings (…, N), (…): ``evaluate`` gives that of distinct ones (U, N) that were not seen before."""
        last, values = self._last
        if last is not None and np.array_equal(bits, last):  # a step asks for the same batch several times
            return values.copy()
        found = self._of(bits, evaluate)
        self._last = (bits.copy(), found.copy())  # what was handed over may change in its owner's hands
        return found

    def _of(self, bits: Bits, evaluate: Callable[[Bits], Array]) -> Array:
        distinct = unique(bits.reshape(-1, bits.shape[-1]))
        if bits.shape[-1] > MAX_INDEX_BITS:
            found = evaluate(distinct.bits)
        else:
            found = self._known(index_of(distinct.bits), distinct.bits, evaluate)
        return found[distinct.inverse].reshape(bits.shape[:-1])

    def _known(self, index: Indices, bits: Bits, evaluate: Callable[[Bits], Array]) -> Array:
        with self._lock:
            known, values = self._index, self._values
        at = np.searchsorted(known, index)
        inside = np.minimum(at, max(0, len(known) - 1))
        missing = known[inside] != index if len(known) else np.ones(len(index), dtype=bool)
        found = np.empty(len(index))
        found[~missing] = values[inside[~missing]]
        if missing.any():
            found[missing] = evaluate(bits[missing])
            if len(known) + int(missing.sum()) > self._limit:
                known, values, at = known[:0], values[:0], np.zeros_like(at)
            with self._lock:
                self._index = np.insert(known, at[missing], index[missing])
                self._values = np.insert(values, at[missing], found[missing])
        return found
