"""What a run is and was: read from memory while it is there, else from the store. Nothing here changes a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qhn_core.errors import InvalidArgument
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import Event, EventLog
from qhn_core.runner.live import LiveRun
from qhn_core.runner.status import RunStatus, Snapshot
from qhn_core.runner.training import Training
from qhn_core.store import Rows, RunStore

if TYPE_CHECKING:
    from qhn_core.trainer import Setup, TrainState


class Reading:
    """The half of :class:`~qhn_core.runner.supervisor.Supervisor` that tells."""

    store: RunStore
    crew: Crew[Training]
    _events: EventLog
    _person: str

    def status(self, run_id: str) -> RunStatus:
        """Where the run stands; :class:`~qhn_core.store.UnknownRun` if there is none of this id."""
        run = self._live(run_id)
        if run is not None and (run.state.active or run.saved != run.version):
            return self.crew.status(run)
        record = self.store.get(run_id)
        if run is not None and record.state is run.state:
            return run.status(None)
        if run is not None:  # another process has taken it up since it ended here
            self.crew.forget(run_id)
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
        run = self._live(run_id)
        return None if run is None else run.version

    def history(self, run_id: str, since: int = 0) -> Rows:
        """Logged steps from step number ``since`` on: steps (T,) and {metric: (T, B)}, read-only.

        A page that has the steps up to s asks with ``since = s + 1`` and gets what is new.
        """
        run = self._live(run_id)
        if run is not None and (len(run.task.recorder) or not run.task.from_store):
            return run.task.recorder.rows(since)
        return self.store.history(run_id, since)

    def curves(self, run_id: str) -> Rows:
        """The logged steps in which curves have their turns: all of a short run, some thousands of a long one."""
        run = self._live(run_id)
        if run is not None and (len(run.task.recorder) or not run.task.from_store):
            return run.task.recorder.curves()
        return self.store.curves(run_id)

    def snapshot(self, run_id: str) -> Snapshot | None:
        """Angles of the last step seen, with probabilities or strings where the run has them in memory.

        For a run that is not in memory the angles of its checkpoint; None where there is nothing yet.
        """
        run = self._live(run_id)
        if run is not None:
            with run.changed:
                found = run.task.snapshot()
            if found is not None:
                return found
        state = self.newest_state(run_id)
        return None if state is None else Snapshot(int(state.step), state.theta)

    def newest_state(self, run_id: str) -> TrainState | None:
        """The run's whole state after its last update; None where there is nothing yet."""
        from qhn_core.trainer import TrainState

        run = self._live(run_id)
        if run is not None and run.task.state is not None:
            return run.task.state
        saved = self.store.load_checkpoint(run_id)
        return None if saved is None else TrainState.from_arrays(saved[1])

    def kept_steps(self, run_id: str) -> NDArray[np.int64]:
        """Steps at which the run can be looked at and left, increasing; none for a run of an earlier version."""
        run = self._live(run_id)
        waiting = [] if run is None else [state.step for state in run.task.waiting_states()]
        return np.union1d(self.store.kept_steps(run_id), np.array(waiting, dtype=np.int64))

    def state_at(self, run_id: str, step: int) -> TrainState:
        """The run's state before step ``step``: one of :meth:`kept_steps`, or the newest; else InvalidArgument."""
        from qhn_core.trainer import TrainState

        run = self._live(run_id)
        waiting = () if run is None else run.task.waiting_states()
        for state in waiting:
            if state.step == step:
                return state
        arrays = self.store.load_state(run_id, step)
        if arrays is None:
            newest = self.newest_state(run_id)
            if newest is not None and newest.step == step:
                return newest
            kept = self.kept_steps(run_id)
            known = f"one of the {len(kept)} kept steps, {kept[0]} to {kept[-1]}" if len(kept) else "a kept step"
            raise InvalidArgument(
                "step",
                expected=known,
                got=step,
                remedy="" if len(kept) else "This run kept none of its steps: train it again to look back.",
            )
        return TrainState.from_arrays(arrays)

    def setup(self, run_id: str) -> Setup | None:
        """Problem, circuit and engine of a run in memory; None while it is prepared, and for runs long ended."""
        run = self._live(run_id)
        if run is None:
            return None
        run.asked = time.monotonic()
        return run.task.setup

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
        return [run.run_id for run in self.crew.all() if run.state.active and self._person in ("", run.owner)]

    def wait(self, run_id: str, timeout: float | None = None) -> RunStatus:
        """Wait until the run has ended or is paused, at most ``timeout`` seconds; returns where it then stands."""
        run = self._live(run_id)
        if run is not None:
            run.wait(timeout)
        return self.status(run_id)

    def _live(self, run_id: str) -> LiveRun[Training] | None:
        """The run if it is in memory and may be seen."""
        run = self.crew.get(run_id)
        return None if run is None or (self._person and run.owner != self._person) else run
