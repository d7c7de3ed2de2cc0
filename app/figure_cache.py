"""Encoded figures, so that two tabs on one run, and pages that refresh often, do not take the training's time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import NamedTuple

Key = tuple[Hashable, ...]


class _Item(NamedTuple):
    version: Hashable
    built: float
    result: bytes


class FigureCache:
    """Results by key, each with the version it was built for; safe for threads.

    Args:
        most_bytes: of all results together; those not asked for longest are let go.
    """

    def __init__(self, most_bytes: int = 48 * 2**20) -> None:
        self._most, self._held = most_bytes, 0
        self._items: OrderedDict[Key, _Item] = OrderedDict()
        self._guard = threading.Lock()
        #: Key -> set when the build under way is done.
        self._building: dict[Key, threading.Event] = {}

    def get(self, key: Key, version: Hashable, build: Callable[[], bytes], *, every: float) -> bytes:
        """The result for ``version``; an older one where that was built less than ``every`` seconds ago.

        Several who ask for one key at once wait for one build.
        """
        while True:
            with self._guard:
                found = self._items.get(key)
                if found is not None and (found.version == version or time.monotonic() - found.built < every):
                    self._items.move_to_end(key)
                    return found.result
                others = self._building.get(key)
                if others is None:
                    done = self._building[key] = threading.Event()
                    break
            others.wait()
        try:
            built = build()
            self._keep(key, _Item(version, time.monotonic(), built))
            return built
        finally:
            with self._guard:
                del self._building[key]
            done.set()

    def clear(self) -> None:
        """Let go of all."""
        with self._guard:
            self._items.clear()
            self._held = 0

    def _keep(self, key: Key, item: _Item) -> None:
        with self._guard:
            former = self._items.pop(key, None)
            self._held += len(item.result) - (len(former.result) if former is not None else 0)
            self._items[key] = item
            while self._held > self._most and len(self._items) > 1:
                self._held -= len(self._items.popitem(last=False)[1].result)
