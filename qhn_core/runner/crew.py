"""What is under way in this process: live runs by id, each with its thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic

from qhn_core.checks import readable
from qhn_core.errors import Unsupported
from qhn_core.runner.live import LiveRun, TaskT
from qhn_core.runner.slots import Slots
from qhn_core.runner.status import RunStatus
from qhn_core.runner.worker import Worker
from qhn_core.sharing import held_bytes
from qhn_core.store import RunState

#: Memory of problems and tables that ended runs, or ended races, may hold.
MOST_BYTES = 256 * 2**20


class Crew(Generic[TaskT]):
    """Live runs of one kind; safe for threads.

    Args:
        noun: what they are called in messages, in the plural.
        slots: who of them computes when; those of several crews may be the same.
        most_active: how many may be queued, computing or paused.
        write: see :class:`~qhn_core.runner.worker.Worker`.
        park_seconds: how long a paused one stays in memory.
        left: see :class:`~qhn_core.runner.worker.Worker`.
    """

    def __init__(
        self,
        noun: str,
        *,
        slots: Slots,
        most_active: int,
        write: Callable[[LiveRun[TaskT]], bool],
        park_seconds: float,
        left: Callable[[LiveRun[Any]], bool] = lambda run: False,
    ) -> None:
        self.slots, self._left = slots, left
        self._noun, self._most_active, self._write, self._park_seconds = noun, most_active, write, park_seconds
        self._runs: dict[str, LiveRun[TaskT]] = {}
        self._guard = threading.RLock()

    def launch(self, run: LiveRun[TaskT]) -> None:
        """Begin ``run`` in a thread of its own."""
        worker = Worker(run, slots=self.slots, write=self._write, park_seconds=self._park_seconds, left=self._left)
        run.thread = threading.Thread(target=worker.main, name=f"qhn-{self._noun}-{run.run_id}", daemon=True)
        with self._guard:
            self._runs[run.run_id] = run
        run.thread.start()

    def hold(self, run: LiveRun[TaskT]) -> None:
        """Keep one in memory that has ended."""
        with self._guard:
            self._runs[run.run_id] = run

    def status(self, run: LiveRun[TaskT]) -> RunStatus:
        """Where it stands; what waits is told how long it will, or for what."""
        run.asked = time.monotonic()
        found = run.status(self.slots.position(run))
        if found.state is not RunState.QUEUED:
            return found
        if (full := self.slots.waits_for_memory(run)) is not None:
            held, count = full
            message = (
                f"It needs about {readable(run.memory)} of memory; {count} that have begun hold {readable(held)} of "
                f"the {readable(self.slots.memory or 0)} that there are for all. It begins when there is room."
            )
            return replace(found, message=message)
        if not self.slots.waits_for_own(run):
            return replace(found, wait_seconds=self.slots.expected(run))
        limit = self.slots.limits.running if self.slots.limits is not None else 0
        left = [one.status(None).eta_seconds for one in self.all() if one.owner == run.owner and one.state.active]
        message = f"{limit} of your {self._noun} are at work, as many as one person may have: it begins when one ends."
        return replace(found, message=message, wait_seconds=min(filter(None, left), default=None))

    def check_room(self, owner: str = "") -> None:
        """Refuse where too many are active already, in all or of one person."""
        limits = self.slots.limits
        if owner and limits is not None:
            states = [run.state for run in self.all() if run.owner == owner]
            busy = sum(state.active and state is not RunState.PAUSED for state in states)
            if busy >= limits.running + limits.waiting:
                raise Unsupported(
                    f"You have {limits.running} {self._noun} at work and {limits.waiting} waiting, as many as one "
                    "person may have here. Stop one, or wait until one has ended."
                )
        if sum(run.state.active for run in self.all()) >= self._most_active:
            raise Unsupported(
                f"{self._most_active} {self._noun} are active already. Stop some, or wait until some have ended."
            )

    def get(self, run_id: str) -> LiveRun[TaskT] | None:
        """The one of this id, if it is in memory."""
        return self._runs.get(run_id)

    def all(self) -> list[LiveRun[TaskT]]:
        """All in memory, oldest first."""
        with self._guard:
            return list(self._runs.values())

    def forget(self, run_id: str) -> None:
        """Let go of one."""
        with self._guard:
            self._runs.pop(run_id, None)

    def fit(self, *, may_go: Callable[[LiveRun[TaskT]], bool], most: int = MOST_BYTES) -> None:
        """Let go of what those that ended hold beyond ``most`` bytes.

        First of what they were prepared with, which is made again for who asks for it, then of those themselves that
        may go. Those that nobody has asked about for longest come first, and the last one asked about stays. Arrays
        that several share count once.
        """
        ended = sorted((run for run in self.all() if not run.state.active), key=lambda run: run.asked, reverse=True)
        seen: set[int] = set()
        held = 0
        for run in ended:
            held += held_bytes(run.task.setup, seen)
            if held > most and run is not ended[0]:
                run.task.setup = None
        seen, held = set(), 0
        for run in ended:
            held += held_bytes(run.task.memory(), seen)
            if held > most and run is not ended[0] and may_go(run):
                self.forget(run.run_id)

    def thin(self, keep: int, *, may_go: Callable[[LiveRun[TaskT]], bool] = lambda run: True) -> None:
        """Let go of those that ended first until ``keep`` of them are left, of those that may go."""
        with self._guard:
            ended = [run for run in self._runs.values() if not run.state.active and may_go(run)]
            for run in ended[: max(0, len(ended) - keep)]:
                del self._runs[run.run_id]
