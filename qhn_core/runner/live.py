"""One run in memory: what a worker, the writer and the pages share, behind one lock."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from qhn_core.engines.base import PROBABILITIES
from qhn_core.runner.events import EventLog
from qhn_core.runner.pace import Pace
from qhn_core.runner.recorder import Recorder
from qhn_core.runner.status import RunStatus, Snapshot
from qhn_core.store import RunState

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.trainer import Info, Setup, TrainState

#: A run with a speed limit that keeps a core busy for less than this share of the time needs no slot.
_LIGHT = 0.1


class LiveRun:
    """State of a run. Attributes are read and written with :attr:`changed` held; its waiters are told of changes."""

    def __init__(
        self, run_id: str, config: RunConfig, *, name: str, events: EventLog, paused: bool, speed: float | None
    ) -> None:
        self.run_id, self.config, self.name, self._events = run_id, config, name, events
        self.changed = threading.Condition()
        self.state, self.message, self.progress = RunState.QUEUED, "", 0.0
        #: What people want of it.
        self.want_pause, self.want_stop, self.budget, self.speed = paused, False, 0, speed
        #: Whether one of the single steps asked for is in work.
        self.stepping = False
        #: Started paused: prepare it all the same, so that the first Step shows at once.
        self.prepare_first = paused
        self.stop_as, self.stop_message = RunState.STOPPED, ""
        self.pause_message = ""
        self.granted = False
        self.pace = Pace()
        #: Whether to go on from the store's checkpoint.
        self.from_store = False
        self.setup: Setup | None = None
        self.train_state: TrainState | None = None
        self.step = 0
        self.recorder = Recorder(config.steps // config.log_every + 2)
        self._seen: tuple[TrainState, Info] | None = None
        #: Counts changes that the store should have; ``saved`` is the last that it has.
        self.version, self.saved, self.flushed_rows = 1, 0, 0
        #: Set when the run has ended and only has to be written.
        self.ending: tuple[RunState, str] | None = None
        self.thread: threading.Thread | None = None

    # ------------------------------------------------------------------------------------ for the worker

    def set_state(self, state: RunState, message: str = "") -> None:
        """Change state (with :attr:`changed` held) and tell everybody."""
        if (state, message) == (self.state, self.message):
            return
        if state is RunState.RUNNING and self.state is not RunState.RUNNING:
            self.pace.restart(time.monotonic(), self.step)
        self.state, self.message = state, message
        self.version += 1
        self._events.add(self.run_id, state, self.step, message)
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

    def record(self, before: TrainState, after: TrainState, info: Info, began: float) -> None:
        """Take in one step of training."""
        with self.changed:
            if info.row is not None:
                self.recorder.append(int(before.step), info.row)
            self._seen = (before, info)
            self.train_state = after
            self.step = min(int(after.step), self.config.steps)
            self.version += 1
            self.pace.tick(began, time.monotonic(), self.step)
            if self.stepping:
                self.stepping, self.budget = False, max(0, self.budget - 1)
                self.changed.notify_all()

    # ------------------------------------------------------------------------------------- for everybody

    @property
    def resting(self) -> bool:
        """Whether nothing will change until somebody asks for it."""
        if not self.state.active:
            return True
        wanted = self.stepping or self.budget > 0 or self.want_stop or not self.want_pause
        return self.state is RunState.PAUSED and not wanted

    def status(self, queue_position: int | None) -> RunStatus:
        """Where it stands now."""
        with self.changed:
            state, now = self.state, time.monotonic()
            rate = self.pace.rate(now) if state is RunState.RUNNING else 0.0
            left = self.config.steps - self.step
            return RunStatus(
                run_id=self.run_id,
                name=self.name,
                state=state,
                message=self._message(),
                step=self.step,
                steps=self.config.steps,
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
            waits = self.state is RunState.RUNNING and PROBABILITIES not in self.config.engine.provides
            return "Pausing when the device has done this step; Stop cancels its job…" if waits else "Pausing…"
        return self.message

    def snapshot(self) -> Snapshot | None:
        """Angles of the last step seen, with its probabilities or strings; None before the first."""
        with self.changed:
            seen, state = self._seen, self.train_state
        if seen is not None:
            before, info = seen
            return Snapshot(int(before.step), before.theta, info.probs, info.bits)
        return None if state is None else Snapshot(int(state.step), state.theta)
