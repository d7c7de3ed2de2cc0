"""A run's history in memory: rows are added by one thread while others read."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qhn_core.store import Rows
from qhn_core.store.chunks import Block
from qhn_core.store.thinned import ALL, Thinned


class Recorder:
    """Arrays (T, M, B) that grow by doubling. Written rows never change, so readers get views, not copies.

    One writer; readers on any thread call :meth:`rows`.

    Args:
        most: rows that there can be; room is never made for more. None if that is not known.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._names: tuple[str, ...] = ()
        self._replicas = 0
        # One tuple, replaced as a whole, so that a reader never sees a count of one array with another.
        self._data = (np.zeros(0, dtype=np.int64), np.zeros((0, 0, 0)), 0)
        self._thinned, self._thinning = Thinned(), threading.Lock()

    def __len__(self) -> int:
        return self._data[2]

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._data[0].nbytes + self._data[1].nbytes

    def nbytes_from(self, first: int) -> int:
        """Memory of the rows from number ``first`` on."""
        return self._data[1][first : len(self)].nbytes

    def append(self, step: int, row: Mapping[str, NDArray[np.float64]]) -> None:
        """Add the row {metric: (B,)} of ``step``. All rows have the metrics of the first; others are left out."""
        steps, values, count = self._data
        if not self._names:
            self._names, self._replicas = tuple(row), np.size(next(iter(row.values())))
        if count == len(steps):
            steps, values = self._grown(self._room(count))
        steps[count] = step
        if tuple(row) == self._names:  # always so in training
            np.concatenate(tuple(row.values()), out=values[count].reshape(-1))
        elif set(self._names) <= row.keys():  # a run begun by an earlier version keeps the metrics that it had
            values[count] = [row[name] for name in self._names]
        else:
            raise ValueError(f"row of step {step} has metrics {sorted(row)}, expected {sorted(self._names)}")
        self._data = (steps, values, count + 1)

    def extend(self, rows: Rows) -> None:
        """Add rows read from the store."""
        if not len(rows.steps):
            return
        self._names, self._replicas = tuple(rows.history), next(iter(rows.history.values())).shape[1]
        first, last = len(self), len(self) + len(rows.steps)
        steps, values = self._grown(max(last, self._room(last)))
        steps[first:last] = rows.steps
        for i, name in enumerate(self._names):
            values[first:last, i] = rows.history[name]
        self._data = (steps, values, last)

    def rows(self, since: int = 0) -> Rows:
        """Rows with step ≥ ``since``, as read-only views."""
        steps, values, count = self._data
        return self._view(steps, values, int(np.searchsorted(steps[:count], since)), count)

    def curves(self) -> Rows:
        """The rows in which curves have their turns (:class:`~qhn_core.store.thinned.Thinned`), read-only.

        What is new since the last call is looked at, and nothing twice.
        """
        steps, values, count = self._data
        if count <= ALL:
            return self._view(steps, values, 0, count)
        with self._thinning:
            seen = self._thinned.count
            self._thinned.extend(Block(steps[seen:count], self._names, values[seen:count]))
            return self._thinned.rows()

    def slice(self, first: int, last: int) -> Rows:
        """Rows number ``first`` … ``last`` − 1, as read-only views."""
        steps, values, count = self._data
        return self._view(steps, values, first, min(last, count))

    def _view(self, steps: NDArray[np.int64], values: NDArray[np.float64], first: int, last: int) -> Rows:
        names: Sequence[str] = self._names if last > first else ()
        return Rows(_frozen(steps[first:last]), {name: _frozen(values[first:last, i]) for i, name in enumerate(names)})

    def _room(self, count: int) -> int:
        doubled = max(64, 2 * count)
        return doubled if self._most is None or count >= self._most else min(doubled, self._most)

    def _grown(self, capacity: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        steps, values, count = self._data
        more_steps = np.zeros(capacity, dtype=np.int64)
        more_values = np.empty((capacity, len(self._names), self._replicas))
        if count:
            more_steps[:count] = steps[:count]
            more_values[:count] = values[:count]
        return more_steps, more_values


def _frozen(view: NDArray) -> NDArray:
    view.flags.writeable = False
    return view
