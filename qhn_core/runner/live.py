"""One piece of work in memory: what people want of it, and where it stands, behind one lock."""

from __future__ import annotations

import threading
import time
from typing import Any, Generic, TypeVar

from qhn_core.checks import check_finite
from qhn_core.errors import InvalidArgument
from qhn_core.runner.events import EventLog
from qhn_core.runner.pace import Pace
from qhn_core.runner.status import RunStatus
from qhn_core.runner.task import Reached, Task
from qhn_core.store import RunState

#: A run with a speed limit that keeps a core busy for less than this share of the time needs no slot.
_LIGHT = 0.1
TaskT = TypeVar("TaskT", bound=Task[Any, Any, Any])


class LiveRun(Generic[TaskT]):
    """A run or a race under way: its task, its buttons and its state.

    Attributes are read and written with :attr:`changed` held; its waiters are told of changes. The methods take it
    themselves unless they say that it is held.

    Args:
        run_id, name: as people know it.
        task: what is done.
        events: where its changes are told.
        paused: prepare it, then wait for :meth:`resume` or :meth:`step`.
        speed: at most so many steps per second; None for unlimited.
        owner: whose it is; empty where one person has the server alone.
        memory: bytes that it needs, as foreseen.
    """

    def __init__(
        self,
        run_id: str,
        task: TaskT,
        *,
        name: str,
        events: EventLog,
        paused: bool = False,
        speed: float | None = None,
        owner: str = "",
        memory: int = 0,
    ) -> None:
        self.run_id, self.task, self.name, self.owner, self._events = run_id, task, name, owner, events
        self.memory = memory
        #: When somebody last asked where it stands, monotonic seconds.
        self.asked = time.monotonic()
        self.changed = threading.Condition()
        self.state, self.message, self.progress, self.reached = RunState.QUEUED, "", 0.0, 0
        #: What people want of it.
        self.want_pause, self.want_stop, self.budget, self.speed = paused, False, 0, speed_limit(speed)
        #: Whether one of the single steps asked for is in work.
        self.stepping = False
        #: Started paused: prepare it all the same, so that the first Step shows at once.
        self.prepare_first = paused
        self.stop_as, self.stop_message = RunState.STOPPED, ""
        self.pause_message = ""
        self.granted = False
        self.pace = Pace()
        #: Counts changes that the store should have; ``saved`` is the last that it has.
        self.version, self.saved = 1, 0
        #: Set when it has ended and only has to be written.
        self.ending: tuple[RunState, str] | None = None
        self.thread: threading.Thread | None = None
        #: When somebody last asked for what it was prepared with.
        self.asked = time.monotonic()

    # ---------------------------------------------------------------------------------------- the buttons

    def pause(self, because: str = "") -> None:
        """Pause after the step in work; does nothing once it has ended."""
        with self.changed:
            self.want_pause, self.budget, self.prepare_first = True, 0, False
            self.pause_message = because or self.pause_message
            self.changed.notify_all()

    def resume(self) -> None:
        """Go on where it was paused; does nothing once it is to stop."""
        with self.changed:
            if self.state.active and not self.want_stop:
                self.want_pause, self.prepare_first, self.pause_message = False, False, ""
                self.changed.notify_all()

    def step(self) -> None:
        """Make one step and pause; one that goes on by itself is only paused."""
        with self.changed:
            if self.want_pause:
                self.budget += 1
            self.want_pause, self.pause_message = True, ""
            self.changed.notify_all()

    def stop(self, *, state: RunState = RunState.STOPPED, because: str = "") -> None:
        """End it after the step in work; a device's job is cancelled and not waited for.

        Args:
            state: in which it ends.
            because: why, for people.
        """
        with self.changed:
            if because or not self.want_stop:
                self.stop_as, self.stop_message = state, because
            self.want_stop = True
            self.changed.notify_all()

    def set_speed(self, steps_per_second: float | None) -> None:
        """Limit it to so many steps per second, None for no limit; acts at once."""
        limit = speed_limit(steps_per_second, "steps_per_second")
        with self.changed:
            self.speed = limit
            self.changed.notify_all()

    # ------------------------------------------------------------------------------------ for the worker

    def set_state(self, state: RunState, message: str = "") -> None:
        """Change state (with :attr:`changed` held) and tell everybody."""
        if (state, message) == (self.state, self.message):
            return
        if state is RunState.RUNNING and self.state is not RunState.RUNNING:
            self.pace.restart(time.monotonic(), self.reached)
        self.state, self.message = state, message
        self.version += 1
        self._events.add(self.run_id, state, self.reached, message)
        self.changed.notify_all()

    def set_granted(self, granted: bool) -> None:
        """Called by the slots."""
        with self.changed:
            self.granted = granted
            self.changed.notify_all()

    def set_progress(self, fraction: float) -> None:
        """Called while preparing."""
        self.progress = float(fraction)

    def cancelled(self) -> bool:
        """Asked by long calculations: whether to give up."""
        return self.want_stop

    def light(self) -> bool:
        """Whether its speed limit leaves a core nearly idle (with :attr:`changed` held)."""
        took = self.pace.step_seconds
        return self.speed is not None and took is not None and took * self.speed < _LIGHT

    def begin(self, setup: Any, state: Any) -> None:
        """What was prepared is there."""
        with self.changed:
            self.reached = self.task.begin(setup, state)
            self.prepare_first = False

    def record(self, before: Any, after: Any, info: Any, began: float) -> Reached:
        """Take in one step, which began at ``began`` of the monotonic clock."""
        with self.changed:
            made = self.task.record(before, after, info)
            self.reached = made.step
            self.version += 1
            self.pace.tick(began, time.monotonic(), made.step)
            if self.stepping:
                self.stepping, self.budget = False, max(0, self.budget - 1)
                self.changed.notify_all()
            return made

    # ------------------------------------------------------------------------------------- for everybody

    @property
    def resting(self) -> bool:
        """Whether nothing will change until somebody asks for it."""
        if not self.state.active:
            return True
        wanted = self.stepping or self.budget > 0 or self.want_stop or not self.want_pause
        return self.state is RunState.PAUSED and not wanted

    def wait(self, timeout: float | None = None) -> None:
        """Return when it has ended or is paused, or after ``timeout`` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.resting, timeout=timeout)

    def status(self, queue_position: int | None) -> RunStatus:
        """Where it stands now."""
        with self.changed:
            state, now = self.state, time.monotonic()
            rate = self.pace.rate(now) if state is RunState.RUNNING else 0.0
            left = self.task.steps - self.reached
            return RunStatus(
                run_id=self.run_id,
                name=self.name,
                state=state,
                message=self._message(),
                step=self.reached,
                steps=self.task.steps,
                steps_per_second=rate,
                eta_seconds=left / rate if rate > 0 else None,
                queue_position=queue_position if state is RunState.QUEUED else None,
                progress=self.progress if state is RunState.PREPARING else None,
                speed=self.speed,
            )

    def _message(self) -> str:
        if self.state.active and self.want_stop:
            return "Stopping…"
        if self.state in (RunState.RUNNING, RunState.PREPARING) and self.want_pause and not self.prepare_first:
            waits = self.state is RunState.RUNNING and self.task.steps_cannot_be_cut
            return "Pausing when the device has done this step; Stop cancels its job…" if waits else "Pausing…"
        return self.message


def speed_limit(value: float | None, argument: str = "speed") -> float | None:
    """A limit of steps per second as it may be: a positive number, or None for none."""
    if value is None:
        return None
    speed = float(check_finite(argument, value))
    if speed <= 0:
        raise InvalidArgument(argument, expected="a positive number, or None for unlimited", got=value)
    return speed
