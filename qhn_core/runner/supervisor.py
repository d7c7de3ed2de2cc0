"""The one object that pages and command line talk to: it starts, controls and reports runs."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from qhn_core.checks import check_finite
from qhn_core.errors import InvalidArgument, StoreError, Unsupported
from qhn_core.runner.events import Event, EventLog
from qhn_core.runner.live import LiveRun
from qhn_core.runner.slots import Slots
from qhn_core.runner.status import RunStatus, Snapshot
from qhn_core.runner.worker import Worker
from qhn_core.runner.writer import FLUSH_SECONDS, Writer
from qhn_core.store import Rows, RunRecord, RunState, RunStore

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.trainer import Setup

log = logging.getLogger(__name__)

#: Ended runs kept in memory, so that a page can go on drawing them at once.
_KEPT = 4
#: Runs that may be active at once: training, paused and queued.
_MOST_ACTIVE = 256


class Supervisor:
    """Trains runs in background threads and keeps them in ``store``.

    All methods may be called from any thread, return at once, and do no harm when called twice. A run is known by its
    id; runs of earlier processes are read from the store.

    Args:
        store: where runs are kept.
        max_running: runs that compute at once; the others wait in a queue. By default the number of cores.
        flush_seconds: time between writes to the store.
        park_seconds: how long a paused run stays in memory before it is stopped (it can be resumed).
    """

    def __init__(
        self,
        store: RunStore,
        max_running: int | None = None,
        *,
        flush_seconds: float = FLUSH_SECONDS,
        park_seconds: float = 1800.0,
    ) -> None:
        self.store = store
        self._park_seconds = park_seconds
        self._slots = Slots(max_running or os.cpu_count() or 1)
        self._events = EventLog()
        self._runs: dict[str, LiveRun] = {}
        self._guard = threading.RLock()
        self._closed = False
        self._writer = Writer(store, self._kept, seconds=flush_seconds)
        store.mark_interrupted()
        atexit.register(self.shutdown)

    # ---------------------------------------------------------------------------------------- control

    def start(
        self, config: RunConfig, *, paused: bool = False, speed: float | None = None, name: str | None = None
    ) -> str:
        """Begin a run; returns its id at once.

        Args:
            config: what to train. What cannot work is refused here, before anything starts, with the reason (see
                :func:`qhn_core.config.plan`).
            paused: prepare it, then wait for Resume or Step.
            speed: at most so many steps per second; None for unlimited.
            name: free text; by default made from the configuration.
        """
        speed = _speed(speed)
        self._check_open()
        from qhn_core.planning import plan

        plan(config, self.store.uploads)
        run_id = self.store.create(config, name=name)
        run = LiveRun(run_id, config, name=self.store.get(run_id).name, events=self._events, paused=paused, speed=speed)
        self._launch(run)
        return run_id

    def pause(self, run_id: str) -> None:
        """Pause after the step in work, on a device after its jobs, which are paid for already (``stop`` cancels them).

        A queued run leaves the queue. Nothing happens to an ended run.
        """
        run = self._mine(run_id)
        if run is None:
            return
        with run.changed:
            run.want_pause, run.budget, run.prepare_first = True, 0, False
            run.changed.notify_all()

    def resume(self, run_id: str, *, speed: float | None = None) -> None:
        """Go on: a paused run from where it is, a stopped, failed or interrupted one from its checkpoint.

        Nothing happens to a run that trains or has finished. StoreError if another process trains it.
        """
        run = self._mine(run_id)
        if run is not None:
            with run.changed:
                if run.state.active and not run.want_stop:
                    run.want_pause, run.prepare_first, run.pause_message = False, False, ""
                    run.changed.notify_all()
            return
        self._reopen(run_id, paused=False, speed=_speed(speed))

    def step(self, run_id: str) -> None:
        """Make one step and pause. A run that trains is only paused; a stopped one is taken up again, paused."""
        run = self._mine(run_id) or self._reopen(run_id, paused=True, speed=None)
        if run is None:
            return
        with run.changed:
            if run.want_pause:
                run.budget += 1
            run.want_pause, run.pause_message = True, ""
            run.changed.notify_all()

    def stop(self, run_id: str) -> None:
        """End the run after the step in work, or at once where it waits; it can be resumed later.

        A step that waits for a device is not waited for: its job is cancelled, and Resume makes the step anew.
        """
        run = self._mine(run_id)
        if run is None:
            return
        with run.changed:
            run.want_stop = True
            run.changed.notify_all()

    def set_speed(self, run_id: str, steps_per_second: float | None) -> None:
        """Limit the run to so many steps per second, None for no limit; acts at once."""
        speed = _speed(steps_per_second)
        run = self._runs.get(run_id)
        if run is not None:
            with run.changed:
                run.speed = speed
                run.changed.notify_all()

    def delete(self, run_id: str) -> None:
        """Stop the run if it trains, and remove it for good."""
        self.stop(run_id)
        self.wait(run_id, timeout=30.0)
        with self._guard:
            self._runs.pop(run_id, None)
        self.store.delete(run_id)

    # --------------------------------------------------------------------------------------- reading

    def status(self, run_id: str) -> RunStatus:
        """Where the run stands; :class:`~qhn_core.store.UnknownRun` if there is none of this id."""
        run = self._runs.get(run_id)
        if run is not None and (run.state.active or run.saved != run.version):
            return run.status(self._slots.position(run))
        record = self.store.get(run_id)
        if run is not None and record.state is run.state:
            return run.status(None)
        if run is not None:  # another process has taken it up since it ended here
            with self._guard:
                self._runs.pop(run_id, None)
        return RunStatus(
            run_id=run_id,
            name=record.name,
            state=record.state,
            message=record.message,
            step=record.step,
            steps=record.steps,
            elsewhere=record.state.active and self.store.held_elsewhere(run_id),
        )

    def version(self, run_id: str) -> int | None:
        """A number that grows with whatever :meth:`status`, :meth:`history` and :meth:`snapshot` show of a run.

        None where the run is not in memory. Cheap: no lock is taken and nothing is read.
        """
        run = self._runs.get(run_id)
        return None if run is None else run.version

    def history(self, run_id: str, since: int = 0) -> Rows:
        """Logged steps from step number ``since`` on: steps (T,) and {metric: (T, B)}, read-only.

        A page that has the steps up to s asks with ``since = s + 1`` and gets what is new.
        """
        run = self._runs.get(run_id)
        if run is not None and (len(run.recorder) or not run.from_store):
            return run.recorder.rows(since)
        return self.store.history(run_id, since)

    def snapshot(self, run_id: str) -> Snapshot | None:
        """Angles of the last step seen, with probabilities or strings where the run has them in memory.

        For a run that is not in memory the angles of its checkpoint; None where there is nothing yet.
        """
        run = self._runs.get(run_id)
        found = run.snapshot() if run is not None else None
        if found is not None:
            return found
        saved = self.store.load_checkpoint(run_id)
        if saved is None:
            return None
        from qhn_core.trainer import TrainState

        state = TrainState.from_arrays(saved[1])
        return Snapshot(state.step, state.theta)

    def setup(self, run_id: str) -> Setup | None:
        """Problem, circuit and engine of a run in memory; None while it is prepared, and for runs long ended."""
        run = self._runs.get(run_id)
        return None if run is None else run.setup

    def open_setup(
        self,
        run_id: str,
        *,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Setup:
        """As :meth:`setup`, but made anew where it is not in memory; this may take seconds."""
        found = self.setup(run_id)
        if found is not None:
            return found
        from qhn_core import trainer

        config = self.store.get(run_id).config
        return trainer.prepare(config, uploads=self.store.uploads, progress=progress, cancelled=cancelled)

    def events(self, since: int = 0, *, run_id: str | None = None) -> list[Event]:
        """What happened after event number ``since``; the last few thousand are kept."""
        return self._events.since(since, run_id=run_id)

    def active(self) -> list[str]:
        """Ids of the runs that this process holds: queued, preparing, running or paused, oldest first."""
        return [run.run_id for run in self._all() if run.state.active]

    def wait(self, run_id: str, timeout: float | None = None) -> RunStatus:
        """Wait until the run has ended or is paused, at most ``timeout`` seconds; returns where it then stands."""
        run = self._runs.get(run_id)
        if run is not None:
            with run.changed:
                run.changed.wait_for(lambda: run.resting, timeout=timeout)
        return self.status(run_id)

    def shutdown(self, timeout: float = 5.0) -> None:
        """End all runs, with their checkpoints, as interrupted. Called when the program ends."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.shutdown)
        runs = self._all()
        for run in runs:
            with run.changed:
                run.want_stop = True
                run.stop_as, run.stop_message = RunState.INTERRUPTED, "The program was closed. Resume goes on."
                run.changed.notify_all()
        deadline = time.monotonic() + timeout
        for run in runs:
            if run.thread is not None and run.thread is not threading.current_thread():
                run.thread.join(max(0.0, deadline - time.monotonic()))
        self._writer.close(max(1.0, deadline - time.monotonic()))
        for run in runs:
            if run.thread is not None and run.thread.is_alive():
                run.ending = (RunState.INTERRUPTED, "The program was closed in the midst of a step. Resume goes on.")
                run.version += 1
            self._writer.write(run)

    # --------------------------------------------------------------------------------------- private

    def _all(self) -> list[LiveRun]:
        with self._guard:
            return list(self._runs.values())

    def _mine(self, run_id: str) -> LiveRun | None:
        """The run if it is active here; None if it has ended. Refuses runs of other processes."""
        run = self._runs.get(run_id)
        if run is not None and run.state.active:
            return run
        if run is None and self.store.get(run_id).state.active and self.store.held_elsewhere(run_id):
            raise StoreError(f"Run {run_id} is trained by another program on this data folder; control it there.")
        return None

    def _reopen(self, run_id: str, *, paused: bool, speed: float | None) -> LiveRun | None:
        """Take up a run that ended before its last step; None for a finished one."""
        with self._guard:
            former = self._runs.get(run_id)
            if former is not None and former.state.active:
                return former
            if former is not None and former.saved != former.version and not self._writer.write(former):
                raise StoreError("The run store cannot be written at present; the run is safe in memory. Try again.")
            record: RunRecord = self.store.get(run_id)
            if record.state is RunState.FINISHED:
                return None
            self._check_open()
            config = record.config
            self.store.claim(run_id)
            run = LiveRun(run_id, config, name=record.name, events=self._events, paused=paused, speed=speed)
            run.from_store, run.step = True, record.step
            run.setup = former.setup if former is not None else None
            self._launch(run)
            return run

    def _launch(self, run: LiveRun) -> None:
        worker = Worker(run, store=self.store, slots=self._slots, write=self._write, park_seconds=self._park_seconds)
        run.thread = threading.Thread(target=worker.main, name=f"qhn-run-{run.run_id}", daemon=True)
        with self._guard:
            self._runs[run.run_id] = run
            self._writer.start()
        run.thread.start()

    def _write(self, run: LiveRun) -> bool:
        return self._writer.write(run)

    def _kept(self) -> list[LiveRun]:
        """All runs in memory, after letting go of those that ended first and that the store has in full."""
        with self._guard:
            ended = [run for run in self._runs.values() if not run.state.active and run.saved == run.version]
            for run in ended[: max(0, len(ended) - _KEPT)]:
                del self._runs[run.run_id]
            return list(self._runs.values())

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The program is closing; no run can begin.")
        if len(self.active()) >= _MOST_ACTIVE:
            raise Unsupported(f"{_MOST_ACTIVE} runs are active already. Stop some, or wait until some have ended.")


def _speed(value: float | None) -> float | None:
    if value is None:
        return None
    speed = float(check_finite("steps_per_second", value))
    if speed <= 0:
        raise InvalidArgument("steps_per_second", expected="a positive number, or None for unlimited", got=value)
    return speed
