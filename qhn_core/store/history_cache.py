"""Parts of histories read from the database, kept for pages that draw them again and again; bounded by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from qhn_core.store.chunks import Rows

#: A run's id, and which part it is.
Key = tuple[str, ...]


class HistoryCache:
    """Parts of histories by run, and change; those not asked for longest are let go. Safe for threads.

    Args:
        most_bytes: of all together; what is larger is not kept.
    """

    def __init__(self, most_bytes: int = 128 * 2**20) -> None:
        self._most, self._held = most_bytes, 0
        self._found: OrderedDict[Key, tuple[float, Rows]] = OrderedDict()
        self._guard = threading.Lock()
        self._reading: dict[Key, threading.Lock] = {}

    def get(self, key: Key, changed: float, read: Callable[[], Rows]) -> Rows:
        """The part as of ``changed``, with arrays that cannot be written to; read by one at a time if it is new."""
        with self._guard:
            one_at_a_time = self._reading.setdefault(key, threading.Lock())
        with one_at_a_time:
            with self._guard:
                found = self._found.get(key)
                if found is not None and found[0] == changed:
                    self._found.move_to_end(key)
                    return found[1]
            rows = _frozen(read())
            self._keep(key, changed, rows)
            return rows

    def clear(self) -> None:
        """Let go of all."""
        with self._guard:
            self._found.clear()
            self._held = 0

    def _keep(self, key: Key, changed: float, rows: Rows) -> None:
        with self._guard:
            former = self._found.pop(key, None)
            self._held -= _size(former[1]) if former is not None else 0
            if _size(rows) <= self._most:
                self._found[key] = (changed, rows)
                self._held += _size(rows)
            while self._held > self._most:
                gone, (_, old) = self._found.popitem(last=False)
                self._held -= _size(old)
                self._reading.pop(gone, None)


def _size(rows: Rows) -> int:
    return int(rows.steps.nbytes + sum(column.nbytes for column in rows.history.values()))


def _frozen(rows: Rows) -> Rows:
    for array in (rows.steps, *rows.history.values()):
        array.flags.writeable = False
    return rows
