"""Encoded figures, so that two tabs on one run, and pages that refresh often, do not take the training's time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class FigureCache:
    """Newest ``keep`` results by key, each with the version it was built for; safe for threads."""

    def __init__(self, keep: int = 96) -> None:
        self._keep = keep
        self._items: OrderedDict[tuple[Hashable, ...], tuple[Hashable, float, bytes]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: tuple[Hashable, ...], version: Hashable, build: Callable[[], bytes], *, every: float) -> bytes:
        """The result for ``version``; an older one where that was built less than ``every`` seconds ago."""
        now = time.monotonic()
        with self._guard:
            found = self._items.get(key)
            if found is not None and (found[0] == version or now - found[1] < every):
                self._items.move_to_end(key)
                return found[2]
        built = build()
        with self._guard:
            self._items[key] = (version, time.monotonic(), built)
            self._items.move_to_end(key)
            while len(self._items) > self._keep:
                self._items.popitem(last=False)
        return built
