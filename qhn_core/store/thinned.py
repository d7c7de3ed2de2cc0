"""The rows of a long history that its curves need, found as it grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qhn_core.store.chunks import Block, Rows

#: Rows up to which all are kept.
ALL = 4096
#: Stretches that a longer history is cut into, at most.
STRETCHES = 256
#: Rows looked at at once.
PIECE = 4096


def medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians along the last axis, NaN passed over; NaN where there is nothing else.

    The same as ``numpy.nanmedian``, several times faster where the axis is short.
    """
    if values.shape[-1] == 1:
        return values[..., 0]
    ordered = np.sort(values, axis=-1)  # NaN come last
    known = values.shape[-1] - np.isnan(ordered).sum(axis=-1, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(known // 2, values.shape[-1] - 1), axis=-1)
    with np.errstate(invalid="ignore", over="ignore"):  # inf − inf, as there
        return ((low + high) / 2.0)[..., 0]


class Thinned:
    """A history that grows, and those of its rows in which curves have their turns.

    Up to :data:`ALL` rows all are kept. A longer history of T rows is cut into stretches of L rows, L being the
    smallest power of two that makes no more than 256 of them; kept are the rows in which the median over replicas of
    any metric is lowest or highest in its stretch (of a stretch in which it is NaN throughout, the first), the last of
    all, and rows 1, 2, 4, 8, … (counted from 1). Which these are depends on the rows alone, not on the pieces in which
    they came. Not safe for threads.
    """

    def __init__(self) -> None:
        #: Rows seen.
        self.count = 0
        self._numbers = np.zeros(0, dtype=np.int64)
        self._kept: Block | None = None
        self._medians: NDArray[np.float64] | None = None

    def extend(self, block: Block) -> None:
        """Take in the next rows, which have the metrics and replicas of those before."""
        for first in range(0, len(block.steps), PIECE):
            part = slice(first, first + PIECE)
            self._take(Block(block.steps[part], block.names, block.values[part]))

    def rows(self) -> Rows:
        """The rows kept, read-only; later calls of :meth:`extend` leave them as they are."""
        if self._kept is None:
            return Rows(np.zeros(0, dtype=np.int64), {})
        steps, names, values = self._kept
        steps.flags.writeable = values.flags.writeable = False
        return Rows(steps, {name: values[:, i] for i, name in enumerate(names)})

    def _take(self, block: Block) -> None:
        middle = medians(block.values)
        kept = Block(block.steps[:0], block.names, block.values[:0]) if self._kept is None else self._kept
        before = middle[:0] if self._medians is None else self._medians
        total, length = self.count + len(block.steps), _length(self.count + len(block.steps))
        # Complete stretches stay as they are, unless all become longer.
        begin = (self.count - 1) // length * length if self.count and length == _length(self.count) else 0
        head = int(np.searchsorted(self._numbers, begin))
        numbers = np.concatenate([self._numbers[head:], np.arange(self.count, total)])
        middle = np.concatenate([before[head:], middle])
        keep = _turns(middle, numbers // length) | (numbers == total - 1) | (numbers & (numbers + 1) == 0)

        def joined(old: NDArray, tail: NDArray) -> NDArray:
            return np.concatenate([old[:head], tail[keep]])

        self._kept = Block(
            joined(kept.steps, np.concatenate([kept.steps[head:], block.steps])),
            kept.names,
            joined(kept.values, np.concatenate([kept.values[head:], block.values])),
        )
        self._numbers, self._medians, self.count = joined(self._numbers, numbers), joined(before, middle), total


def _length(total: int) -> int:
    """Rows of a stretch: a power of two, so that longer stretches are made of whole shorter ones."""
    return 1 if total <= ALL else 1 << max(0, (total - 1).bit_length() - STRETCHES.bit_length() + 1)


def _turns(values: NDArray[np.float64], stretch: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows of (K, M) hold the first lowest or highest value of any column in their stretch, (K,) increasing."""
    keep = np.zeros(len(values), dtype=bool)
    if not len(values):
        return keep
    starts = np.flatnonzero(np.diff(stretch, prepend=stretch[0] - 1))
    sizes = np.diff(starts, append=len(values))
    for worst, extreme in ((np.inf, np.minimum), (-np.inf, np.maximum)):
        known = np.where(np.isnan(values), worst, values)
        found = known == np.repeat(extreme.reduceat(known, starts, axis=0), sizes, axis=0)
        row, column = np.nonzero(found.T)[::-1]
        _, first = np.unique(column * (len(values) + 1) + stretch[row] - stretch[0], return_index=True)
        keep[row[first]] = True
    return keep
