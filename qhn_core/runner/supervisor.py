"""The one object that pages and command line talk to: it starts, controls and reports runs."""

from __future__ import annotations

import atexit
import copy
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qhn_core.engines import cores
from qhn_core.errors import QHNError, StoreError
from qhn_core.runner.cluster import Cluster
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import EventLog
from qhn_core.runner.helpers import Helpers
from qhn_core.runner.live import LiveRun, speed_limit
from qhn_core.runner.reading import Reading
from qhn_core.runner.slots import Limits, Slots
from qhn_core.runner.training import Training
from qhn_core.runner.twins import Twins
from qhn_core.runner.writer import FLUSH_SECONDS, Writer
from qhn_core.sharing import Shared
from qhn_core.store import Rows, RunRecord, RunState, RunStore

if TYPE_CHECKING:
    from qhn_core.config import RunConfig
    from qhn_core.trainer import TrainState

log = logging.getLogger(__name__)

#: Ended runs kept in memory, so that a page can go on drawing them at once.
_KEPT = 4
#: Runs that may be active at once: training, paused and queued.
_MOST_ACTIVE = 256


class Supervisor(Reading):
    """Trains runs in background threads and keeps them in ``store``.

    All methods may be called from any thread, return at once, and do no harm when called twice. A run is known by its
    id; runs of earlier processes are read from the store.

    Args:
        store: where runs are kept.
        max_running: runs that compute at once; they take turns with the others. By default the number of cores.
        limits: runs that one person may have; None for no limit.
        flush_seconds: time between writes to the store.
        park_seconds: how long a paused run stays in memory before it is stopped (it can be resumed).
        cluster: where runs are trained; None for this machine. As many compute at once as it has threads.
        memory: bytes for all runs that have begun and not ended; by default :func:`~qhn_core.planning.memory_limit`.
        left: whether whoever started a run that has not begun is gone; it is then stopped, and can be resumed.
        helpers: processes that make the runs' turns where more runs are at work than can compute at once; None to make
            all steps in this one.
    """

    def __init__(
        self,
        store: RunStore,
        max_running: int | None = None,
        *,
        limits: Limits | None = None,
        flush_seconds: float = FLUSH_SECONDS,
        park_seconds: float = 1800.0,
        cluster: Cluster | None = None,
        memory: int | None = None,
        left: Callable[[LiveRun[Any]], bool] = lambda run: False,
        helpers: Helpers | None = None,
    ) -> None:
        from qhn_core.planning import memory_limit

        self.store, self.cluster, self.helpers = store, cluster, helpers
        if cluster is not None:
            max_running = max_running or cluster.slots()
        count = max_running or os.cpu_count() or 1
        self._events = EventLog()
        self._writer = Writer(store, self._kept, seconds=flush_seconds)
        self.crew: Crew[Training] = Crew(
            "runs",
            slots=Slots(
                count,
                limits=limits,
                memory=memory_limit() if memory is None else memory,
                # Who asks a process beside this one waits for Python's interpreter before and after: another computes.
                beside=lambda: 0 if helpers is None else max(0, helpers.count_ready() - count),
                held=cores.divide if cluster is None else lambda count: None,
            ),
            left=left,
            most_active=_MOST_ACTIVE,
            write=self._writer.write,
            park_seconds=park_seconds,
        )
        #: Configuration -> what its runs share.
        self._twins: Shared[Twins] = Shared()
        self._guard = threading.RLock()
        self._closed = False
        self._person = ""
        store.mark_interrupted()
        atexit.register(self.shutdown)

    def of(self, person: str) -> Supervisor:
        """The supervisor as one person sees it: runs of others are not found, and new ones are theirs."""
        mine = copy.copy(self)
        mine._person, mine.store = person, self.store.of(person)
        return mine

    # ---------------------------------------------------------------------------------------- control

    def start(
        self,
        config: RunConfig,
        *,
        paused: bool = False,
        speed: float | None = None,
        name: str | None = None,
    ) -> str:
        """Begin a run; returns its id at once.

        Args:
            config: what to train. What cannot work is refused here, before anything starts, with the reason (see
                :func:`qhn_core.planning.plan`).
            paused: prepare it, then wait for Resume or Step.
            speed: at most so many steps per second; None for unlimited.
            name: free text; by default made from the configuration.
        """
        speed = speed_limit(speed)
        self._check_open()
        from qhn_core.planning import plan

        plan(config, self.store.uploads)
        run_id = self.store.create(config, name=name)
        task = Training(run_id, config, self.store, cluster=self.cluster)
        self._launch(task, name=self.store.get(run_id).name, paused=paused, speed=speed)
        return run_id

    def fork(
        self,
        run_id: str,
        step: int,
        config: RunConfig,
        *,
        paused: bool = False,
        speed: float | None = None,
        name: str | None = None,
    ) -> str:
        """Begin a run that goes on from a kept step of another one; returns its id at once.

        Args:
            run_id, step: where it leaves; the step is one of :meth:`kept_steps`.
            config: what is trained from there on, on the same circuit and starts (see
                :func:`qhn_core.runner.forking.branch`). With the settings of the run that it leaves, every later row
                comes out the same.
            paused, speed, name: as for :meth:`start`.
        """
        from qhn_core.runner.forking import branch
        from qhn_core.store.rows import default_name

        speed = speed_limit(speed)
        self._check_open()
        before, state = self.store.get(run_id).config, self.state_at(run_id, step)
        begun = branch(state, before, config, uploads=self.store.uploads)
        title = name or f"{default_name(config.to_json())} · from step {begun.step}"
        new_id = self.store.create(config, name=title, begin=(begun.step, begun.arrays()), parent=run_id)
        task = Training(new_id, config, self.store, from_store=True, cluster=self.cluster)
        self._launch(task, name=self.store.get(new_id).name, paused=paused, speed=speed, reached=begun.step)
        return new_id

    def take_over(self, config: RunConfig, state: TrainState, rows: Rows, *, name: str | None = None) -> str:
        """Enter a run that was trained elsewhere, with its rows, as one that rests at ``state``; returns its id.

        Resume goes on from there, as it would have gone on elsewhere.
        """
        from qhn_core.planning import plan

        plan(config, self.store.uploads)
        step = min(state.step, config.steps)
        end = RunState.FINISHED if state.done else RunState.STOPPED
        run_id = self.store.create(config, name=name, begin=(step, state.arrays()))
        message = "" if state.done else f"Handed over at step {step}; Resume goes on."
        self.store.flush(
            run_id,
            steps=rows.steps,
            rows=rows.history,
            step=step,
            state=end,
            message=message,
            kept=((step, replace(state, done=False).arrays()),),
        )
        return run_id

    def pause(self, run_id: str) -> None:
        """Pause after the step in work, on a device after its jobs, which are paid for already (``stop`` cancels them).

        A queued run leaves the queue. Nothing happens to an ended run.
        """
        if (run := self._mine(run_id)) is not None:
            run.pause()

    def resume(self, run_id: str, *, speed: float | None = None) -> None:
        """Go on: a paused run from where it is, a stopped, failed or interrupted one from its checkpoint.

        Nothing happens to a run that trains or has finished. StoreError if another process trains it.
        """
        if (run := self._mine(run_id)) is not None:
            run.resume()
        else:
            self._reopen(run_id, paused=False, speed=speed_limit(speed))

    def step(self, run_id: str) -> None:
        """Make one step and pause. A run that trains is only paused; a stopped one is taken up again, paused."""
        run = self._mine(run_id) or self._reopen(run_id, paused=True, speed=None)
        if run is not None:
            run.step()

    def stop(self, run_id: str) -> None:
        """End the run after the step in work, or at once where it waits; it can be resumed later.

        A step that waits for a device is not waited for: its job is cancelled, and Resume makes the step anew.
        """
        if (run := self._mine(run_id)) is not None:
            run.stop()

    def set_speed(self, run_id: str, steps_per_second: float | None) -> None:
        """Limit the run to so many steps per second, None for no limit; acts at once."""
        speed = speed_limit(steps_per_second, "steps_per_second")
        if (run := self._live(run_id)) is not None:
            run.set_speed(speed)

    def delete(self, run_id: str) -> None:
        """Stop the run if it trains, and remove it for good."""
        self.stop(run_id)
        self.wait(run_id, timeout=30.0)
        self.crew.forget(run_id)
        self.store.delete(run_id)

    def shutdown(self, timeout: float = 5.0) -> None:
        """End all runs, with their checkpoints, as interrupted. Called when the program ends."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.shutdown)
        runs = self.crew.all()
        for run in runs:
            run.stop(state=RunState.INTERRUPTED, because="The program was closed. Resume goes on.")
        deadline = time.monotonic() + timeout
        for run in runs:
            if run.thread is not None and run.thread is not threading.current_thread():
                run.thread.join(max(0.0, deadline - time.monotonic()))
        self._writer.close(max(1.0, deadline - time.monotonic()))
        if self.cluster is not None:
            self.cluster.close()
        if self.helpers is not None:
            self.helpers.close()
        for run in runs:
            if run.thread is not None and run.thread.is_alive():
                run.ending = (RunState.INTERRUPTED, "The program was closed in the midst of a step. Resume goes on.")
                run.version += 1
            self._writer.write(run)

    # --------------------------------------------------------------------------------------- private

    def _mine(self, run_id: str) -> LiveRun[Training] | None:
        """The run if it is active here; None if it has ended. Refuses runs of other processes."""
        run = self._live(run_id)
        if run is not None and run.state.active:
            return run
        if run is None and self.store.get(run_id).state.active:
            if self.store.held_elsewhere(run_id):
                raise StoreError(f"Run {run_id} is trained by another program on this data folder; control it there.")
            if self.store.races.of_run(run_id) is not None:
                raise StoreError(f"Run {run_id} is in a race that is under way; control it on the page Compare.")
        return None

    def _reopen(self, run_id: str, *, paused: bool, speed: float | None) -> LiveRun[Training] | None:
        """Take up a run that ended before its last step; None for a finished one."""
        with self._guard:
            former = self._live(run_id)
            if former is not None and former.state.active:
                return former
            if former is not None and former.saved != former.version and not self._writer.write(former):
                raise StoreError("The run store cannot be written at present; the run is safe in memory. Try again.")
            record: RunRecord = self.store.get(run_id)
            if record.state is RunState.FINISHED:
                return None
            self._check_open()
            self.store.claim(run_id)
            setup = former.task.setup if former is not None else None
            task = Training(run_id, record.config, self.store, from_store=True, setup=setup, cluster=self.cluster)
            return self._launch(task, name=record.name, paused=paused, speed=speed, reached=record.step)

    def _launch(
        self, task: Training, *, name: str, paused: bool, speed: float | None, reached: int = 0
    ) -> LiveRun[Training]:
        from qhn_core.planning import plan

        try:
            memory = plan(task.config, self.store.uploads).memory_bytes
        except QHNError:  # of an earlier run, which says itself what is wrong when it is prepared
            memory = 0
        owner = self.store.get(task.run_id).person
        run = LiveRun(
            task.run_id,
            task,
            name=name,
            events=self._events,
            paused=paused,
            speed=speed,
            owner=owner,
            memory=memory,
        )
        run.reached = reached
        task.one_by_one = lambda: run.want_pause or run.speed is not None
        task.cancelled = run.cancelled
        task.helpers, task.crowded = self.helpers, self.crew.slots.crowded
        task.twins = self._twins.get(task.config.to_json(), Twins)
        with self._guard:
            task.twins.runs += 1
            self.crew.launch(run)
            self.crew.fit(may_go=_may_go)
            self._writer.start()
        return run

    def _kept(self) -> list[LiveRun[Training]]:
        """All runs in memory, after letting go of those that ended first and that the store has in full."""
        self.crew.thin(_KEPT, may_go=_may_go)
        return self.crew.all()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The program is closing; no run can begin.")
        self.crew.check_room(self._person)


def _may_go(run: LiveRun[Training]) -> bool:
    """Whether the store has all of a run that has ended."""
    return run.saved == run.version
