"""How many runs compute at once: a bound, and a queue in order of asking."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol


class Asker(Protocol):
    """What asks for a slot."""

    @property
    def run_id(self) -> str:
        """By which it is told from others."""

    def set_granted(self, granted: bool) -> None:
        """Told whether it holds one."""


class Slots:
    """At most ``count`` runs hold a slot. Locks are taken in the order: slots, then run; never the other way."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._guard = threading.Lock()
        self._holding: set[str] = set()
        self._waiting: deque[Asker] = deque()

    def request(self, run: Asker) -> None:
        """Ask for a slot; ``run.granted`` becomes true, now or later."""
        with self._guard:
            if run.run_id not in self._holding and run not in self._waiting:
                self._waiting.append(run)
            self._grant()

    def release(self, run: Asker) -> None:
        """Give the slot back, or leave the queue."""
        with self._guard:
            self._holding.discard(run.run_id)
            if run in self._waiting:
                self._waiting.remove(run)
            run.set_granted(False)
            self._grant()

    def position(self, run: Asker) -> int | None:
        """1 for the first in the queue; None if it is not in it."""
        with self._guard:
            return self._waiting.index(run) + 1 if run in self._waiting else None

    @property
    def idle(self) -> bool:
        """Whether nobody holds a slot or waits for one."""
        with self._guard:
            return not self._holding and not self._waiting

    def _grant(self) -> None:
        while self._waiting and len(self._holding) < self.count:
            run = self._waiting.popleft()
            self._holding.add(run.run_id)
            run.set_granted(True)
