"""Races in the background: pause, resume, step, stop and watch, while the contenders train in lockstep.

A race is driven like a run (the same worker, pace and slots); its contenders' histories are those of plain training.
"""

from __future__ import annotations

import atexit
import copy
import json
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qhn_core.errors import InvalidArgument, QHNError, StoreError, Unsupported
from qhn_core.planning import plan
from qhn_core.runner.cluster import Cluster
from qhn_core.runner.crew import Crew
from qhn_core.runner.events import EventLog
from qhn_core.runner.live import LiveRun, speed_limit
from qhn_core.runner.slots import Slots
from qhn_core.runner.writer import FLUSH_SECONDS, Writer
from qhn_core.store import RunState, RunStore
from qhn_core.studies.race.config import RaceConfig
from qhn_core.studies.race.memory import RaceRows
from qhn_core.studies.race.status import RaceStatus
from qhn_core.studies.race.task import Racing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from qhn_core.studies.race.race import RaceSetup

    Array = NDArray[np.float64]

log = logging.getLogger(__name__)

#: Ended races kept in memory, and races that may be active at once.
_KEPT, _MOST_ACTIVE = 8, 256


class Races:
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
        #: Races whose set-up was made, or tried to be, after they had ended.
        self._rebuilt: deque[str] = deque(maxlen=64)
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
        self.crew.thin(_KEPT - 1, may_go=_may_go)
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

    # --------------------------------------------------------------------------------------- reading

    def known(self, race_id: str) -> bool:
        """Whether the race is in memory or in the store, and may be seen."""
        return self._find(race_id) is not None

    def racing(self) -> bool:
        """Whether a race computes at this moment."""
        busy = (RunState.QUEUED, RunState.PREPARING, RunState.RUNNING)
        return any(run.state in busy for run in self.crew.all())

    def config(self, race_id: str) -> RaceConfig:
        """What races."""
        return self._get(race_id).task.config

    def status(self, race_id: str) -> RaceStatus:
        """Where it stands; InvalidArgument if there is no such race."""
        run = self._get(race_id)
        found = self.crew.status(run)
        if run.task.kept and not found.state.active and run.saved != run.version:
            words = "It could not be written to the store yet; that is tried again all the time."
            found = replace(found, message=f"{found.message} {words}".strip())
        return RaceStatus(found, run.task.instant, run.task.kept)

    def history(self, race_id: str, contender: int, since: int = 0) -> RaceRows:
        """Logged steps of a contender: steps (T,), seconds (T,), {metric: (T, B)}, read-only."""
        run = self._get(race_id)
        with run.changed:
            return run.task.lanes[contender].rows(since)

    def angles(self, race_id: str, contender: int, step: int | None = None) -> tuple[int, Array] | None:
        """The kept step nearest to ``step`` (None: the newest), and the angles (B, P) there; None before the first."""
        run = self._get(race_id)
        with run.changed:
            return run.task.lanes[contender].angles.at(step)

    def probs(self, race_id: str, contender: int, step: int | None, replicas: slice) -> tuple[int, Array] | None:
        """As :meth:`angles`, with exact q (B', 2**N) of some replicas; None where it cannot be known."""
        found, setup = self.angles(race_id, contender, step), self.setup(race_id)
        if found is None or setup is None:
            return None
        side = setup.setups[contender]
        if side.problem.table is None:
            return None
        from qhn_core.engines import engine

        return found[0], engine("statevector").probs(side.circuit, found[1][replicas])

    def setup(self, race_id: str) -> RaceSetup | None:
        """Problems and circuits; None until they are made. Those that an ended race has not are made when asked for."""
        run = self._get(race_id)
        run.asked = time.monotonic()
        with self._guard:
            missing = run.task.setup is None and not run.state.active
            if missing and race_id not in self._rebuilt:
                self._rebuilt.append(race_id)
                threading.Thread(target=self._rebuild, args=(run,), name=f"qhn-race-{race_id}", daemon=True).start()
        return run.task.setup

    def wait(self, race_id: str, timeout: float | None = None) -> RaceStatus:
        """Return when the race has ended or is paused, or after ``timeout`` seconds."""
        self._get(race_id).wait(timeout)
        return self.status(race_id)

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

    def _get(self, race_id: str) -> LiveRun[Racing]:
        found = self._find(race_id)
        if found is None:
            raise InvalidArgument(
                "race",
                expected="a race in memory or in the store",
                got=race_id,
                remedy="Train it again: the same seed, the same race.",
            )
        return found

    def _find(self, race_id: str) -> LiveRun[Racing] | None:
        """The race, if it may be seen; one that is only in the store comes into memory as it stands there."""
        run = self.crew.get(race_id)
        if run is None:
            with self._guard:
                run = self.crew.get(race_id) or self._recall(race_id)
        return None if run is None or (self._person and run.owner != self._person) else run

    def _recall(self, race_id: str) -> LiveRun[Racing] | None:
        known = self.store.races.get(race_id)
        if known is None or (self._person and known.person != self._person):
            return None
        records = [self.store.get(run_id) for run_id in known.runs]
        if any(record.state.active or record.state is RunState.DAMAGED for record in records):
            return None  # another program trains it, or somebody a single contender
        race = Racing(RaceConfig.parse(json.loads(known.config_json)), self.store, kept=known.runs)
        race.recall()
        run = LiveRun(race_id, race, name="Race", events=self._events, owner=known.person)
        unfinished = [record for record in records if record.state is not RunState.FINISHED]
        shown = unfinished[0] if unfinished else records[0]
        run.state, run.message = shown.state, shown.message
        run.reached = max(record.step for record in records)
        run.saved = run.version
        self.crew.thin(_KEPT - 1, may_go=_may_go)
        self.crew.hold(run)
        return run

    def _launch(self, run: LiveRun[Racing]) -> None:
        run.task.one_by_one = lambda: run.want_pause or run.speed is not None
        run.task.cancelled = run.cancelled
        self.crew.launch(run)
        self.crew.fit(may_go=_may_kept_go)
        self._writer.start()

    def _rebuild(self, run: LiveRun[Racing]) -> None:
        """Make the set-up of an ended race again; body of a thread. Where that fails it is not tried again."""
        try:
            setup = run.task.prepare(run.set_progress, lambda: False)
        except Exception:
            log.exception("the problems of race %s cannot be made again", run.run_id)
            return
        with run.changed:
            run.task.setup = setup
        self.crew.fit(may_go=_may_kept_go)
        with self._guard, suppress(ValueError):
            self._rebuilt.remove(run.run_id)

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


def _may_kept_go(run: LiveRun[Racing]) -> bool:
    """Whether a race that has ended is found again in the store."""
    return bool(run.task.kept) and run.saved == run.version


def _may_go(run: LiveRun[Racing]) -> bool:
    """Whether nothing is lost with a race that has ended."""
    return not run.task.kept or run.saved == run.version
