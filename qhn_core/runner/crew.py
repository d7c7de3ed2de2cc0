"""What is under way in this process: live runs by id, each with its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic

from qhn_core.errors import Unsupported
from qhn_core.runner.live import LiveRun, TaskT
from qhn_core.runner.slots import Slots
from qhn_core.runner.worker import Worker


class Crew(Generic[TaskT]):
    """Live runs of one kind; safe for threads.

    Args:
        noun: what they are called in messages, in the plural.
        slots: how many of them compute at once.
        most_active: how many may be queued, computing or paused.
        write: see :class:`~qhn_core.runner.worker.Worker`.
        park_seconds: how long a paused one stays in memory.
    """

    def __init__(
        self,
        noun: str,
        *,
        slots: int,
        most_active: int,
        write: Callable[[LiveRun[TaskT]], bool],
        park_seconds: float,
    ) -> None:
        self.slots = Slots(slots)
        self._noun, self._most_active, self._write, self._park_seconds = noun, most_active, write, park_seconds
        self._runs: dict[str, LiveRun[TaskT]] = {}
        self._guard = threading.RLock()

    def launch(self, run: LiveRun[TaskT]) -> None:
        """Begin ``run`` in a thread of its own."""
        worker = Worker(run, slots=self.slots, write=self._write, park_seconds=self._park_seconds)
        run.thread = threading.Thread(target=worker.main, name=f"qhn-{self._noun}-{run.run_id}", daemon=True)
        with self._guard:
            self._runs[run.run_id] = run
        run.thread.start()

    def check_room(self) -> None:
        """Refuse where too many are active already."""
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

    def thin(self, keep: int, *, may_go: Callable[[LiveRun[TaskT]], bool] = lambda run: True) -> None:
        """Let go of those that ended first until ``keep`` of them are left, of those that may go."""
        with self._guard:
            ended = [run for run in self._runs.values() if not run.state.active and may_go(run)]
            for run in ended[: max(0, len(ended) - keep)]:
                del self._runs[run.run_id]
