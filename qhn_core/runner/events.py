"""What happened to which run, numbered, in a log of bounded length."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

from qhn_core.store import RunState

#: Events kept; older ones are forgotten (the store has every run's state).
_KEPT = 4096


@dataclass(frozen=True)
class Event:
    """One change of a run.

    Args:
        number: 1, 2, …, over all runs of the supervisor.
        time: seconds since the epoch.
        run_id: the run.
        state, step, message: where it stood after the change.
    """

    number: int
    time: float
    run_id: str
    state: RunState
    step: int
    message: str


class EventLog:
    """The last few thousand events."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._count = 0

    def add(self, run_id: str, state: RunState, step: int, message: str) -> None:
        """Append an event."""
        with self._guard:
            self._count += 1
            self._events.append(Event(self._count, time.time(), run_id, state, step, message))

    def since(self, number: int = 0, *, run_id: str | None = None) -> list[Event]:
        """Events after event ``number``, of one run or of all."""
        with self._guard:
            return [e for e in self._events if e.number > number and run_id in (None, e.run_id)]
