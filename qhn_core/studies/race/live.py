"""Races in the background: pause, resume, step, stop and watch, while the contenders train in lockstep.

A race is driven like a run (the same worker, pace and slots); its contenders' histories are those of plain training.
"""

from __future__ import annotations

import atexit
import copy
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qhn_core.errors import QHNError, StoreError, Unsupported
from qhn_core.planning import plan
from qhn_core.runner.cluster import Cluster
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun, speed_limit
from qhn_core.runner.slots import Slots
from qhn_core.runner.writer import FLUSH_SECONDS, Writer
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.reading import KEPT, Reading, may_go, may_kept_go
from qhn_core.studies.race.task import Racing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

log = logging.getLogger(__name__)

#: Races that may be active at once.
_MOST_ACTIVE = 256


class Races(Reading):
    """Starts, controls and reports races. All methods may be called from any thread, and return at once.

    A race is kept in the store as it goes, as one run a contender, unless it is an instant one. So one whose program
    died is found again under its id, and goes on where its rows end; what comes out is the same.

    Args:
        store: where races are kept.
        slots: with whom races take turns; by default with other races alone, half as many at once as there are cores.
        park_seconds: how long a paused race stays in memory.
        cluster: where races are trained, every contender on a worker of its own; None for this machine.
        left: whether whoever started a race that has not begun is gone; it is then stopped, and can be resumed.
    """

    def __init__(
        self,
        store: RunStore,
        slots: Slots | None = None,
        *,
        park_seconds: float = 1800.0,
        cluster: Cluster | None = None,
        left: Callable[[LiveRun[Any]], bool] = lambda run: False,
    ) -> None:
        self.store, self._cluster = store, cluster
        self._events = EventLog()
        self._writer: Writer[Racing] = Writer(store, self._written, seconds=FLUSH_SECONDS)
        self.crew: Crew[Racing] = Crew(
            "races",
            slots=slots or Slots(max(1, (os.cpu_count() or 1) // 2)),
            most_active=_MOST_ACTIVE,
            write=self._write,
            park_seconds=park_seconds,
            left=left,
        )
        self._guard = threading.RLock()
        self._rebuilt = deque(maxlen=64)
        self._person = ""
        store.mark_interrupted()
        atexit.register(self.shutdown)  # a race on a device has a job to cancel

    def of(self, person: str) -> Races:
        """The races as one person sees them: those of others are not found, and new ones are theirs."""
        mine = copy.copy(self)
        mine._person, mine.store = person, self.store.of(person)
        return mine

    # ---------------------------------------------------------------------------------------- control

    def start(
        self,
        config: RaceConfig,
        *,
        paused: bool = False,
        speed: float | None = None,
        instant: bool = False,
        replaces: str | None = None,
    ) -> str:
        """Begin a race; returns its id at once. What cannot work is refused here with the reason.

        Args:
            config: the race.
            paused: prepare it, then wait for Resume or Step.
            speed: at most so many steps per second; None for unlimited.
            instant: do not keep it in the store unless :meth:`keep` is called.
            replaces: id of a race that is stopped first, if it is an instant one.
        """
        speed = speed_limit(speed)
        memory = 0
        for contender, side in zip(config.contenders, config.configs(), strict=True):
            try:
                memory += plan(side, self.store.uploads).memory_bytes
            except QHNError as error:
                raise Unsupported(f"{contender.title}: {error}") from error
        former = self.crew.get(replaces) if replaces and self.known(replaces) else None
        if former is not None and former.task.instant:
            former.stop()
        self.crew.thin(KEPT - 1, may_go=may_go)
        self.crew.check_room(self._person)
        race = Racing(config, self.store, instant=instant, cluster=self._cluster)
        race_id = secrets.token_hex(5)
        run = LiveRun(race_id, race, name="Race", events=self._events, paused=paused, speed=speed, owner=self._person)
        if not instant:
            self._enter(run)
        self._launch(run)
        return race_id

    def pause(self, race_id: str) -> None:
        """Pause after the step in work."""
        self._get(race_id).pause()

    def resume(self, race_id: str) -> None:
        """Go on: a paused race from where it is, one that was stopped or interrupted from what the store has of it.

        Nothing happens to a race that trains or has finished. StoreError if another process trains a contender.
        """
        run = self._get(race_id)
        if run.state.active:
            run.resume()
            return
        with self._guard:
            if run.state is RunState.FINISHED or not run.task.kept or not self._writer.write(run):
                return
            self.crew.check_room(self._person)
            for run_id in run.task.kept:
                self.store.claim(run_id)
            race = Racing(run.task.config, self.store, kept=run.task.kept, cluster=self._cluster)
            memory = sum(plan(side, self.store.uploads).memory_bytes for side in run.task.config.configs())
            again = LiveRun(race_id, race, name="Race", events=self._events, owner=run.owner, memory=memory)
            again.reached = run.reached
            self._launch(again)

    def step(self, race_id: str) -> None:
        """Make one step and pause; a race that runs is only paused."""
        self._get(race_id).step()

    def stop(self, race_id: str) -> None:
        """End the race after the step in work; a device's job is cancelled and not waited for."""
        self._get(race_id).stop()

    def set_speed(self, race_id: str, steps_per_second: float | None) -> None:
        """Limit the race to so many steps per second, None for no limit."""
        self._get(race_id).set_speed(steps_per_second)

    def keep(self, race_id: str) -> tuple[str, ...]:
        """Write an instant race to the store as one run a contender; returns their ids. Does nothing twice.

        An instant race that is still in work is refused; one that was stopped can be resumed.
        """
        run = self._get(race_id)
        if not run.task.kept and run.state.active:
            raise Unsupported("The race is still in work: stop it, or wait for its end.")
        with self._guard:
            if not run.task.kept:
                if run.task.state is None:
                    raise Unsupported("The race ended before its first step: there is nothing to keep.")
                self._enter(run)
                run.version += 1
        if not run.state.active and not self._writer.write(run):
            raise StoreError("The run store cannot be written at present; the race is safe in memory. Try again.")
        return run.task.kept

    def shutdown(self, timeout: float = 5.0) -> None:
        """End all races, and wait a little for their threads. Called when the program ends."""
        atexit.unregister(self.shutdown)
        races = self.crew.all()
        for run in races:
            run.stop(state=RunState.INTERRUPTED, because="The program was closed. Resume goes on.")
        for run in races:
            if run.thread is not None:
                run.thread.join(timeout)
        self._writer.close()

    # --------------------------------------------------------------------------------------- private

    def _launch(self, run: LiveRun[Racing]) -> None:
        run.task.one_by_one = lambda: run.want_pause or run.speed is not None
        run.task.cancelled = run.cancelled
        self.crew.launch(run)
        self.crew.fit(may_go=may_kept_go)
        self._writer.start()

    def _written(self) -> list[LiveRun[Racing]]:
        """Races that the store has, or is to have."""
        return [run for run in self.crew.all() if run.task.kept]

    def _write(self, run: LiveRun[Racing]) -> bool:
        """Called by the worker before it announces the end."""
        return self._writer.write(run) if run.task.kept else True

    def _enter(self, run: LiveRun[Racing]) -> None:
        """Make the race's runs in the store."""
        race, store = run.task, self.store.of(run.owner)
        kept = tuple(
            store.create(side, name=f"Race {run.run_id[:4]}: {contender.title}")
            for side, contender in zip(race.config.configs(), race.config.contenders, strict=True)
        )
        self.store.races.create(run.run_id, race.config.to_json(), kept, person=run.owner)
        race.kept = kept
